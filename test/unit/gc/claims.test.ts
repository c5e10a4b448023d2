import { existsSync, rmSync } from "node:fs";
import { readdir, utimes } from "node:fs/promises";
import { expect, test } from "vitest";
import { Claim } from "../../../src/gc/claim.ts";
import { storeTime } from "../../../src/gc/clock.ts";
import { collectClaims } from "../../../src/gc/collect.ts";
import { fenced } from "../../../src/gc/fence.ts";
import { formatRecord, parseRecord, writeRecords } from "../../../src/gc/records.ts";
import { announce, waitForSweeps } from "../../../src/gc/sweeps.ts";
import { LAPSE_MS, SWEEP_MS } from "../../../src/gc/terms.ts";
import { thisRun, type ThisRun } from "../../../src/gc/this-run.ts";
import { silent } from "../../../src/events.ts";
import type { Entry, Store } from "../../../src/store/port.ts";
import { upload } from "../../../src/transfer/upload.ts";
import { collectGarbage } from "../../../src/util/collect-garbage.ts";
import { ballastError } from "../../support/errors.ts";
import { oid, put, scene, type Scene } from "../../support/repository.ts";

const signal = new AbortController().signal;
const repository = { id: "0".repeat(32), label: "example.com/game" };
const need = (content: string) => ({ oid: oid(content), sizeBytes: content.length, path: content });

/** This process, in which something happens at certain moments. */
function runWith(changes: Partial<ThisRun>): ThisRun {
  return { ...thisRun(), ...changes };
}

async function claims({ box }: Scene): Promise<string[]> {
  return (await readdir(box.path("store/gc/claims"), { recursive: true }).catch(() => [])).filter((name) => name.includes("/")).sort();
}

async function all(entries: AsyncIterable<Entry>): Promise<Entry[]> {
  const list: Entry[] = [];
  for await (const entry of entries) list.push(entry);
  return list;
}

test("a push claims what it needs before it looks, and leaves one claim", async () => {
  const it = await scene();
  await put(it.local, "here");
  await put(it.remote, "there");
  let claimedAtStart: boolean | undefined;
  await upload({ ...it.context, report: (event) => void (event.kind === "start" && (claimedAtStart = existsSync(it.box.path(`store/gc/claims/${repository.id}`)))) }, [need("here"), need("there")], { repository });
  expect(claimedAtStart).toBe(true);
  const left = await claims(it);
  expect(left).toHaveLength(1);
  const record = parseRecord((await it.box.read(`store/gc/claims/${left[0]!}`)).toString());
  expect(record?.head).toMatchObject({ ballast: "claim", version: 1, repository: "example.com/game", oids: 2, processes: [{ pid: process.pid }] });
  expect([...record!.oids].sort()).toEqual([oid("here"), oid("there")].sort());
});

test("a push that slept until its claim was gone and its objects were swept begins again", async () => {
  const it = await scene();
  for (const content of ["mine", "ours"]) await put(it.local, content);
  await put(it.remote, "ours");
  let names = 0;
  const run = runWith({
    newId: () => {
      names += 1;
      // It wakes as it claims anew (P5): a fortnight has gone by, and nobody knew that it was still at work.
      if (names === 2) for (const path of ["store/objects", "store/gc"]) rmSync(it.box.path(path), { recursive: true });
      return String(names).padStart(32, "0");
    },
  });
  const { uploaded } = await upload(it.context, [need("mine"), need("ours")], { repository, run });
  expect(uploaded.map(({ path }) => path).sort()).toEqual(["mine", "ours"]);
  expect(await it.box.objects("store")).toEqual([oid("mine"), oid("ours")].sort());
  expect(names).toBe(3);
  expect(await claims(it)).toHaveLength(1);
});

