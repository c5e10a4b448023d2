import { cpSync } from "node:fs";
import { expect, test } from "vitest";
import { fsck } from "../../../src/commands/fsck.ts";
import { Inspector } from "../../../src/fsck/inspect.ts";
import { repair } from "../../../src/fsck/repair.ts";
import { announce } from "../../../src/gc/sweeps.ts";
import { thisRun } from "../../../src/gc/this-run.ts";
import { formatName, objectKey } from "../../../src/object/name.ts";
import { oidOf, type Oid } from "../../../src/object/oid.ts";
import { bufferSource } from "../../../src/object/source.ts";
import type { Store } from "../../../src/store/port.ts";
import { decodeAll } from "../../support/decodable.ts";
import { editions, putChain, putContent } from "../../support/deltas.ts";
import { put, scene, type Scene } from "../../support/repository.ts";

/** A store elsewhere, whose requests are counted. */
function counting(store: Store): { store: Store; counts: Record<string, number> } {
  const counts: Record<string, number> = {};
  const wrapped: Record<string, unknown> = { url: "s3://bucket/prefix", close: () => {} };
  for (const method of ["find", "list", "read", "write", "replace", "remove"] as const) {
    wrapped[method] = (...args: unknown[]) => {
      counts[method] = (counts[method] ?? 0) + 1;
      return (store[method] as (...args: unknown[]) => unknown).apply(store, args);
    };
  }
  return { store: wrapped as unknown as Store, counts };
}

const BOTH = { local: true, remote: true };

/** Commits what a store holds, and lets a remote of Git's have the commit. */
async function publish(it: Scene, assets: Record<string, Buffer>): Promise<void> {
  await it.commit(Object.fromEntries(Object.entries(assets).map(([path, content]) => [path, content.toString("latin1")])));
  await it.box.git("repo", "update-ref", "refs/remotes/origin/main", "HEAD");
}

/** The same for any bytes. */
async function record(it: Scene, contents: readonly Buffer[]): Promise<void> {
  const lines = contents.map((content, i) => `{"path":"f${i}","oid":"${oidOf(content)}","size":${content.length}}\n`);
  await it.box.write("repo/.ballast/manifest.jsonl", `{"ballast":"manifest","version":1}\n${lines.join("")}`);
  await it.box.git("repo", "add", "--force", ".ballast");
  await it.box.git("repo", "commit", "-q", "-m", "contents");
  await it.box.git("repo", "update-ref", "refs/remotes/origin/main", "HEAD");
}

test("a quick check reads one listing of each store and no object, however many there are", async () => {
  const it = await scene();
  const contents = Array.from({ length: 300 }, (_, i) => `content ${i}`);
  for (const content of contents) await Promise.all([put(it.remote, content), put(it.local, content)]);
  await it.commit(Object.fromEntries(contents.map((content, i) => [`f${i}`, content])));
  await it.box.git("repo", "update-ref", "refs/remotes/origin/main", "HEAD");
  const { store, counts } = counting(it.remote);
  const { findings, facts } = await new Inspector(it.context, { local: it.local, remote: store }, { asked: BOTH, deep: false }).inspect();
  expect(findings).toEqual([]);
  expect(facts.needs.byOid.size).toBe(300);
  expect(counts).toEqual({ list: 1 });
});

test("a deep check of a store elsewhere reads each object once, also where many stand on one", async () => {
  const it = await scene();
  const versions = editions(4, "tree", 20_000);
  await putChain(it.remote, versions);
  const others = editions(3, "tree", 20_000).slice(1).map((content, i) => Buffer.concat([content, Buffer.from(`branch ${i}`)]));
  for (const other of others) await putContent(it.remote, other, versions[0]!);
  await put(it.remote, "alone");
  const { store, counts } = counting(it.remote);
  const { findings, facts } = await new Inspector(it.context, { local: it.local, remote: store }, { asked: BOTH, deep: true }).inspect();
  expect(findings).toEqual([]);
  expect([...facts.remote!.verdicts.values()].filter(({ ok }) => ok)).toHaveLength(7);
  expect(counts).toEqual({ list: 1, read: 7 });
  expect(await it.box.exists("repo/.git/ballast/scratch")).toBe(true);
  expect((await it.box.run("repo", "ls", [".git/ballast/scratch"])).stdout).toBe("");
});

