import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { parseManifest, type Manifest } from "../../src/manifest/manifest.ts";
import { random, sandbox, sha256, type Result, type Sandbox } from "../support/sandbox.ts";

/* Two processes at once, in one repository or in two that share a store: all content, and a manifest that is whole. */
let box: Sandbox;
beforeAll(async () => {
  box = await sandbox();
});

const FILES = 60;
let count = 0;

/** A repository with a store, an upstream and the assets `a/…` and `b/…` on disk, which nothing tracks yet. */
async function repository(): Promise<string> {
  const name = `repo${count++}`;
  await box.git(".", "init", "-q", "--bare", `${name}.git`);
  await box.git(".", "init", "-q", name);
  await box.git(name, "remote", "add", "origin", box.path(`${name}.git`));
  await box.mustBallast(name, "init", box.path(`${name}.store`));
  await box.git(name, "add", "-A");
  await box.git(name, "commit", "-qm", "init");
  return name;
}

const contentOf = (path: string, edition = 1): Buffer => random(5_000, `${path} ${edition}`);

async function fill(repo: string, directory: string, edition = 1): Promise<void> {
  for (let i = 0; i < FILES; i++) await box.write(`${repo}/${directory}/${i}.bin`, contentOf(`${directory}/${i}.bin`, edition));
}

async function manifestOf(repo: string, revision: string): Promise<Manifest> {
  return parseManifest(`${await box.git(repo, "show", `${revision}:.ballast/manifest.jsonl`)}\n`, revision);
}

/** Every object of a store is whole, and it has all of these. */
async function expectStored(store: string, oids: Iterable<string>): Promise<void> {
  const there = new Set<string>();
  for (const name of await box.objects(store)) {
    const bytes = await readFile(box.path(store, "objects", name.slice(0, 2), name));
    expect(sha256(name.endsWith(".gz") ? gunzipSync(bytes) : bytes)).toBe(name.slice(0, 64));
    there.add(name.slice(0, 64));
  }
  for (const oid of oids) expect(there).toContain(oid);
}

const oidsOf = (manifest: Manifest): string[] => [...manifest.values()].map(({ oid }) => oid);

function expectAll(results: readonly Result[]): void {
  for (const { status, stderr } of results) expect(status, stderr).toBe(0);
}

describe("in one repository, at the same time", () => {
  it("two tracks of different directories: both are tracked and recorded in the end", async () => {
    const repo = await repository();
    await fill(repo, "a");
    await fill(repo, "b");
    const results = await Promise.all(["a", "b"].map((directory) => box.ballast(repo, "track", directory)));
    expectAll(results);
    // What one of them read before the other wrote is recorded by the next command, at the latest by git add.
    await box.git(repo, "add", "-A");
    await box.git(repo, "commit", "-qm", "both");
    const manifest = await manifestOf(repo, "HEAD");
    for (const directory of ["a", "b"]) for (let i = 0; i < FILES; i++) expect(manifest.get(`${directory}/${i}.bin`)?.oid).toBe(sha256(contentOf(`${directory}/${i}.bin`)));
    expect(await box.git(repo, "status", "--porcelain")).toBe("");
    await expectStored(`${repo}/.git/ballast`, oidsOf(manifest));
  });

  it("tracks of a few files, again and again: neither takes the other's pattern or assets away", async () => {
    const repo = await repository();
    const names = ["x", "y", "z"];
    for (let round = 0; round < 6; round++) {
      for (const name of names) await box.write(`${repo}/${name}${round}/file.bin`, contentOf(`${name}${round}`));
      expectAll(await Promise.all(names.map((name) => box.ballast(repo, "track", `${name}${round}`))));
      const patterns = (await box.read(`${repo}/.gitignore`)).toString().split("\n");
      const manifest = parseManifest(await box.read(`${repo}/.ballast/manifest.jsonl`), "the manifest");
      for (const name of names) {
        expect(patterns).toContain(`/${name}${round}/`);
        expect(manifest.get(`${name}${round}/file.bin`)?.oid).toBe(sha256(contentOf(`${name}${round}`)));
      }
    }
  });

  it("removes beside tracks: what one takes out stays out, and what the other adds stays in", async () => {
    const repo = await repository();
    for (let round = 0; round <= 5; round++) await box.write(`${repo}/d${round}/file.bin`, contentOf(`d${round}`));
    await box.mustBallast(repo, "track", "d0");
    for (let round = 1; round <= 5; round++) {
      expectAll(await Promise.all([box.ballast(repo, "remove", `d${round - 1}`), box.ballast(repo, "track", `d${round}`)]));
      const patterns = (await box.read(`${repo}/.gitignore`)).toString().split("\n");
      expect(patterns.filter((line) => line.startsWith("/d"))).toEqual([`/d${round}/`]);
      const manifest = parseManifest(await box.read(`${repo}/.ballast/manifest.jsonl`), "the manifest");
      expect([...manifest.keys()]).toEqual([`d${round}/file.bin`]);
    }
  });

  it("a commit beside a track, status and checkout: the manifest is whole and has everything in the end", async () => {
    const repo = await repository();
    await fill(repo, "a");
    await box.mustBallast(repo, "track", "a");
    await box.git(repo, "add", "-A");
    await box.git(repo, "commit", "-qm", "one");
    await fill(repo, "a", 2);
    await fill(repo, "b");
    const results = await Promise.all([
      box.tryGit(repo, "commit", "-qam", "two"),
      box.ballast(repo, "track", "b"),
      box.ballast(repo, "status"),
      box.tryGit(repo, "status"),
      box.ballast(repo, "checkout"),
    ]);
    for (const { stderr } of results) expect(stderr).not.toContain("bug");
    parseManifest(await readFile(box.path(repo, ".ballast/manifest.jsonl")), "the manifest");
    await box.mustBallast(repo, "track", "b");
    await box.git(repo, "add", "-A");
    await box.tryGit(repo, "commit", "-qm", "three");
    const manifest = await manifestOf(repo, "HEAD");
    for (let i = 0; i < FILES; i++) {
      expect(manifest.get(`a/${i}.bin`)?.oid).toBe(sha256(contentOf(`a/${i}.bin`, 2)));
      expect(manifest.get(`b/${i}.bin`)?.oid).toBe(sha256(contentOf(`b/${i}.bin`)));
      expect((await box.read(`${repo}/a/${i}.bin`)).equals(contentOf(`a/${i}.bin`, 2))).toBe(true);
    }
    expect(await box.git(repo, "status", "--porcelain")).toBe("");
    await expectStored(`${repo}/.git/ballast`, oidsOf(manifest));
  });

  it("two pushes of different branches: each has its objects in the store", async () => {
    const repo = await repository();
    await fill(repo, "a");
    await box.mustBallast(repo, "track", "a");
    await box.git(repo, "add", "-A");
    await box.git(repo, "commit", "-qm", "one");
    await box.git(repo, "switch", "-qc", "other");
    await fill(repo, "a", 2);
    await box.git(repo, "commit", "-qam", "two");
    expectAll(await Promise.all(["main", "other"].map((branch) => box.tryGit(repo, "push", "-q", "origin", branch))));
    for (const branch of ["main", "other"]) await expectStored(`${repo}.store`, oidsOf(await manifestOf(`${repo}.git`, branch)));
  });
});