test("a push waits for a sweep that names what it needs, and uploads what that has removed", async () => {
  const it = await scene();
  await put(it.local, "wanted");
  await put(it.remote, "wanted");
  const elsewhere = runWith({ process: { ...thisRun().process, machine: "another" } });
  const sweep = await announce(it.remote, [oid("wanted")], { all: false, run: elsewhere, signal });
  let waits = 0;
  const run = runWith({
    pause: async () => {
      waits += 1;
      if (waits < 3) return;
      rmSync(it.box.path("store/objects"), { recursive: true });
      await sweep.end();
    },
  });
  const { uploaded } = await upload(it.context, [need("wanted")], { repository, run });
  expect(waits).toBe(3);
  expect(uploaded).toHaveLength(1);
  expect(it.events).toContainEqual({ kind: "info", message: expect.stringContaining("waiting for a cleanup") });
});

test("a push does not wait for a sweep of something else, one that has lapsed, or one whose process is gone; but for --now", async () => {
  const it = await scene();
  await put(it.local, "wanted");
  const elsewhere = runWith({ process: { ...thisRun().process, machine: "another" } });
  const wait = async (): Promise<"waited" | "went on"> => {
    const claim = await Claim.make(it.remote, { repository, oids: new Set([oid("wanted")]), run: thisRun(), signal });
    return waitForSweeps(it.remote, new Set([oid("wanted")]), { claim, run: runWith({ pause: async () => {} }), report: silent, signal, patienceMs: 0 }).then(() => "went on" as const, (error: unknown) => {
      expect(error).toEqual(ballastError("LOCKED"));
      return "waited" as const;
    });
  };
  const other = await announce(it.remote, [oid("other")], { all: false, run: elsewhere, signal });
  expect(await wait()).toBe("went on");
  const all = await announce(it.remote, [], { all: true, run: elsewhere, signal });
  expect(await wait()).toBe("waited");
  await all.end();
  await other.end();
  await announce(it.remote, [oid("wanted")], { all: false, run: elsewhere, signal });
  expect(await wait()).toBe("waited");
  const then = new Date(Date.now() - LAPSE_MS - 5000);
  for (const name of await readdir(it.box.path("store/gc/sweeps"))) await utimes(it.box.path("store/gc/sweeps", name), then, then);
  expect(await wait()).toBe("went on");
  if (process.platform === "linux") {
    const dead = runWith({ process: { ...thisRun().process, started: "1" } });
    await announce(it.remote, [oid("wanted")], { all: false, run: dead, signal });
    expect(await wait()).toBe("went on");
  }
});

test("nothing is removed under an announcement that is too old by either clock, or under a clock that was set back", async () => {
  const it = await scene();
  await put(it.remote, "dead");
  const key = `objects/${oid("dead").slice(0, 2)}/${oid("dead")}`;
  for (const [wallMs, steadyMs] of [[SWEEP_MS, 0], [0, SWEEP_MS], [-1, 0]] as const) {
    let now = { wallMs: 1e12, steadyMs: 50 };
    const sweep = await announce(it.remote, [oid("dead")], { all: false, run: runWith({ nowMs: () => now.wallMs, steadyMs: () => now.steadyMs }), signal });
    const store = fenced(it.remote, sweep);
    now = { wallMs: now.wallMs + wallMs, steadyMs: now.steadyMs + steadyMs };
    await expect(store.remove(key)).rejects.toEqual(ballastError("LOCKED"));
    await sweep.end();
  }
  expect(await it.box.objects("store")).toHaveLength(1);
  const sweep = await announce(it.remote, [oid("dead")], { all: false, run: thisRun(), signal });
  await fenced(it.remote, sweep).remove(key);
  expect(await it.box.objects("store")).toHaveLength(0);
});

