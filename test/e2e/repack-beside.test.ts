import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { describe, expect, it } from "vitest";
import { openDirectoryStore } from "../../src/store/directory.ts";
import { openS3Store } from "../../src/store/s3/store.ts";
import { copyStore } from "../../src/transfer/copy-store.ts";
import { decodeAll, objectNames, promised } from "../support/decodable.ts";
import { editions } from "../support/deltas.ts";
import { faultProxy } from "../support/fault-proxy.ts";
import { testS3, type TestS3 } from "../support/s3.ts";
import { sandbox, sha256, type Result, type Sandbox } from "../support/sandbox.ts";

/*
 * Two repacks that want opposite things, a push and a clone, all at once and again and again: every content is there at
 * the end of each round, every clone is whole, and no command fails but for a repack that finds another one at work.
 */
const ROUNDS = 2;
const LOCKED = 12;
const s3 = await testS3();

interface Place {
  readonly box: Sandbox;
  readonly url: string;
  names(): Promise<string[]>;
  /** The oids, each decoded. */
  oids(): Promise<string[]>;
}

async function inDirectory(): Promise<Place> {
  const box = await sandbox();
  const root = box.path("store");
  return { box, url: `file://${root}`, names: async () => objectNames(root), oids: async () => [...(await decodeAll(root))].sort() };
}

async function inBucket(server: TestS3): Promise<Place> {
  const bucket = await server.bucket();
  const box = await sandbox({ env: server.env() });
  const url = `s3://${bucket}/team`;
  const names = async (): Promise<string[]> => {
    const client = server.client();
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: "team/objects/" }));
    client.destroy();
    return Contents.map(({ Key }) => Key!.split("/").at(-1)!);
  };
  const oids = async (): Promise<string[]> => {
    const copy = openDirectoryStore(mkdtempSync(join(tmpdir(), "ballast-copy-")));
    const store = openS3Store(url, server.settings(), () => {});
    await copy.initialise();
    await copyStore([store], copy, { report: () => {}, signal: new AbortController().signal, concurrency: 8 });
    store.close();
    const all = [...(await decodeAll(copy.root))].sort();
    await rm(copy.root, { recursive: true });
    return all;
  };
  return { box, url, names, oids };
}

async function start({ box, url }: Place): Promise<void> {
  await box.git(".", "init", "-q", "--bare", "up.git");
  await box.git(".", "init", "-q", "repo");
  await box.git("repo", "remote", "add", "origin", box.path("up.git"));
  await box.mustBallast("repo", "init", url);
  await box.mustBallast("repo", "track", "*.bin");
}

async function commit(box: Sandbox, contents: Record<string, Buffer>): Promise<void> {
  for (const [path, content] of Object.entries(contents)) await box.write(`repo/${path}`, content);
  await box.git("repo", "add", "-A");
  await box.git("repo", "commit", "-qm", "change");
}

async function manyAtOnce(place: Place): Promise<void> {
  const { box } = place;
  await start(place);
  const paths = ["a.bin", "b.bin", "c.bin"];
  const all = paths.map((path) => editions(3 + ROUNDS, path, 20_000));
  const at = (i: number): Record<string, Buffer> => Object.fromEntries(paths.map((path, p) => [path, all[p]![i]!]));
  for (let i = 0; i < 3; i++) await commit(box, at(i));
  await box.git("repo", "push", "-q", "-u", "origin", "main");
  await box.mustBallast(".", "clone", "-q", "up.git", "second");
  let repacked = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await commit(box, at(3 + round));
    const wish = (repo: string, mode: string): Promise<Result> => box.ballast(repo, "repack", "--set", `delta=${mode}`);
    const [push, clone, ...repacks] = await Promise.all([
      box.tryGit("repo", "push", "-q", "origin", "main"),
      box.ballast(".", "clone", "-q", "up.git", `clone${round}`),
      wish("second", "never"),
      wish("repo", "auto"),
    ]);
    for (const { status, stderr } of [push!, clone!]) expect(status, stderr).toBe(0);
    for (const { status, stderr } of repacks) expect([0, LOCKED], stderr).toContain(status);
    repacked += repacks.filter(({ status }) => status === 0).length;
    const oids = all.flatMap((versions) => versions.slice(0, 4 + round)).map(sha256).sort();
    expect([...promised(await place.names())].sort()).toEqual(oids);
    expect(await place.oids()).toEqual(oids);
    const seen = await box.git(`clone${round}`, "rev-list", "--count", "HEAD");
    for (const [path, content] of Object.entries(at(Number(seen) - 1))) expect((await box.read(`clone${round}/${path}`)).equals(content)).toBe(true);
  }
  expect(repacked).toBeGreaterThanOrEqual(ROUNDS);
}