test("of a chain, only what is damaged itself counts as corrupt, wherever the damage is, in a directory and elsewhere", async () => {
  const versions = editions(4, "blame", 20_000);
  for (let damaged = 0; damaged < versions.length; damaged++) {
    const it = await scene();
    const names = await putChain(it.remote, versions);
    const path = it.remote.pathOf(`objects/${names[damaged]!.slice(0, 2)}/${names[damaged]}`);
    const bytes = await it.box.read(path);
    bytes[bytes.length - 60]! ^= 1;
    await it.box.write(path, bytes);
    for (const remote of [it.remote, counting(it.remote).store]) {
      const { findings, bad } = await new Inspector(it.context, { local: it.local, remote }, { asked: BOTH, deep: true }).inspect();
      expect([...bad.remote]).toEqual([expect.stringContaining(names[damaged]!)]);
      expect(findings.filter(({ kind }) => kind === "corrupt")).toHaveLength(1);
      // What stands on it directly has no base any more.
      expect(findings.filter(({ kind }) => kind === "chain").map(({ key }) => key!.split("/").at(-1)!)).toEqual(names.slice(damaged + 1).sort());
    }
  }
});

test("a good encoding in the same store makes up for a damaged one", async () => {
  const it = await scene();
  const [first, second] = editions(2, "two", 20_000) as [Buffer, Buffer];
  await putChain(it.remote, [first, second]);
  await it.remote.write(objectKey({ oid: oidOf(second), encoding: "raw" }), bufferSource(Buffer.alloc(20_000)));
  await putContent(it.local, first);
  await publish(it, {});
  const stores = { local: it.local, remote: it.remote };
  const inspector = new Inspector(it.context, stores, { asked: BOTH, deep: true });
  const before = await inspector.inspect();
  expect(before.findings).toMatchObject([{ kind: "corrupt", store: "remote", oid: oidOf(second) }]);
  const repairs = await repair(it.context, stores, before);
  expect(repairs).toMatchObject([{ what: "quarantined" }]);
  expect((await inspector.inspect()).findings).toEqual([]);
  expect(await decodeAll(it.remote.root)).toEqual(new Set<Oid>([oidOf(first), oidOf(second)]));
});

test("a long chain of which every object is damaged is mended in one run", async () => {
  const it = await scene();
  const versions = editions(9, "rotten", 5000);
  const names = await putChain(it.remote, versions);
  cpSync(it.remote.root, it.box.path("backup"), { recursive: true });
  for (const name of names) {
    const path = it.remote.pathOf(`objects/${name.slice(0, 2)}/${name}`);
    const bytes = await it.box.read(path);
    bytes[bytes.length - 60]! ^= 1;
    await it.box.write(path, bytes);
  }
  await record(it, versions);
  const { findings, repairs } = await fsck(it.context, { where: "both", deep: true, repair: true, from: [it.box.path("backup")] });
  expect(findings).toEqual([]);
  expect(repairs.filter(({ what }) => what === "quarantined")).toHaveLength(9);
  expect(await decodeAll(it.remote.root)).toEqual(new Set(versions.map(oidOf)));
});

test("what is called damaged for its size alone is decoded before anything is done to it", async () => {
  const it = await scene();
  const content = Buffer.from("the manifest is wrong, and the object is right");
  await put(it.remote, content.toString());
  await it.box.write("repo/.ballast/manifest.jsonl", `{"ballast":"manifest","version":1}\n{"path":"a","oid":"${oidOf(content)}","size":7}\n`);
  await it.box.git("repo", "add", "--force", ".ballast");
  await it.box.git("repo", "commit", "-q", "-m", "wrong size");
  const stores = { local: it.local, remote: it.remote };
  const found = await new Inspector(it.context, stores, { asked: BOTH, deep: false }).inspect();
  expect(found.findings).toMatchObject([{ kind: "size", oid: oidOf(content) }]);
  expect((await repair(it.context, stores, found)).filter(({ what }) => what === "quarantined")).toEqual([]);
  expect(await it.box.objects("store")).toEqual([formatName({ oid: oidOf(content), encoding: "raw" })]);
});

