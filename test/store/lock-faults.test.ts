import { randomUUID } from "node:crypto";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { DEFAULTS, type S3Settings } from "../../src/config/settings.ts";
import { requireLocks } from "../../src/locks/require.ts";
import { hashOfPath } from "../../src/locks/record.ts";
import { releaseLock } from "../../src/locks/release.ts";
import { standings } from "../../src/locks/standing.ts";
import { takeLock, type LockRequest } from "../../src/locks/take.ts";
import { openDirectoryStore } from "../../src/store/directory.ts";
import { openStore } from "../../src/store/open.ts";
import type { Diagnosis, Store } from "../../src/store/port.ts";
import { ballastError } from "../support/errors.ts";
import { faultProxy, type FaultProxy, type Seen } from "../support/fault-proxy.ts";
import { buildRacer, Racer } from "../support/racer.ts";
import { testS3 } from "../support/s3.ts";

const PRELOAD = fileURLToPath(new URL("../support/crash.cjs", import.meta.url));
const PATH = "art/hero.psd";
const by = (name: string): LockRequest => ({ path: PATH, owner: { name, email: `${name}@example.com` }, machine: "test", nowMs: Date.now(), nonce: randomUUID() });
const numberOf = async (store: Store, path = PATH): Promise<number> => (await standings(store)).get(hashOfPath(path))?.number ?? 0;

describe("a process that is killed at any of its writes in a directory", () => {
  let directory: string;
  beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), "ballast-locks-"))));
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it("has the lock or not, and gets or gives it by doing the same again", async () => {
    const program = await buildRacer(directory);
    const store = openDirectoryStore(join(directory, "store"));
    await store.initialise();
    /** Has a new process do one thing and die at its nth write; returns whether it did die. */
    async function dieAt(nth: number, what: "take" | "release", path: string): Promise<boolean> {
      const counter = join(directory, `${what}-${nth}`);
      const env = { NODE_OPTIONS: `--require=${PRELOAD}`, BALLAST_CRASH_COUNTER: counter, BALLAST_CRASH_AT: String(nth) };
      const racer = new Racer(program, "Ann", [store.url, JSON.stringify(DEFAULTS.s3)], env);
      await racer.ready;
      const answered = await Promise.race([racer.order(what, path).then(() => true), racer.ended().then(() => false)]);
      racer.end();
      expect(answered).toBe(!(await stat(`${counter}.crashed`).then(() => true, () => false)));
      return !answered;
    }
    let deaths = 0;
    for (let nth = 1; ; nth++) {
      const path = `art/${nth}.psd`;
      const died = await dieAt(nth, "take", path);
      const found = await numberOf(store, path);
      expect((await takeLock(store, { ...by("Ann"), path })).outcome).toBe(found === 0 ? "taken" : "yours");
      expect(await numberOf(store, path)).toBe(1);
      if (!died) break;
      deaths += 1;
    }
    for (let nth = 1; ; nth++) {
      const path = `art/release-${nth}.psd`;
      await takeLock(store, { ...by("Ann"), path });
      const died = await dieAt(nth, "release", path);
      const found = await numberOf(store, path);
      expect((await releaseLock(store, { ...by("Ann"), path }, { force: false })).outcome).toBe(found === 1 ? "released" : "free");
      expect(await numberOf(store, path)).toBe(2);
      if (!died) break;
      deaths += 1;
    }
    expect(deaths).toBeGreaterThan(5);
  });
});

