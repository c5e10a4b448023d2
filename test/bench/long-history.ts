import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { formatManifest } from "../../src/manifest/manifest.ts";
import { objectKey } from "../../src/object/name.ts";
import { oidOf, type Oid } from "../../src/object/oid.ts";
import { assetPath, incompressible } from "./files.ts";
import type { Repository } from "./repository.ts";

/**
 * Makes a branch on top of `main` as a keeper would have recorded it: a commit with new assets, then commits that
 * change one asset each, in turn. Contents are in the keeper's local store. Nothing is checked out.
 */
export function writeHistory(repository: Repository, branch: string, commits: number, assets: number, sizeBytes: number): void {
  const oids: Oid[] = [];
  const record = (index: number, version: number): void => {
    const content = incompressible(sizeBytes, `asset ${index}, version ${version}`);
    oids[index] = oidOf(content);
    store(repository, oids[index], content);
  };
  for (let i = 0; i < assets; i++) record(i, 0);
  const stream: (string | Buffer)[] = [commit(branch, 0, `from refs/heads/main\n`), ...files(repository, oids, sizeBytes, oids.keys())];
  for (let n = 1; n <= commits; n++) {
    const index = n % assets;
    record(index, n);
    stream.push(commit(branch, n, ""), ...files(repository, oids, sizeBytes, [index]));
  }
  execFileSync("git", ["fast-import", "--quiet"], { cwd: repository.path, input: stream.join(""), maxBuffer: 1 << 28 });
}

function commit(branch: string, n: number, from: string): string {
  return `commit refs/heads/${branch}\ncommitter A. Author <author@example.com> ${1_700_000_000 + n} +0000\n${data(`change ${n}`)}${from}`;
}

/** What a commit changes: with Ballast the manifest, with git-lfs the pointers of these assets. */
function files({ keeper }: Repository, oids: readonly Oid[], sizeBytes: number, changed: Iterable<number>): string[] {
  const path = (i: number): string => `assets/${assetPath(i)}`;
  if (keeper === "Ballast") {
    const manifest = formatManifest(oids.map((oid, i) => ({ path: path(i), oid, sizeBytes, exec: false })));
    return [`M 100644 inline .ballast/manifest.jsonl\n${data(manifest)}`];
  }
  return Array.from(changed, (i) => `M 100644 inline ${path(i)}\n${data(`version https://git-lfs.github.com/spec/v1\noid sha256:${oids[i]}\nsize ${sizeBytes}\n`)}`);
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}

function store({ keeper, path }: Repository, oid: Oid, content: Buffer): void {
  const key = keeper === "Ballast" ? `ballast/${objectKey({ oid, encoding: "raw" })}` : `lfs/objects/${oid.slice(0, 2)}/${oid.slice(2, 4)}/${oid}`;
  const file = join(path, ".git", key);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}
