import { beforeAll, expect, test } from "vitest";
import { decodeAll, objectNames } from "../support/decodable.ts";
import { editions } from "../support/deltas.ts";
import { project, type Project } from "../support/project.ts";
import { random, sha256 } from "../support/sandbox.ts";

interface Summary {
  examined: number;
  rewritten: number;
  cleared: number;
  bytesBefore: number;
  bytesAfter: number;
  skipped: number;
  failed: unknown[];
}

const VERSIONS = editions(6, "hero");
let it: Project;

beforeAll(async () => {
  it = await project();
  await it.box.git("repo", "config", "ballast.delta", "never");
  for (const [i, version] of VERSIONS.entries()) await it.commit({ "a.bin": version, [`other${i}.bin`]: random(5000, `other ${i}`) }, `version ${i}`);
  await it.box.git("repo", "push", "-q", "origin", "main");
  await it.box.run(".", "cp", ["-a", "store", "saved-store"]);
  await it.box.run(".", "cp", ["-a", "repo/.git/ballast/objects", "saved-local"]);
});

/** Both stores as they were: everything whole. */
async function history() {
  const { box } = it;
  await box.run(".", "rm", ["-rf", "store", "repo/.git/ballast/objects"]);
  await box.run(".", "cp", ["-a", "saved-store", "store"]);
  await box.run(".", "cp", ["-a", "saved-local", "repo/.git/ballast/objects"]);
  await box.git("repo", "config", "ballast.delta", "auto");
  const repack = async (...args: string[]): Promise<Summary> => JSON.parse(await box.mustBallast("repo", "repack", "--json", ...args)) as Summary;
  return { box, versions: VERSIONS, repack, store: box.path("store") };
}

test("after years of whole objects the store becomes deltas, and back, and a second run has nothing to do", async () => {
  const { box, versions, repack, store } = await history();
  const whole = objectNames(store);
  expect(whole).toHaveLength(12);
  const rehearsal = await repack("--dry-run");
  expect(rehearsal).toMatchObject({ examined: 12, rewritten: 5, skipped: 0, failed: [], bytesBefore: 6 * 40_000 + 6 * 5000 });
  expect(objectNames(store)).toEqual(whole);
  expect(await repack()).toEqual({ ...rehearsal, store: expect.stringContaining("file://") });
  const deltas = objectNames(store);
  expect(deltas).toHaveLength(12);
  expect(deltas.filter((name) => name.includes(".xd3"))).toHaveLength(5);
  expect([...(await decodeAll(store))].sort()).toEqual(whole);
  expect(rehearsal.bytesAfter).toBeLessThan(40_000 + 6 * 5000 + 5 * 1000);
  expect(await repack()).toMatchObject({ examined: 12, rewritten: 0, cleared: 0, bytesBefore: rehearsal.bytesAfter, bytesAfter: rehearsal.bytesAfter });

  await box.mustBallast(".", "clone", "-q", "upstream.git", "clone");
  expect((await box.read("clone/a.bin")).equals(versions.at(-1)!)).toBe(true);
  await box.git("clone", "checkout", "-q", "HEAD~3");
  await box.settled("clone");
  expect((await box.read("clone/a.bin")).equals(versions[2]!)).toBe(true);

  await box.git("repo", "config", "ballast.delta", "never");
  expect(await repack()).toMatchObject({ examined: 12, rewritten: 5 });
  expect(objectNames(store)).toEqual(whole);
  expect(await decodeAll(store)).toEqual(new Set(whole));
  expect((await box.run("store", "find", ["tmp", "-type", "f"])).stdout).toBe("");
});

test("some paths only, the local store, and compression", async () => {
  const { box, repack, store, versions } = await history();
  expect(await repack("other*")).toMatchObject({ examined: 6, rewritten: 0 });
  expect(await repack("--local", "a.bin")).toMatchObject({ examined: 6, rewritten: 5 });
  expect(objectNames(box.path("repo/.git/ballast")).filter((name) => name.includes(".xd3"))).toHaveLength(5);
  expect(objectNames(store).filter((name) => name.includes("."))).toEqual([]);
  expect(await repack("--set", "compression=always", "--set", "delta=never", "other*")).toMatchObject({ rewritten: 6 });
  expect(objectNames(store).filter((name) => name.endsWith(".gz"))).toHaveLength(6);
  await decodeAll(store);
  await decodeAll(box.path("repo/.git/ballast"));
  expect((await box.ballast("repo", "repack", "nothing*")).status).toBe(2);
  expect((await box.ballast("repo", "repack", "--remote", "--local")).status).toBe(2);
  expect(await box.git("repo", "show", `HEAD:.ballast/manifest.jsonl`)).toContain(sha256(versions.at(-1)!));
});

test("chains that became too long are cut, and a spare object that a dead run left is removed", async () => {
  const { box, repack, store } = await history();
  await repack();
  const depths = async (): Promise<number> => {
    const bases = new Map(objectNames(store).map((name) => [name.slice(0, 64), name.includes(".xd3") ? name.slice(65, 129) : undefined]));
    const depth = (oid: string | undefined): number => (oid === undefined ? -1 : 1 + depth(bases.get(oid)));
    return Math.max(...[...bases.keys()].map(depth));
  };
  expect(await depths()).toBe(5);
  await repack("--set", "delta.maxDepth=2");
  expect(await depths()).toBe(2);
  const names = objectNames(store);
  const [delta] = names.filter((name) => name.includes(".xd3"));
  await box.run("repo", "sh", ["-c", `git ballast show ${delta!.slice(0, 64)} > ${store}/objects/${delta!.slice(0, 2)}/${delta!.slice(0, 64)}`]);
  expect(objectNames(store)).toHaveLength(13);
  expect(await repack("--set", "delta.maxDepth=2")).toMatchObject({ rewritten: 0, cleared: 1 });
  expect(objectNames(store)).toEqual(names);
});
