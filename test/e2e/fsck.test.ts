import { mkdir, symlink, writeFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import type { FsckResult } from "../../src/commands/fsck.ts";
import { editions } from "../support/deltas.ts";
import { asset } from "../support/project.ts";
import { rawBucket, rawDirectory, type RawStore } from "../support/raw-store.ts";
import { testS3 } from "../support/s3.ts";
import { sandbox, sha256, type Sandbox } from "../support/sandbox.ts";

/* Everything that can be wrong with a store, in a directory and in a bucket: found by fsck, and mended where it can be. */
const s3 = await testS3();
const CHAIN = editions(3, "hero", 30_000);
const LONE = asset("lone");
const [ROOT, MIDDLE, TOP] = CHAIN.map(sha256) as [string, string, string];

interface World {
  readonly box: Sandbox;
  readonly remote: RawStore;
  readonly local: RawStore;
  /** The key of the only object of a content in the remote store. */
  key(oid: string): Promise<string>;
  fsck(...args: string[]): Promise<FsckResult & { status: number }>;
}

/** A repository with a pushed chain of three versions and an asset by itself. */
async function begin(kind: "directory" | "bucket"): Promise<World> {
  const box = await sandbox({ env: kind === "bucket" ? { ...s3!.env(), BALLAST_STORE_REGION: "us-east-1" } : {} });
  const bucket = kind === "bucket" ? await s3!.bucket() : "";
  await box.git(".", "init", "-q", "--bare", "upstream.git");
  await box.git(".", "init", "-q", "repo");
  await box.git("repo", "remote", "add", "origin", box.path("upstream.git"));
  await box.mustBallast("repo", "init", kind === "bucket" ? `s3://${bucket}/team` : box.path("store"));
  await box.mustBallast("repo", "track", "*.bin");
  await box.write("repo/lone.bin", LONE);
  for (const version of CHAIN) {
    await box.write("repo/hero.bin", version);
    await box.git("repo", "add", "-A");
    await box.git("repo", "commit", "-qm", "version");
  }
  await box.git("repo", "push", "-q", "-u", "origin", "main");
  await box.settled("repo");
  const remote = kind === "bucket" ? rawBucket(s3!, bucket, "team/") : rawDirectory(box.path("store"));
  const key = async (oid: string): Promise<string> => (await remote.keys(`objects/${oid.slice(0, 2)}/${oid}`))[0]!;
  const fsck = async (...args: string[]) => {
    const { status, stdout, stderr } = await box.ballast("repo", "fsck", "--json", ...args);
    if (stdout === "") throw new Error(`fsck ended with ${status}: ${stderr}`);
    return { ...(JSON.parse(stdout) as FsckResult), status };
  };
  return { box, remote, local: rawDirectory(box.path("repo/.git/ballast")), key, fsck };
}

const flipped = (bytes: Buffer, at = bytes.length >> 1): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at < 0 ? copy.length + at : at]! ^= 0x10;
  return copy;
};

