import { CopyObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { FsckResult } from "../../src/commands/fsck.ts";
import { editions } from "../support/deltas.ts";
import { faultProxy, type FaultProxy, type Seen } from "../support/fault-proxy.ts";
import { asset } from "../support/project.ts";
import { rawBucket, rawDirectory, type RawStore } from "../support/raw-store.ts";
import { testS3 } from "../support/s3.ts";
import { sandbox, sha256, type Sandbox } from "../support/sandbox.ts";

/* A repair of one bucket from another one, which a proxy stands before: it sees each request, and fails as it is told to. */
const s3 = await testS3();
const CHAIN = editions(3, "hero", 20_000);
const MANY = Array.from({ length: 40 }, (_, i) => asset(`many ${i}`, 500));
const [ROOT, MIDDLE, TOP] = CHAIN.map(sha256) as [string, string, string];
const LONE = sha256(MANY[0]!);

describe.runIf(s3)("between buckets", () => {
  let box: Sandbox;
  let proxy: FaultProxy;
  let remote: RawStore;
  let backup: RawStore;
  let bucket: string;
  let from: string;
  let whole: string[];
  let contents: Map<string, Buffer>;

  beforeAll(async () => {
    const team = await s3!.bucket();
    bucket = await s3!.bucket();
    proxy = await faultProxy(s3!.endpoint);
    box = await sandbox({ env: { ...s3!.env(), BALLAST_STORE_REGION: "us-east-1" } });
    await box.git(".", "init", "-q", "--bare", "up.git");
    await box.git(".", "init", "-q", "repo");
    await box.git("repo", "remote", "add", "origin", "../up.git");
    await box.mustBallast("repo", "init", `s3://${team}/game`);
    await box.mustBallast("repo", "track", "*.bin");
    for (const [i, content] of MANY.entries()) await box.write(`repo/many/${i}.bin`, content);
    for (const version of CHAIN) {
      await box.write("repo/hero.bin", version);
      await box.git("repo", "add", "-A");
      await box.git("repo", "commit", "-qm", "version");
    }
    await box.git("repo", "push", "-q", "-u", "origin", "main");
    await box.settled("repo");
    remote = rawBucket(s3!, team, "game/");
    backup = rawBucket(s3!, bucket, "copy/of game/");
    from = `s3://${bucket}/copy/of game endpoint=${proxy.endpoint} pathStyle=true`;
    whole = await remote.keys("objects/");
    contents = new Map(await Promise.all(["ballast.json", ...whole].map(async (key) => [key, await remote.get(key)] as const)));
    await box.run("repo", "rm", ["-rf", "many", "hero.bin", ".git/ballast/objects"]);
  });
  afterAll(() => proxy.close());

  beforeEach(async () => {
    proxy.reset();
    for (const key of await remote.keys("quarantine/")) await remote.remove(key);
    for (const [key, bytes] of contents) await Promise.all([remote.put(key, bytes), backup.put(key, bytes)]);
  });

  const keyOf = (oid: string): string => whole.find((key) => key.split("/")[2]!.startsWith(oid))!;
  const isGet = (oid: string) => ({ method, path }: Seen): boolean => method === "GET" && decodeURIComponent(path).endsWith(keyOf(oid));
  const isObject = ({ method, path }: Seen): boolean => method === "GET" && path.includes("/objects/");
  const take = async (...args: string[]): Promise<FsckResult & { status: number; stderr: string }> => {
    const { status, stdout, stderr } = await box.ballast("repo", "fsck", "--json", "--repair", ...args, "--from", from);
    if (stdout === "") throw new Error(`fsck ended with ${status}: ${stderr}`);
    return { ...(JSON.parse(stdout) as FsckResult), status, stderr };
  };
  const remove = (...oids: string[]): Promise<unknown> => Promise.all(oids.map((oid) => remote.remove(keyOf(oid))));
  const damage = async (store: RawStore, oid: string): Promise<void> => {
    const bytes = Buffer.from(contents.get(keyOf(oid))!);
    bytes[bytes.length - 60]! ^= 1;
    await store.put(keyOf(oid), bytes);
  };
  async function expectWhole(): Promise<void> {
    for (const key of whole) expect(await remote.get(key)).toEqual(contents.get(key));
    expect(await remote.keys("objects/")).toEqual(whole);
  }

  test("what is missing and what is damaged comes over whole, and the backup sees nothing but reading", async () => {
    await remove(LONE, ROOT, TOP);
    await damage(remote, MIDDLE);
    const { status, findings, repairs } = await take("--deep");
    expect({ status, findings }).toEqual({ status: 0, findings: [] });
    const restored = repairs.filter(({ what }) => what === "restored");
    expect(restored.map(({ key }) => key).sort()).toEqual([LONE, ROOT, MIDDLE, TOP].map(keyOf).sort());
    for (const each of restored) expect(each.where).toBe(`s3://${bucket}/copy/of game`);
    await expectWhole();
    expect(new Set(proxy.requests.map(({ method }) => method))).toEqual(new Set(["GET"]));
    expect((await backup.keys("")).length).toBe(contents.size);
  });

  test("a difference that is damaged in the backup is not taken: between buckets, too, each is decoded on its way", async () => {
    await remove(TOP);
    await damage(backup, TOP);
    const { status, findings, repairs, stderr } = await take();
    expect({ status, repairs }).toEqual({ status: 1, repairs: [] });
    expect(findings).toMatchObject([{ kind: "missing", store: "remote", oid: TOP }]);
    expect(stderr).toMatch(/warning: .*damaged/);
    expect(await remote.keys(keyOf(TOP))).toEqual([]);
  });

  test("what is archived there is told and not fatal, whether the listing shows it or not", async () => {
    const Key = `copy/of game/${keyOf(ROOT)}`;
    await s3!.client().send(new CopyObjectCommand({ Bucket: bucket, Key, CopySource: encodeURI(`${bucket}/${Key}`), StorageClass: "GLACIER" }));
    proxy.add({ when: isGet(LONE), fault: { kind: "answer", status: 403, code: "InvalidObjectState" }, times: 100 });
    const other = sha256(MANY[1]!);
    await remove(LONE, ROOT, other);
    const { status, findings, repairs, stderr } = await take();
    expect({ status, repairs }).toMatchObject({ status: 1, repairs: [{ key: keyOf(other) }] });
    expect(findings.filter(({ kind }) => kind === "missing").map(({ oid }) => oid).sort()).toEqual([LONE, ROOT].sort());
    expect(stderr.match(/warning: .*/g)).toEqual([expect.stringMatching(/archive.*; and 1 more of this kind$/)]);
    expect(proxy.count(isGet(LONE))).toBe(1);
    expect(proxy.count(isGet(ROOT))).toBe(0);
  });

  test("a backup that goes away in the middle: what came is kept, that is told once, and the next run brings the rest", async () => {
    await remove(...MANY.map(sha256), ROOT, MIDDLE, TOP);
    let asked = 0;
    proxy.add({ when: (seen) => isObject(seen) && ++asked > 10, fault: { kind: "reset" }, times: 10_000 });
    const { status, findings, repairs, stderr } = await take("--set", "store.attempts=2");
    expect(status).toBe(1);
    expect(repairs.length).toBeGreaterThanOrEqual(1);
    expect(repairs.length).toBeLessThan(43);
    expect(await remote.keys("objects/")).toHaveLength(repairs.length);
    expect(findings.filter(({ kind }) => kind === "missing")).toHaveLength(43 - repairs.length);
    expect(stderr.match(/nothing more is taken from/g)).toHaveLength(1);
    // Those that were under way have their two tries; nobody asks after that.
    expect(asked).toBeLessThan(10 + 4 * 16);
    proxy.reset();
    const { status: then, repairs: rest } = await take();
    expect({ status: then, rest: rest.length }).toEqual({ status: 0, rest: 43 - repairs.length });
    await expectWhole();
  });

  test("what may not be read there is named, and all else is brought, also into the local store", async () => {
    const other = sha256(MANY[1]!);
    const local = rawDirectory(box.path("repo/.git/ballast"));
    await local.put(keyOf(other), Buffer.from("damaged"));
    await remove(LONE, other);
    proxy.add({ when: isGet(LONE), fault: { kind: "answer", status: 403, code: "AccessDenied" }, times: 100 });
    const { status, findings, repairs, stderr } = await take();
    expect({ status, findings }).toMatchObject({ status: 1, findings: [{ kind: "missing", oid: LONE }] });
    expect(repairs.filter(({ what }) => what === "restored").map(({ store, key }) => [store, key])).toEqual([["local", keyOf(other)], ["remote", keyOf(other)]]);
    expect(stderr.match(/warning: .*/g)).toEqual([expect.stringContaining(keyOf(LONE))]);
    await local.remove("objects");
  });

  test.each([
    ["denies everything", { kind: "answer", status: 403, code: "AccessDenied" }, "", 9],
    ["cannot be reached", { kind: "reset" }, "", 8],
    ["has credentials of a profile that is not there", undefined, " profile=backup", 9],
  ] as const)("one that %s is told in one line, before anything is changed", async (_what, fault, more, expected) => {
    await remove(LONE);
    await damage(remote, ROOT);
    if (fault) proxy.add({ when: () => true, fault, times: 1000 });
    const { status, stdout, stderr } = await box.ballast("repo", "fsck", "--deep", "--repair", "--set", "store.attempts=2", "--from", from + more);
    expect({ status, stdout }).toEqual({ status: expected, stdout: "" });
    expect(stderr.trimEnd().split("\n").slice(-2)).toEqual([expect.stringMatching(/^ballast: /), expect.stringMatching(/^ {2}→ /)]);
    expect(await remote.keys("quarantine/")).toEqual([]);
  });
});
