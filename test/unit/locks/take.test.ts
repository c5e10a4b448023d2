import { utimes } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { cachedLocks, refreshLocks } from "../../../src/locks/cache.ts";
import { describeHolder } from "../../../src/locks/describe.ts";
import { sameOwner } from "../../../src/locks/owner.ts";
import { formatRecordKey, hashOfPath } from "../../../src/locks/record.ts";
import { releaseLock } from "../../../src/locks/release.ts";
import { takeLock, type LockRequest } from "../../../src/locks/take.ts";
import type { Store } from "../../../src/store/port.ts";
import { BallastError } from "../../../src/errors.ts";
import { ballastError } from "../../support/errors.ts";
import { scene, type Scene } from "../../support/repository.ts";

let nonce = 0;
const by = (name: string, path = "art/hero.psd"): LockRequest => ({ path, owner: { name, email: "" }, machine: "desk", nowMs: 0, nonce: String(++nonce) });
const HOUR_S = 3600;

async function keys(store: Store): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.list("locks/")) found.push(key.slice("locks/".length + 64));
  return found;
}

/** Makes a record look as if it was written so many hours ago. */
async function age({ remote }: Scene, number: number, hours: number): Promise<void> {
  const seconds = Date.now() / 1000 - hours * HOUR_S;
  await utimes(remote.pathOf(formatRecordKey({ pathHash: hashOfPath("art/hero.psd"), number })), seconds, seconds);
}

describe("records", () => {
  it("go once they have been followed for an hour, and the one that counts stays", async () => {
    const it = await scene();
    await takeLock(it.remote, by("Ann"));
    await releaseLock(it.remote, by("Ann"), { force: false });
    await age(it, 1, 50);
    await age(it, 2, 0.9);
    await takeLock(it.remote, by("Ann"));
    expect(await keys(it.remote)).toEqual([".1.json", ".2.json", ".3.json"]);
    await age(it, 2, 1.1);
    await releaseLock(it.remote, by("Ann"), { force: false });
    expect(await keys(it.remote)).toEqual([".2.json", ".3.json", ".4.json"]);
    await age(it, 4, 1000);
    await age(it, 3, 2000);
    expect((await releaseLock(it.remote, by("Ann"), { force: true })).outcome).toBe("free");
    await takeLock(it.remote, by("Ben"));
    expect(await keys(it.remote)).toEqual([".4.json", ".5.json"]);
  });

  it("stay where nothing may be removed, and the lock is taken nevertheless", async () => {
    const it = await scene();
    await takeLock(it.remote, by("Ann"));
    await releaseLock(it.remote, by("Ann"), { force: false });
    await age(it, 1, 50);
    await age(it, 2, 40);
    const remove = (): Promise<void> => Promise.reject(new BallastError("STORE_DENIED", "no"));
    const denied = new Proxy(it.remote as Store, { get: (target, name) => (name === "remove" ? remove : (Reflect.get(target, name) as () => unknown).bind?.(target)) });
    expect((await takeLock(denied, by("Ann"))).outcome).toBe("taken");
    expect(await keys(it.remote)).toEqual([".1.json", ".2.json", ".3.json"]);
  });

  it("that are not listed at once keep anybody from believing in a lock", async () => {
    const { remote } = await scene();
    const blind = new Proxy(remote as Store, { get: (target, name) => (name === "list" ? async function* () {} : (Reflect.get(target, name) as () => unknown).bind?.(target)) });
    await expect(takeLock(blind, by("Ann"))).rejects.toThrow(ballastError("LOCKS_UNSUPPORTED", /does not list at once/));
  });
});

describe("the locks that were last seen", () => {
  it("are what the store holds, are kept without it, and are none of another store", async () => {
    const { remote, context } = await scene();
    const { repository } = context;
    expect(await refreshLocks(repository, remote, 5000)).toEqual({ seenMs: 5000, locks: [] });
    expect(cachedLocks(repository, remote.url)).toBeUndefined();
    await takeLock(remote, by("Ann", "a"));
    await takeLock(remote, by("Ben", "b"));
    await takeLock(remote, by("Ben", "gone"));
    await releaseLock(remote, by("Ben", "gone"), { force: false });
    await remote.replace(formatRecordKey({ pathHash: hashOfPath("c"), number: 1 }), Buffer.from("{"));
    const seen = await refreshLocks(repository, remote, 6000);
    expect(seen.locks.map((lock) => (lock.readable ? `${lock.owner.name} ${lock.path}` : lock.why)).sort()).toEqual(["Ann a", "Ben b", "it is not JSON in UTF-8"]);
    expect(cachedLocks(repository, remote.url)).toEqual(seen);
    expect(cachedLocks(repository, "s3://elsewhere")).toBeUndefined();
  });

  it("are read once, and again when a record is another one under the same key", async () => {
    const { remote, context, box } = await scene();
    let reads = 0;
    const read = (key: string): AsyncIterable<Uint8Array> => ((reads += 1), remote.read(key));
    const counted = new Proxy(remote as Store, { get: (target, name) => (name === "read" ? read : (Reflect.get(target, name) as () => unknown).bind?.(target) ?? Reflect.get(target, name)) });
    for (const path of ["a", "b", "c"]) await takeLock(remote, by("Ann", path));
    await refreshLocks(context.repository, counted, 0);
    await refreshLocks(context.repository, counted, 0);
    expect(reads).toBe(3);
    await box.run(".", "rm", ["-r", "store/locks"]);
    await takeLock(remote, by("Ben", "a"));
    expect((await refreshLocks(context.repository, counted, 0)).locks).toMatchObject([{ owner: { name: "Ben" } }]);
    expect(reads).toBe(4);
  });

  it.each(["", "{", '{"ballast":"locks","version":2}', "null", "[]", '{"ballast":"locks","version":1,"store":"S","seen":"x","locks":{}}', '{"ballast":"locks","version":1,"store":"S","seen":"2026-01-01","locks":{"locks/x":null}}', '{"ballast":"locks","version":1,"store":"S","seen":"2026-01-01","locks":7}'])(
    "are none when their file says %j",
    async (text) => {
      const { remote, context, box } = await scene();
      await box.write("repo/.git/ballast/locks.json", text.replace("S", remote.url));
      expect(cachedLocks(context.repository, remote.url)?.locks ?? []).toEqual([]);
      await takeLock(remote, by("Ann", "a"));
      expect((await refreshLocks(context.repository, remote, 0)).locks).toHaveLength(1);
    },
  );
});

describe("an owner", () => {
  it("is who has the address, in any case of its letters, or the name where there is none", () => {
    expect(sameOwner({ name: "Ann", email: "Ann@example.com" }, { name: "A.", email: "ann@EXAMPLE.com" })).toBe(true);
    expect(sameOwner({ name: "Ann", email: "a@x" }, { name: "Ann", email: "b@x" })).toBe(false);
    expect(sameOwner({ name: "Ann", email: "" }, { name: "Ann", email: "" })).toBe(true);
    expect(sameOwner({ name: "Ann", email: "" }, { name: "Ann", email: "a@x" })).toBe(false);
  });

  it("is shown in one line of bounded length", () => {
    const line = describeHolder({ readable: true, kind: "lock", key: "k", path: "p", nonce: "n", timeMs: 0, modifiedMs: 0, machine: "\u001b[2Jm", owner: { name: `\n${"x".repeat(5000)}`, email: "\r@" } });
    expect(line).toMatch(/^\\nx+… <\\u000d@> on \\u001b\[2Jm since 1970-01-01 00:00 UTC$/);
    expect(line.length).toBeLessThan(200);
  });
});