describe("in a directory", () => {
  it("two repacks, a push and a clone at once lose nothing", async () => manyAtOnce(await inDirectory()));
});

describe.runIf(s3)("in a bucket", () => {
  it("two repacks, a push and a clone at once lose nothing", async () => manyAtOnce(await inBucket(s3!)));

  const versions = editions(4, "hero", 20_000);
  const oids = versions.map(sha256).sort();

  /** A repository with four versions, not pushed, and a store behind a proxy that gives up at the first fault. */
  async function behindProxy(work: (place: Place, breaking: Breaking) => Promise<void>): Promise<void> {
    const place = await inBucket(s3!);
    const { box } = place;
    await start(place);
    for (const version of versions) await commit(box, { "hero.bin": version });
    const proxy = await faultProxy(s3!.endpoint);
    box.env["BALLAST_STORE_ENDPOINT"] = proxy.endpoint;
    box.env["BALLAST_STORE_ATTEMPTS"] = "1";
    const breaking: Breaking = async (method, part, nth, kind, ...command) => {
      proxy.reset();
      let seen = 0;
      proxy.add({ when: (request) => request.method === method && request.path.includes(part) && ++seen === nth, fault: { kind } });
      const { status } = await box.run("repo", "git", command);
      proxy.reset();
      return status;
    };
    try {
      await work(place, breaking);
    } finally {
      await proxy.close();
    }
  }
  /** Runs a command whose `nth` request of this kind breaks. */
  type Breaking = (method: "PUT" | "DELETE", part: string, nth: number, kind: "reset" | "lose answer", ...command: string[]) => Promise<number>;
  const expectClosed = async (place: Place): Promise<void> => {
    const names = await place.names();
    expect([...promised(names)].sort()).toEqual([...new Set(names.map((name) => name.slice(0, 64)))].sort());
  };

  it("a push whose connection breaks leaves no delta without its base, and is ended by the next", () =>
    behindProxy(async (place, breaking) => {
      // The first object that is written is written twice, to see whether the provider lets itself be asked not to.
      for (const [nth, kind] of [[1, "reset"], [3, "reset"], [1, "lose answer"]] as const) {
        expect(await breaking("PUT", "/objects/", nth, kind, "push", "-q", "-u", "origin", "main"), `${kind} ${nth}`).not.toBe(0);
        await expectClosed(place);
      }
      await place.box.git("repo", "push", "-q", "-u", "origin", "main");
      expect(await place.oids()).toEqual(oids);
    }));

  it.each([
    ["never", "PUT", "/gc/removal.", 2],
    ["never", "DELETE", "/objects/", 1],
    ["auto", "PUT", "/objects/", 1],
    ["auto", "DELETE", "/objects/", 2],
  ] as const)("a repack to delta=%s whose %s of %s breaks, number %i, leaves every chain closed, and the next goes on", (mode, method, part, nth) =>
    behindProxy(async (place, breaking) => {
      const { box } = place;
      await box.git("repo", "push", "-q", "-u", "origin", "main");
      // From whole objects to deltas there is something to write and to remove.
      if (mode === "auto") await box.mustBallast("repo", "repack", "--set", "delta=never");
      const repack = ["repack", "--set", `delta=${mode}`];
      expect(await breaking(method, part, nth, "reset", "ballast", ...repack)).not.toBe(0);
      expect([...promised(await place.names())].sort()).toEqual(oids);
      await box.mustBallast("repo", ...repack);
      expect(await place.oids()).toEqual(oids);
      await expectClosed(place);
      // What was asked to go, without an answer, may go for two hours: nothing counts on it, and nothing that stands in for it goes.
      if (method === "PUT") expect(await place.names()).toHaveLength(4);
      if (mode === "auto" || method === "PUT") return;
      // The delta that was asked to go is written anew, and the whole object stays beside it.
      const back = JSON.parse(await box.mustBallast("repo", "repack", "--set", "delta=auto", "--json")) as { waiting: number; rewritten: number };
      expect(back.rewritten).toBe(3);
      expect(back.waiting).toBeGreaterThan(0);
      expect(await place.names()).toHaveLength(4 + back.waiting);
      expect((await box.ballast("repo", "repack", "--set", "delta=auto")).stderr).toContain("again in two hours");
    }));
});
