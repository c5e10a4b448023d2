import { chmod } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { CopyObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FsckResult } from "../../src/commands/fsck.ts";
import { faultProxy, type FaultProxy, type Seen } from "../support/fault-proxy.ts";
import { asset, project, type Project } from "../support/project.ts";
import { testS3 } from "../support/s3.ts";
import { sandbox, sha256, type Result, type Sandbox } from "../support/sandbox.ts";

/* What cannot be read, by this user, by this disk, or for now: told as that, never as missing, and left where it is. */
const s3 = await testS3();
const PRELOAD = fileURLToPath(new URL("../support/bad-disk.cjs", import.meta.url));
/** Root reads everything, unless it gives that right away. */
const MORTAL = process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"] : ["env"];
const [A, B] = ["a", "b"].map((name) => sha256(asset(name))) as [string, string];
const key = (oid: string): string => `objects/${oid.slice(0, 2)}/${oid}`;

/** Two pushed assets. */
async function begin(): Promise<Project> {
  const it = await project();
  await it.commit({ "a.bin": asset("a"), "b.bin": asset("b") });
  await it.box.git("repo", "push", "-q", "-u", "origin", "main");
  return it;
}

const mortal = (box: Sandbox, ...args: string[]): Promise<Result> => box.run("repo", MORTAL[0]!, [...MORTAL.slice(1), box.path("bin/git-ballast"), ...args]);
const resultOf = ({ stdout, status, stderr }: Result): FsckResult & { status: number; stderr: string } => ({ ...(JSON.parse(stdout) as FsckResult), status, stderr });

async function expectWhole(box: Sandbox): Promise<void> {
  expect(resultOf(await box.ballast("repo", "fsck", "--deep", "--repair", "--json"))).toMatchObject({ status: 0, findings: [] });
  for (const store of ["store", "repo/.git/ballast"]) {
    expect(await box.objects(store)).toEqual([A, B].sort());
    expect(await box.exists(`${store}/quarantine`)).toBe(false);
  }
}

test("an object that this user may not read is named, stays in its place, and the rest is mended", async () => {
  const { box } = await begin();
  const file = box.path("store", key(A));
  await chmod(file, 0);
  await box.run(".", "rm", [box.path("store", key(B))]);
  const found = resultOf(await mortal(box, "fsck", "--deep", "--json"));
  expect(found).toMatchObject({ status: 1, findings: [{ kind: "missing", oid: B }, { kind: "unreadable", store: "remote", key: key(A), detail: expect.stringContaining("permission denied"), mend: expect.stringMatching(/right to read it/) }] });
  expect(resultOf(await mortal(box, "fsck", "--deep", "--repair", "--json"))).toMatchObject({ status: 1, findings: [{ kind: "unreadable", key: key(A) }], repairs: [{ what: "restored", key: key(B) }] });
  const { stdout } = await mortal(box, "fsck", "--deep");
  expect(stdout.split("\n").filter((line) => line.startsWith("unreadable"))).toHaveLength(1);
  await chmod(file, 0o644);
  await expectWhole(box);
});

test("what can be taken from nowhere else, since it may not be read here, stands in nobody's way", async () => {
  const { box } = await begin();
  const file = box.path("repo/.git/ballast", key(A));
  await chmod(file, 0);
  await box.run(".", "rm", ["-r", box.path("store/objects")]);
  const repaired = resultOf(await mortal(box, "fsck", "--repair", "--json"));
  expect(repaired).toMatchObject({ status: 1, findings: [{ kind: "missing", store: "remote", oid: A }], repairs: [{ what: "restored", key: key(B) }] });
  expect(repaired.stderr).toMatch(new RegExp(`cannot read ${key(A)} in .*: permission denied`));
  await chmod(file, 0o644);
  await expectWhole(box);
});

test.each(["store/objects", `store/objects/${A.slice(0, 2)}`, `repo/.git/ballast/objects/${A.slice(0, 2)}`])("a directory that may not be listed, %s, is told in one line, and nothing is called missing", async (place) => {
  const { box } = await begin();
  await chmod(box.path(place), 0);
  for (const args of [["fsck"], ["fsck", "--deep"], ["fsck", "--deep", "--repair"]]) {
    const { status, stdout, stderr } = await mortal(box, ...args);
    expect({ status, stdout }).toEqual({ status: 9, stdout: "" });
    expect(stderr).toMatch(/^ballast: cannot list objects[^\n]* in file:\/\/[^\n]*: permission denied\n {2}→ check the owner and mode [^\n]*\n$/);
  }
  await chmod(box.path(place), 0o755);
  await expectWhole(box);
});

