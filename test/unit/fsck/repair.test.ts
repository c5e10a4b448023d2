import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Inspector } from "../../../src/fsck/inspect.ts";
import { repair } from "../../../src/fsck/repair.ts";
import { Contents } from "../../../src/object/contents.ts";
import { objectKey } from "../../../src/object/name.ts";
import { oidOf, type Oid } from "../../../src/object/oid.ts";
import { bufferSource } from "../../../src/object/source.ts";
import type { DirectoryStore } from "../../../src/store/directory.ts";
import { editions, putChain } from "../../support/deltas.ts";
import { scene } from "../../support/repository.ts";
import { sha256 } from "../../support/sandbox.ts";

const VERSIONS = [...editions(4, "damage", 8000), Buffer.from("small")];
const OIDS = VERSIONS.map(oidOf);

const damage = fc.record({
  where: fc.constantFrom("local" as const, "remote" as const),
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

test("whatever happens to two stores: a repair loses no byte and no content, mends what it can, and a second one has nothing to do", { timeout: 300_000 }, async () => {
  const it = await scene();
  const lines = VERSIONS.map((content, i) => `{"path":"f${i}","oid":"${oidOf(content)}","size":${content.length}}\n`);
  await it.box.write("repo/.ballast/manifest.jsonl", `{"ballast":"manifest","version":1}\n${lines.join("")}`);
  await it.box.git("repo", "add", "--force", ".ballast");
  await it.box.git("repo", "commit", "-q", "-m", "all");
  await it.box.git("repo", "update-ref", "refs/remotes/origin/main", "HEAD");
  for (const store of [it.local, it.remote]) await putChain(store, VERSIONS.slice(0, 4));
  await it.local.write(objectKey({ oid: OIDS[2]!, encoding: "raw" }), bufferSource(VERSIONS[2]!));
  for (const store of [it.local, it.remote]) await store.write(objectKey({ oid: OIDS[4]!, encoding: "raw" }), bufferSource(VERSIONS[4]!));
  const stores = { local: it.local, remote: it.remote };
  const both = [it.local, it.remote];
  for (const { root } of both) cpSync(join(root, "objects"), join(it.box.root, `whole-${root.endsWith("store") ? "remote" : "local"}`), { recursive: true });

  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 5 }), fc.boolean(), async (damages, deep) => {
      for (const { root } of both) {
        for (const name of ["objects", "quarantine"]) rmSync(join(root, name), { recursive: true, force: true });
        cpSync(join(it.box.root, `whole-${root.endsWith("store") ? "remote" : "local"}`), join(root, "objects"), { recursive: true });
      }
      for (const one of damages) apply(stores[one.where].root, one);
      const before = new Map(both.map((store) => [store.root, files(store.root, "objects").map((path) => sha256(readFileSync(path)))]));
      const had = await decodable(both);
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
      if (!deep) return;
      // The remote store has everything that there is, and only what is nowhere is left to tell.
      const lost = new Set(OIDS.filter((oid) => !have.has(oid)));
      if (lost.size > 0) {
        expect(last.findings.map(({ kind }) => kind)).toContainEqual(expect.stringMatching(/^(missing|corrupt|chain)$/));
      } else {
        expect(await decodable([it.remote])).toEqual(have);
        expect(last.findings).toEqual([]);
      }
    }),
    { numRuns: Number(process.env["FC_RUNS"] ?? 15) },
  );
});
