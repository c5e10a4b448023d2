import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FurtherStore } from "../../../src/fsck/further-store.ts";
import { Inspector } from "../../../src/fsck/inspect.ts";
import { repair } from "../../../src/fsck/repair.ts";
import { Contents } from "../../../src/object/contents.ts";
import { objectKey } from "../../../src/object/name.ts";
import { oidOf, type Oid } from "../../../src/object/oid.ts";
import { bufferSource } from "../../../src/object/source.ts";
import { openDirectoryStore, type DirectoryStore } from "../../../src/store/directory.ts";
import { editions, putChain, putContent } from "../../support/deltas.ts";
import { scene } from "../../support/repository.ts";
import { sha256 } from "../../support/sandbox.ts";

const VERSIONS = [...editions(4, "damage", 8000), Buffer.from("small")];
const OIDS = VERSIONS.map(oidOf);

const damage = fc.record({
  where: fc.constantFrom("local" as const, "remote" as const, "backup" as const),
  what: fc.constantFrom("flip", "cut", "empty", "swap", "remove", "move", "junk", "directory"),
  which: fc.nat(20),
  at: fc.nat(100_000),
});

function files(root: string, below: string): string[] {
  if (!existsSync(join(root, below))) return [];
  return readdirSync(join(root, below), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort();
}

function apply(root: string, { what, which, at }: { what: string; which: number; at: number }): void {
  const all = files(root, "objects");
  if (all.length === 0) return;
  const path = all[which % all.length]!;
  const bytes = readFileSync(path);
  const put = (target: string, content: Uint8Array): void => {
    mkdirSync(dirname(target), { recursive: true });
    rmSync(target, { force: true });
    writeFileSync(target, content);
  };
  if (what === "flip" && bytes.length > 0) {
    bytes[at % bytes.length]! ^= 1 << at % 8;
    put(path, bytes);
  } else if (what === "cut") put(path, bytes.subarray(0, at % (bytes.length + 1)));
  else if (what === "empty") put(path, Buffer.alloc(0));
  else if (what === "swap") {
    const other = all[(which + 1) % all.length]!;
    const theirs = readFileSync(other);
    put(path, theirs);
    put(other, bytes);
  } else if (what === "move") {
    rmSync(path);
    put(join(root, "objects/zz", path.split("/").at(-1)!), bytes);
  } else if (what === "junk") put(join(root, "objects", `junk${at}`), Buffer.from(`junk ${at}`));
  else if (what === "remove" || what === "directory") {
    rmSync(path);
    if (what === "directory") put(join(path, "file"), bytes);
  }
}

/** Everything below a directory, empty directories too. */
function contentOf(root: string): Record<string, string> {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(entries.map((path) => [path, statSync(path).isFile() ? sha256(readFileSync(path)) : "directory"]));
}

/** What can be had from these stores together. */
async function decodable(stores: readonly DirectoryStore[]): Promise<Set<Oid>> {
  const contents = new Contents(stores);
  const found = new Set<Oid>();
  try {
    for (const oid of OIDS) {
      await contents.open(oid, { verified: true }).then((access) => {
        found.add(oid);
        access.close();
      }, () => {});
    }
  } finally {
    contents.close();
  }
  return found;
}

/** The objects of a further store: chains that begin anywhere, whole contents, other encodings; a random part of them is there. */
async function fillBackup(store: DirectoryStore): Promise<void> {
  await store.initialise();
  await putChain(store, VERSIONS.slice(0, 4));
  await putContent(store, VERSIONS[3]!, VERSIONS[0]!);
  for (const i of [1, 4]) await putContent(store, VERSIONS[i]!);
  await store.write(objectKey({ oid: OIDS[0]!, encoding: "gzip" }), bufferSource(gzipSync(VERSIONS[0]!)));
}

const backup = fc.record({ named: fc.boolean(), kept: fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }) });

test("whatever happens to two stores and a backup: a repair loses no byte and no content, mends what it can, and a second one has nothing to do", { timeout: 300_000 }, async () => {
  const it = await scene();
  const lines = VERSIONS.map((content, i) => `{"path":"f${i}","oid":"${oidOf(content)}","size":${content.length}}\n`);
  await it.box.write("repo/.ballast/manifest.jsonl", `{"ballast":"manifest","version":1}\n${lines.join("")}`);
  await it.box.git("repo", "add", "--force", ".ballast");
  await it.box.git("repo", "commit", "-q", "-m", "all");
  await it.box.git("repo", "update-ref", "refs/remotes/origin/main", "HEAD");
  for (const store of [it.local, it.remote]) await putChain(store, VERSIONS.slice(0, 4));
  await it.local.write(objectKey({ oid: OIDS[2]!, encoding: "raw" }), bufferSource(VERSIONS[2]!));
  for (const store of [it.local, it.remote]) await store.write(objectKey({ oid: OIDS[4]!, encoding: "raw" }), bufferSource(VERSIONS[4]!));
  const further = openDirectoryStore(it.box.path("backup"));
  await fillBackup(further);
  const all = { local: it.local, remote: it.remote, backup: further };
  const both = [it.local, it.remote];
  for (const [name, { root }] of Object.entries(all)) cpSync(join(root, "objects"), it.box.path(`whole-${name}`), { recursive: true });

  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 7 }), fc.boolean(), backup, async (damages, deep, { named, kept }) => {
      for (const [name, { root }] of Object.entries(all)) {
        for (const below of ["objects", "quarantine"]) rmSync(join(root, below), { recursive: true, force: true });
        cpSync(it.box.path(`whole-${name}`), join(root, "objects"), { recursive: true });
      }
      for (const [i, path] of files(further.root, "objects").entries()) if (!kept[i]) rmSync(path);
      for (const one of damages) apply(all[one.where].root, one);
      const source = named ? [await FurtherStore.open(it.context, { url: `file://${further.root}`, settings: it.context.settings })] : [];
      const stores = { local: it.local, remote: it.remote, further: source };
      const untouched = contentOf(further.root);
      const before = new Map(both.map((store) => [store.root, files(store.root, "objects").map((path) => sha256(readFileSync(path)))]));
      // A quick check cannot see what is damaged, and then nothing is asked for.
      const had = await decodable(named && deep ? [...both, further] : both);
      const inspector = new Inspector(it.context, stores, { asked: { local: true, remote: true }, deep });
      for (let round = 0; round < 4; round++) {
        const found = await inspector.inspect();
        if (found.findings.length === 0 || (await repair(it.context, stores, found)).length === 0) break;
      }
      for (const { root } of both) {
        const now = new Set([...files(root, "objects"), ...files(root, "quarantine")].map((path) => sha256(readFileSync(path))));
        for (const bytes of before.get(root)!) expect(now.has(bytes)).toBe(true);
      }
      const have = await decodable(both);
      for (const oid of had) expect(have.has(oid)).toBe(true);
      const last = await inspector.inspect();
      expect(await repair(it.context, stores, last)).toEqual([]);
      expect(contentOf(further.root)).toEqual(untouched);
      if (!deep) return;
      // The remote store has everything that there is, and only what is nowhere is left to tell.
      expect(await decodable([it.remote])).toEqual(have);
      const lost = new Set(OIDS.filter((oid) => !have.has(oid)));
      if (lost.size > 0) expect(last.findings.map(({ kind }) => kind)).toContainEqual(expect.stringMatching(/^(missing|corrupt|chain)$/));
      else expect(last.findings).toEqual([]);
    }),
    { numRuns: Number(process.env["FC_RUNS"] ?? 15) },
  );
});