describe("in two worktrees of one repository", () => {
  it("two commits of the same and of different content end with all of it", async () => {
    const repo = await repository();
    await fill(repo, "a");
    await box.mustBallast(repo, "track", "a");
    await box.git(repo, "add", "-A");
    await box.git(repo, "commit", "-qm", "one");
    await box.git(repo, "worktree", "add", "-q", "-b", "second", box.path(`${repo}-second`));
    await box.settled(`${repo}-second`);
    for (let i = 0; i < FILES; i++) expect(await box.exists(`${repo}-second/a/${i}.bin`), `${i}`).toBe(true);
    const trees = [repo, `${repo}-second`];
    for (const [index, tree] of trees.entries()) {
      await fill(tree, "a", 2);
      await box.write(`${tree}/a/own.bin`, contentOf("own", index));
    }
    expectAll(await Promise.all(trees.map((tree) => box.tryGit(tree, "commit", "-qam", "two"))));
    for (const [index, tree] of trees.entries()) {
      const manifest = await manifestOf(tree, "HEAD");
      expect(manifest.size).toBe(FILES + 1);
      expect(manifest.get("a/own.bin")?.oid).toBe(sha256(contentOf("own", index)));
      expect(manifest.get("a/7.bin")?.oid).toBe(sha256(contentOf("a/7.bin", 2)));
      expect(await box.git(tree, "status", "--porcelain")).toBe("");
      await expectStored(`${repo}/.git/ballast`, oidsOf(manifest));
    }
  });
});

describe("in two clones that share a store", () => {
  it("two pushes of the same new content: each object is there once and whole, both pushes succeed", async () => {
    const repo = await repository();
    await box.git(repo, "push", "-q", "origin", "main");
    const clones = [`${repo}-x`, `${repo}-y`];
    for (const clone of clones) {
      await box.mustBallast(".", "clone", "-q", `${repo}.git`, clone);
      await fill(clone, "a");
      await box.mustBallast(clone, "track", "a");
      await box.git(clone, "add", "-A");
      await box.git(clone, "commit", "-qm", `from ${clone}`);
    }
    expectAll(await Promise.all(clones.map((clone) => box.tryGit(clone, "push", "-q", "origin", `HEAD:refs/heads/${clone}`))));
    const manifest = await manifestOf(clones[0]!, "HEAD");
    await expectStored(`${repo}.store`, oidsOf(manifest));
    expect(await box.objects(`${repo}.store`)).toHaveLength(FILES);
    expect((await box.run(`${repo}.store`, "find", ["tmp", "-type", "f"])).stdout).toBe("");
  });
});