for (const kind of ["directory", "bucket"] as const) {
  describe.runIf(kind === "directory" || s3)(`in a ${kind}`, () => {
    // What differs between stores is tried in both; the rest is the same code.
    const inDirectory = kind === "directory" ? test : undefined;
    let it: World;
    let whole: string[];
    beforeAll(async () => {
      it = await begin(kind);
      whole = await it.remote.keys("objects/");
      expect(whole.filter((key) => key.includes(".xd3"))).toHaveLength(2);
    });

    /** The names are as they were before the damage; the last test decodes what is in them. */
    async function expectWhole(): Promise<void> {
      expect(await it.remote.keys("objects/")).toEqual(whole);
    }

    test("nothing is wrong with what was pushed", async () => {
      expect(await it.fsck()).toMatchObject({ status: 0, findings: [], needed: 4, checked: "quick", stores: [{ where: "local", objects: 4 }, { where: "remote", objects: 4 }] });
    });

    test("a flipped byte is found by --deep, kept aside, and the object comes back", async () => {
      const key = await it.key(sha256(LONE));
      const bad = flipped(await it.remote.get(key));
      await it.remote.put(key, bad);
      expect(await it.fsck()).toMatchObject({ status: 0 });
      expect(await it.fsck("--deep", "--remote")).toMatchObject({ status: 1, findings: [{ kind: "corrupt", store: "remote", key, oid: sha256(LONE), neededBy: [{ path: "lone.bin" }] }] });
      const { status, findings, mended, repairs } = await it.fsck("--deep", "--repair");
      expect({ status, findings }).toEqual({ status: 0, findings: [] });
      expect(mended).toMatchObject([{ kind: "corrupt", key }]);
      expect(repairs).toMatchObject([{ what: "quarantined", key, where: expect.stringMatching(/^quarantine\//) }, { what: "restored", key, where: "local" }]);
      expect(await it.remote.get(repairs[0]!.where)).toEqual(bad);
      await expectWhole();
    });

    test("a flipped byte in a delta is told from one in what it stands on", async () => {
      const [root, middle] = [await it.key(ROOT), await it.key(MIDDLE)];
      await it.remote.put(root, flipped(await it.remote.get(root)));
      const { findings } = await it.fsck("--deep", "--remote");
      expect(findings.map(({ kind, key }) => [kind, key])).toEqual([["corrupt", root], ["chain", middle], ...(findings.length > 2 ? [["chain", await it.key(TOP)]] : [])]);
      expect(await it.fsck("--deep", "--repair")).toMatchObject({ status: 0, findings: [] });
      await expectWhole();
      await it.remote.put(middle, flipped(await it.remote.get(middle), -60));
      expect((await it.fsck("--deep", "--remote")).findings[0]).toMatchObject({ kind: "corrupt", key: middle });
      expect(await it.fsck("--deep", "--repair")).toMatchObject({ status: 0, findings: [] });
      await expectWhole();
    });

    test("a truncated object is found by its size, and replaced", async () => {
      const key = await it.key(sha256(LONE));
      await it.remote.put(key, (await it.remote.get(key)).subarray(0, 1000));
      expect(await it.fsck()).toMatchObject({ status: 1, findings: [{ kind: "size", key, oid: sha256(LONE) }] });
      expect(await it.fsck("--repair")).toMatchObject({ status: 0, findings: [], mended: [{ kind: "size", key }] });
      await expectWhole();
    });

    test("an object under the name of another is found, and given its own where that is lacking", async () => {
      const [lone, root] = [await it.key(sha256(LONE)), await it.key(ROOT)];
      const content = await it.remote.get(lone);
      await it.remote.put(root, content);
      await it.remote.remove(lone);
      const { findings } = await it.fsck("--deep", "--remote");
      expect(findings).toContainEqual(expect.objectContaining({ kind: "corrupt", key: root }));
      expect(findings).toContainEqual(expect.objectContaining({ kind: "missing", store: "remote", oid: sha256(LONE) }));
      const { repairs, status } = await it.fsck("--deep", "--repair");
      expect(repairs).toContainEqual({ store: "remote", what: "renamed", key: lone, where: root });
      expect(status).toBe(0);
      await expectWhole();
    });

    inDirectory?.("an object in the wrong directory gets its place", async () => {
      const key = await it.key(sha256(LONE));
      const wrong = `objects/zz/${sha256(LONE)}`;
      await it.remote.put(wrong, await it.remote.get(key));
      await it.remote.remove(key);
      expect((await it.fsck()).findings.map(({ kind }) => kind)).toContain("misplaced");
      const { status, repairs } = await it.fsck("--repair");
      expect(status).toBe(0);
      expect(repairs).toContainEqual({ store: "remote", what: "renamed", key, where: wrong });
      await expectWhole();
    });

    test("a base that is missing is found, with what stands on it, and comes back", async () => {
      const root = await it.key(ROOT);
      await it.remote.remove(root);
      const { status, findings } = await it.fsck("--remote");
      expect(status).toBe(1);
      expect(findings.filter(({ kind }) => kind === "chain").map(({ oid }) => oid)).toContain(MIDDLE);
      expect(findings.filter(({ kind }) => kind === "missing").map(({ oid }) => oid)).toEqual([ROOT]);
      expect(await it.fsck("--repair")).toMatchObject({ status: 0, findings: [] });
      await expectWhole();
    });

    inDirectory?.("what neither store has comes from the worktree, and what is nowhere is named with its commits", async () => {
      const key = await it.key(sha256(LONE));
      await it.remote.remove(key);
      await it.local.remove(key);
      expect(await it.fsck()).toMatchObject({ status: 1, findings: [{ kind: "missing", oid: sha256(LONE), neededBy: [{ path: "lone.bin", commit: expect.stringMatching(/^[0-9a-f]{40}$/) }] }] });
      expect(await it.fsck("--repair")).toMatchObject({ status: 0, repairs: [{ store: "local", what: "restored", where: "worktree" }, { store: "remote", what: "restored" }] });
      await expectWhole();
      await it.remote.remove(key);
      await it.local.remove(key);
      await it.box.run("repo", "rm", ["lone.bin"]);
      const lost = await it.fsck("--repair");
      expect(lost).toMatchObject({ status: 1, repairs: [], findings: [{ kind: "missing", oid: sha256(LONE) }] });
      await it.box.write("repo/lone.bin", LONE);
      expect(await it.fsck("--repair")).toMatchObject({ status: 0 });
      await expectWhole();
    });

    test("junk is found and kept aside; an unknown encoding is found and left alone", async () => {
      const junk = ["objects/notes.txt", "objects/ab/.hidden", `objects/ab/${"g".repeat(64)}`];
      const newer = `objects/${ROOT.slice(0, 2)}/${ROOT}.zst`;
      for (const key of [...junk, newer]) await it.remote.put(key, Buffer.from("junk"));
      const { findings } = await it.fsck();
      expect(findings.filter(({ kind }) => kind === "unknown").map(({ key }) => key)).toEqual([newer]);
      // Files whose names begin with a dot are nobody's concern in a directory, and cannot be told there.
      expect(findings.filter(({ kind }) => kind === "junk").map(({ key }) => key)).toEqual((kind === "bucket" ? junk : [junk[0], junk[2]]).sort());
      const after = await it.fsck("--repair");
      expect(after).toMatchObject({ status: 1, findings: [{ kind: "unknown", key: newer }] });
      expect((await it.remote.keys("quarantine/notes.txt")).length).toBe(1);
      await it.remote.remove(newer);
      if (kind === "directory") await it.remote.remove(junk[1]!);
      await expectWhole();
    });

    test("a damaged object in the local store is replaced from the remote one", async () => {
      const key = await it.key(sha256(LONE));
      await it.local.put(key, flipped(await it.local.get(key)));
      const { status, repairs } = await it.fsck("--local", "--deep", "--repair");
      expect(status).toBe(0);
      expect(repairs).toMatchObject([{ store: "local", what: "quarantined", key }, ...(repairs.length > 1 ? [{ store: "local", what: "restored" }] : [])]);
      await expectWhole();
    });

    test("after all that, every byte is as it was", async () => {
      await it.fsck("--deep", "--repair");
      await expectWhole();
      expect(await it.fsck("--deep")).toMatchObject({ status: 0, findings: [], checked: "deep", needed: 4 });
    });
  });
}

test("what stands in the way in a directory is moved aside", async () => {
  const it = await begin("directory");
  const whole = await it.remote.keys("objects/");
  const [lone, root] = [await it.key(sha256(LONE)), await it.key(ROOT)];
  const path = (key: string): string => it.box.path("store", key);
  await it.remote.remove(lone);
  await mkdir(path(`${lone}/within`), { recursive: true });
  await writeFile(path(`${lone}/within/file`), "x");
  await it.box.run(".", "rm", ["-r", path(root.slice(0, 10))]);
  await writeFile(path(root.slice(0, 10)), "a file");
  const middle = await it.key(MIDDLE);
  if (middle) {
    await it.remote.remove(middle);
    await symlink("nowhere", path(middle));
  }
  const found = await it.fsck();
  expect(found.findings.filter(({ kind }) => kind === "obstacle").map(({ key }) => key)).toEqual([lone, root.slice(0, 10), middle].filter(Boolean).sort());
  const { status, findings } = await it.fsck("--repair");
  expect({ status, findings }).toEqual({ status: 0, findings: [] });
  expect(await it.remote.keys("objects/")).toEqual(whole);
  expect(await it.fsck("--deep")).toMatchObject({ status: 0 });
});