test("what only a branch here needs need not be in the remote store, and what a reflog alone has need be nowhere", async () => {
  const it = await scene();
  await put(it.remote, "pushed");
  await it.commit({ a: "pushed" });
  await it.box.git("repo", "update-ref", "refs/remotes/origin/main", "HEAD");
  await put(it.local, "mine");
  await it.commit({ a: "mine" });
  await it.commit({ a: "forgotten" });
  await it.box.git("repo", "reset", "-q", "--hard", "HEAD~");
  const found = (asked: typeof BOTH) => new Inspector(it.context, { local: it.local, remote: it.remote }, { asked, deep: false }).inspect().then(({ findings }) => findings);
  for (const asked of [BOTH, { local: true, remote: false }, { local: false, remote: true }]) expect(await found(asked)).toEqual([]);
  await it.box.run("repo", "rm", ["-rf", ".git/ballast/objects"]);
  const lost = [expect.objectContaining({ kind: "missing", neededBy: [expect.objectContaining({ path: "a" })] })];
  expect(await found(BOTH)).toEqual(lost);
  expect(await found({ local: true, remote: false })).toEqual(lost);
});

test("a damaged content without a good copy stays in its place while others may be differences from it", async () => {
  const it = await scene();
  const base = editions(1, "worn", 20_000)[0]!;
  // The delta copies nothing of the first half.
  const top = Buffer.concat([base.subarray(10_000), Buffer.from("edited")]);
  const worn = Buffer.from(base);
  worn[5]! ^= 1;
  const names = [await putContent(it.remote, base), await putContent(it.remote, top, base)];
  await it.box.write(it.remote.pathOf(`objects/${names[0]!.slice(0, 2)}/${names[0]}`), worn);
  const stores = { local: it.local, remote: it.remote };
  const inspector = new Inspector(it.context, stores, { asked: BOTH, deep: true });
  const found = await inspector.inspect();
  expect(found.findings.map(({ kind, key }) => [kind, key!.split("/").at(-1)])).toEqual([["corrupt", names[0]], ["chain", names[1]]]);
  expect(await repair(it.context, stores, found)).toEqual([]);
  await expect(it.box.objects("store")).resolves.toEqual(names.sort());
  // With a good copy at hand, it is replaced.
  await putContent(it.local, base);
  const repairs = await repair(it.context, stores, await inspector.inspect());
  expect(repairs.map(({ what }) => what)).toEqual(["quarantined", "restored"]);
  expect((await inspector.inspect()).findings).toEqual([]);
});

test("a repair claims what its deltas are differences from, and waits for a cleanup that is removing that", async () => {
  const it = await scene();
  const [base, top] = editions(2, "swept", 20_000) as [Buffer, Buffer];
  await putChain(it.local, [base, top]);
  // The base is there for nobody, and about to go.
  await putContent(it.remote, base);
  await record(it, [top]);
  const elsewhere = { ...thisRun(), process: { ...thisRun().process, machine: "another" } };
  const sweep = await announce(it.remote, [oidOf(base)], { all: false, run: elsewhere, signal: it.context.signal });
  let removed: Promise<void> | undefined;
  const report: Scene["context"]["report"] = (event) => {
    if (event.kind === "info" && event.message.includes("waiting for a cleanup")) removed = it.remote.remove(objectKey({ oid: oidOf(base), encoding: "raw" })).then(() => sweep.end());
  };
  const stores = { local: it.local, remote: it.remote };
  const found = await new Inspector(it.context, stores, { asked: BOTH, deep: false }).inspect();
  expect(found.findings).toMatchObject([{ kind: "missing", store: "remote", oid: oidOf(top) }]);
  const repairs = await repair({ ...it.context, report }, stores, found);
  await removed;
  expect(removed).toBeDefined();
  expect(repairs).toHaveLength(2);
  expect(await decodeAll(it.remote.root)).toEqual(new Set<Oid>([oidOf(base), oidOf(top)]));
});