test("a live list that takes a claim's place while a listing is read is not missed", async () => {
  const it = await scene();
  const claim = await writeRecords(it.remote, `gc/claims/${repository.id}/push-${"1".repeat(32)}`, { ballast: "claim", version: 1, repository: "r" }, [oid("x")], signal);
  let replaced = false;
  const list = async function* (prefix: string): AsyncGenerator<Entry> {
    // The page with live lists is read first; then the claim is replaced; then the page with claims is read.
    const before = await all(it.remote.list(prefix));
    yield* before.filter(({ key }) => key.includes("/live-"));
    if (!replaced) {
      replaced = true;
      await writeRecords(it.remote, `gc/claims/${repository.id}/live-${"2".repeat(32)}`, { ballast: "live", version: 1, repository: "r" }, [oid("x")], signal);
      for (const key of claim) await it.remote.remove(key);
    }
    const after = await all(it.remote.list(prefix));
    yield* after.filter(({ key }) => key.includes("/push-"));
  };
  const racing = { url: "memory:", list, read: it.remote.read.bind(it.remote) } as unknown as Store;
  const found = await collectClaims(racing, { concurrency: 2, signal });
  expect(found.map(({ kind, oids }) => [kind, oids])).toEqual([["live", [oid("x")]]]);
});

test("records are read back as they were written, in several where they are many, and half of one is none", async () => {
  const it = await scene();
  const many = Array.from({ length: 100_001 }, (_, i) => oid(String(i)));
  const keys = await writeRecords(it.remote, `gc/claims/${repository.id}/push-${"3".repeat(32)}`, { ballast: "claim", version: 1, repository: "r" }, many, signal);
  expect(keys).toHaveLength(2);
  expect((await collectClaims(it.remote, { concurrency: 2, signal })).flatMap(({ oids }) => oids)).toEqual(many);
  const text = formatRecord({ ballast: "mark", version: 1 }, [oid("a"), oid("b")]).toString();
  expect(parseRecord(text)).toEqual({ head: { ballast: "mark", version: 1, oids: 2 }, oids: [oid("a"), oid("b")] });
  for (let length = 0; length < text.length; length++) expect(parseRecord(text.slice(0, length))).toBeUndefined();
  for (const bad of ["", "\n", "null\n", "{}\n", '{"ballast":"mark","version":2}\n', text.toUpperCase(), `${text}x\n`]) expect(parseRecord(bad)).toBeUndefined();
});

test("claims of the same contents take little memory beside the first of them", async () => {
  const { remote } = await scene();
  const oids = Array.from({ length: 50_000 }, (_, i) => oid(`${i}`));
  const options = { concurrency: 4, signal };
  const write = (number: number): Promise<unknown> => writeRecords(remote, `gc/claims/${repository.id}/push-${number.toString(16).padStart(32, "0")}`, { ballast: "claim", version: 1 }, oids);
  const heldBytes = async (): Promise<number> => {
    const claimed = await collectClaims(remote, options);
    collectGarbage(Infinity);
    const { heapUsed } = process.memoryUsage();
    expect(claimed.every((claim) => claim.oids.length === oids.length)).toBe(true);
    return heapUsed;
  };
  await write(0);
  // What the first look leaves behind for good counts for neither.
  await heldBytes();
  const one = await heldBytes();
  for (let number = 1; number < 8; number++) await write(number);
  expect((await heldBytes()) - one).toBeLessThan(7 * oids.length * 16);
});

test("the store's time is told also while others tidy such files away", async () => {
  const it = await scene();
  let tidied = 0;
  const run = runWith({});
  const list = async function* (prefix: string): AsyncGenerator<Entry> {
    if (tidied++ < 3) for (const { key } of await all(it.remote.list(prefix))) await it.remote.remove(key);
    yield* it.remote.list(prefix);
  };
  const store = { url: "memory:", list, replace: it.remote.replace.bind(it.remote), remove: it.remote.remove.bind(it.remote) } as unknown as Store;
  expect(Math.abs((await storeTime(store, run, signal)) - Date.now())).toBeLessThan(60_000);
  expect(tidied).toBe(4);
  expect(await all(it.remote.list("gc/"))).toEqual([]);
});