const s3 = await testS3();
if (s3) {
  describe("a lock in a bucket behind a bad network", () => {
    let proxy: FaultProxy;
    let store: Store;
    const isWrite = ({ method, path }: Seen): boolean => method === "PUT" && /\.\d+\.json$/.test(path);
    const isProbe = ({ method, path }: Seen): boolean => method === "PUT" && path.includes("/locks/probe");
    const isListing = ({ method, query }: Seen): boolean => method === "GET" && query.has("list-type");

    beforeAll(async () => void (proxy = await faultProxy(s3.endpoint)));
    afterAll(() => proxy.close());
    afterEach(() => {
      store.close();
      proxy.reset();
    });
    async function open(changes: Partial<S3Settings> = {}): Promise<void> {
      const settings = s3!.settings({ endpoint: proxy.endpoint, attempts: 2, ...changes });
      store = await openStore(`s3://${await s3!.bucket()}/team`, { ...DEFAULTS, s3: settings }, () => {}, { commonDir: "/nowhere" });
    }

    it("whose answer was lost is found to be one's own, and is one record", async () => {
      await open();
      await requireLocks(store);
      proxy.add({ when: isWrite, fault: { kind: "lose answer" } });
      expect((await takeLock(store, by("Ann"))).outcome).toBe("taken");
      expect(proxy.count(isWrite)).toBe(2);
      expect(await numberOf(store)).toBe(1);
      expect((await takeLock(store, by("Ben"))).outcome).toBe("held");
    });

    it("whose answers were all lost is one's own when one tries again, and so is a release", async () => {
      await open();
      await requireLocks(store);
      proxy.add({ when: isWrite, fault: { kind: "lose answer" }, times: 2 });
      await expect(takeLock(store, by("Ann"))).rejects.toThrow(ballastError("STORE_UNREACHABLE"));
      expect((await takeLock(store, by("Ben"))).outcome).toBe("held");
      expect((await takeLock(store, by("Ann"))).outcome).toBe("yours");
      proxy.add({ when: isWrite, fault: { kind: "lose answer" }, times: 2 });
      await expect(releaseLock(store, by("Ann"), { force: false })).rejects.toThrow(ballastError("STORE_UNREACHABLE"));
      expect((await releaseLock(store, by("Ann"), { force: false })).outcome).toBe("free");
      expect(await numberOf(store)).toBe(2);
    });

    it("is not taken with credentials that expired before, and is one's own when they expired in the middle", async () => {
      await open();
      const expired = { kind: "answer", status: 403, code: "ExpiredToken" } as const;
      proxy.add({ when: isProbe, fault: expired });
      await expect(requireLocks(store)).rejects.toThrow(ballastError("CREDENTIALS_MISSING"));
      await requireLocks(store);
      proxy.add({ when: isWrite, fault: expired });
      await expect(takeLock(store, by("Ann"))).rejects.toThrow(ballastError("CREDENTIALS_MISSING"));
      expect(await numberOf(store)).toBe(0);
      // The second listing is the one after the write.
      let listings = 0;
      proxy.add({ when: (seen) => isListing(seen) && ++listings === 2, fault: expired });
      await expect(takeLock(store, by("Ann"))).rejects.toThrow(ballastError("CREDENTIALS_MISSING"));
      expect((await takeLock(store, by("Ann"))).outcome).toBe("yours");
      expect(await numberOf(store)).toBe(1);
    });

    it("is refused where the provider overwrites, or does not know conditions, and doctor says so", async () => {
      for (const fault of [{ kind: "answer", status: 200 }, { kind: "answer", status: 501, code: "NotImplemented" }] as const) {
        await open();
        proxy.add({ when: isProbe, fault, times: 100 });
        await expect(requireLocks(store)).rejects.toThrow(ballastError("LOCKS_UNSUPPORTED", /cannot hold locks: its provider overwrites/));
        const found: Diagnosis[] = [];
        for await (const diagnosis of store.diagnose!()) found.push(diagnosis);
        expect(found.find(({ name }) => name === "conditional writes")).toMatchObject({ ok: false, detail: expect.stringContaining("locks do not hold") });
        store.close();
        proxy.reset();
      }
      await open();
      await requireLocks(store);
      await requireLocks(store);
      // The first makes the probe, the second is refused; then it is known.
      expect(proxy.count(isProbe)).toBe(2);
      const found: Diagnosis[] = [];
      for await (const diagnosis of store.diagnose!()) found.push(diagnosis);
      expect(found.find(({ name }) => name === "conditional writes")).toMatchObject({ ok: true });
    });
  });
}