test.each(["store", "repo/.git/ballast"])("what the disk of %s cannot read may be read tomorrow: it stays", async (store) => {
  const { box } = await begin();
  const where = store === "store" ? "remote" : "local";
  const whole = await box.read(`${store}/${key(A)}`);
  // Cut off as well, so that a repair looks twice.
  for (const bytes of [whole, whole.subarray(0, 100)]) {
    await box.write(`${store}/${key(A)}`, bytes);
    Object.assign(box.env, { NODE_OPTIONS: `--require=${PRELOAD}`, BALLAST_BAD_DISK: box.path(store, key(A)) });
    for (const args of [["--deep"], ["--deep", "--repair"]]) {
      expect(resultOf(await box.ballast("repo", "fsck", "--json", ...args))).toMatchObject({
        status: 1,
        findings: [{ kind: "unreadable", store: where, key: key(A), detail: expect.stringContaining("input/output error"), mend: expect.stringMatching(/^check the disk/) }],
        repairs: [],
      });
    }
    if (bytes.length < whole.length) expect(resultOf(await box.ballast("repo", "fsck", "--json", "--repair"))).toMatchObject({ status: 1, findings: [{ kind: "size" }], repairs: [] });
    for (const name of ["NODE_OPTIONS", "BALLAST_BAD_DISK"]) delete box.env[name];
    expect(await box.read(`${store}/${key(A)}`)).toEqual(bytes);
  }
  await box.write(`${store}/${key(A)}`, whole);
  await expectWhole(box);
});

describe.runIf(s3)("in a bucket", () => {
  let proxy: FaultProxy;
  let box: Sandbox;
  let bucket: string;
  const isGet = (oid: string) => ({ method, path }: Seen): boolean => method === "GET" && path.endsWith(key(oid));
  const fsck = async (...args: string[]) => resultOf(await box.ballast("repo", "fsck", "--json", ...args));

  beforeAll(async () => {
    proxy = await faultProxy(s3!.endpoint);
    bucket = await s3!.bucket();
    box = await sandbox({ env: { ...s3!.env(), BALLAST_STORE_ENDPOINT: proxy.endpoint, BALLAST_STORE_REGION: "us-east-1" } });
    await box.git(".", "init", "-q", "--bare", "upstream.git");
    await box.git(".", "init", "-q", "repo");
    await box.git("repo", "remote", "add", "origin", box.path("upstream.git"));
    await box.mustBallast("repo", "init", `s3://${bucket}/team`);
    await box.mustBallast("repo", "track", "*.bin");
    for (const name of ["a", "b"]) await box.write(`repo/${name}.bin`, asset(name));
    await box.git("repo", "add", "-A");
    await box.git("repo", "commit", "-qm", "two");
    await box.git("repo", "push", "-q", "-u", "origin", "main");
    await box.settled("repo");
  });
  afterAll(() => proxy.close());

  test("an archived object that no listing shows is counted, and is neither missing nor damaged", async () => {
    proxy.reset();
    proxy.add({ when: isGet(A), fault: { kind: "answer", status: 403, code: "InvalidObjectState" }, times: 100 });
    for (const args of [["--deep"], ["--deep", "--repair"]]) expect(await fsck(...args)).toMatchObject({ status: 0, findings: [], repairs: [], stores: [{ archived: 0 }, { where: "remote", archived: 1 }] });
    expect(proxy.count(isGet(A))).toBe(2);
    expect(proxy.count(({ method }) => method === "DELETE")).toBe(0);
  });

  test("what may not be fetched is named in one line with what to do, and nothing is changed", async () => {
    proxy.reset();
    proxy.add({ when: isGet(A), fault: { kind: "answer", status: 403, code: "AccessDenied" }, times: 100 });
    const { status, stdout, stderr } = await box.ballast("repo", "fsck", "--deep", "--repair", "--remote");
    expect({ status, stdout }).toEqual({ status: 9, stdout: "" });
    expect(stderr.trimEnd().split("\n").slice(-2)).toEqual([expect.stringContaining(key(A)), expect.stringMatching(/^ {2}→ /)]);
    expect(proxy.count(({ method }) => method === "DELETE" || method === "PUT")).toBe(0);
  });

  test("an archived object that the listing shows is counted, and not asked for", async () => {
    const Key = `team/${key(B)}`;
    await s3!.client().send(new CopyObjectCommand({ Bucket: bucket, Key, CopySource: `${bucket}/${Key}`, StorageClass: "GLACIER" }));
    proxy.reset();
    for (const args of [[], ["--deep"], ["--deep", "--repair"]]) expect(await fsck(...args)).toMatchObject({ status: 0, findings: [], stores: [{}, { archived: 1 }] });
    expect(proxy.count(isGet(B))).toBe(0);
    // A content that only an archive has is safe there, and the local store's own copy stays.
    const pruned = JSON.parse(await box.mustBallast("repo", "prune", "--recent", "0", "--set", "cache.limit=0", "--json")) as { evicted: { oid: string }[] };
    expect(pruned.evicted.map(({ oid }) => oid)).not.toContain(B);
    expect(await fsck("--deep")).toMatchObject({ status: 0, findings: [] });
  });
});
