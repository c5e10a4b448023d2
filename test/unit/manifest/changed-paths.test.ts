import { beforeAll, expect, it } from "vitest";
import { openRepository, type Repository } from "../../../src/git/repository.ts";
import { changedPaths } from "../../../src/manifest/changed-paths.ts";
import { formatManifest, sameAsset, type Manifest } from "../../../src/manifest/manifest.ts";
import { oidOf } from "../../../src/object/oid.ts";
import { random, sandbox, type Sandbox } from "../../support/sandbox.ts";

let box: Sandbox;
let repository: Repository;
beforeAll(async () => {
  box = await sandbox({ ballast: false });
  await box.git(".", "init", "-q", "repo");
  repository = await openRepository(box.path("repo"));
});

const COMMITS = 300;
const PATHS = ["a", "art/hero.psd", "art/tree.psd", "b \"quoted\"", "z/ünïcode"];

interface Commit {
  readonly parents: readonly number[];
  readonly manifest: Manifest | undefined;
}

/** A history with forks, merges of two and three, manifests that come and go, and assets of few versions. */
function history(seed: string): Commit[] {
  const bytes = random(COMMITS * 64, seed);
  let at = 0;
  const chance = (of: number): number => bytes[at++]! % of;
  const commits: Commit[] = [];
  for (let i = 0; i < COMMITS; i++) {
    const count = i === 0 || chance(40) === 0 ? 0 : [1, 1, 1, 2, 2, 3][chance(6)]!;
    const parents = [...new Set(Array.from({ length: count }, () => Math.max(0, i - 1 - chance(5))))].filter((parent) => parent < i);
    const from = parents.length > 0 ? commits[parents[chance(parents.length)]!]!.manifest : undefined;
    if (chance(30) === 0) {
      commits.push({ parents, manifest: undefined });
      continue;
    }
    const manifest = new Map(from);
    for (let change = chance(4); change > 0; change--) {
      const path = PATHS[chance(PATHS.length)]!;
      const other = commits[parents[chance(parents.length || 1)] ?? 0]?.manifest?.get(path);
      const kind = chance(5);
      if (kind === 0) manifest.delete(path);
      else if (kind < 3 && other) manifest.set(path, other);
      else manifest.set(path, { path, oid: oidOf(Buffer.from([chance(3)])), sizeBytes: 1, exec: chance(4) === 0 });
    }
    commits.push({ parents, manifest });
  }
  return commits;
}

async function importAll(commits: readonly Commit[], branch: string): Promise<string[]> {
  const lines: Buffer[] = [];
  const line = (text: string): unknown => lines.push(Buffer.from(`${text}\n`));
  for (const [i, { parents, manifest }] of commits.entries()) {
    line("commit refs/heads/import");
    line(`mark :${i + 1}`);
    line(`committer C <c@example.com> ${1_700_000_000 + i} +0000`);
    line(`data ${Buffer.byteLength(`${branch} ${i}`)}`);
    line(`${branch} ${i}`);
    for (const [nth, parent] of parents.entries()) line(`${nth === 0 ? "from" : "merge"} :${parent + 1}`);
    if (parents.length === 0) line(`from ${"0".repeat(40)}`);
    line("deleteall");
    const text = manifest && formatManifest(manifest.values());
    if (text === undefined) continue;
    line("M 100644 inline .ballast/manifest.jsonl");
    line(`data ${Buffer.byteLength(text)}`);
    line(text);
  }
  for (const [i] of commits.entries()) {
    line(`reset refs/heads/${branch}/${i}`);
    line(`from :${i + 1}`);
  }
  const { status, stderr } = await box.run("repo", "git", ["fast-import", "--quiet", "--force"], { input: Buffer.concat(lines) });
  expect(status, stderr).toBe(0);
  const refs = (await box.git("repo", "for-each-ref", "--format=%(refname:lstrip=3) %(objectname)", `refs/heads/${branch}`)).split("\n");
  const ids: string[] = [];
  for (const ref of refs) ids[Number(ref.split(" ")[0])] = ref.split(" ")[1]!;
  return ids;
}

it("are those that differ from every parent, in any history", async () => {
  for (const key of ["log.showRoot=false", "log.diffMerges=separate", "diff.noprefix=true", "color.ui=always", "diff.context=9"]) {
    await box.git("repo", "config", ...(key.split("=") as [string, string]));
  }
  for (const seed of ["one", "two"]) {
    const commits = history(seed);
    const ids = await importAll(commits, seed);
    const wanted = new Set<string>();
    for (const [i, { parents, manifest }] of commits.entries()) {
      for (const path of PATHS) {
        const before = parents.length === 0 ? [undefined] : parents.map((parent) => commits[parent]!.manifest?.get(path));
        if (before.every((asset) => !sameAsset(asset, manifest?.get(path)))) wanted.add(`${ids[i]} ${path}`);
      }
    }
    const found: string[] = [];
    for await (const { path, commit } of changedPaths(repository, [`--branches=${seed}/*`])) found.push(`${commit} ${path}`);
    expect(found.toSorted()).toEqual([...wanted].sort());
    // Merges that take one side of each asset, and merges that make something up, are among them.
    expect(commits.filter(({ parents }) => parents.length === 3).length).toBeGreaterThan(10);
    expect(wanted.size).toBeGreaterThan(COMMITS / 2);
  }
});
