import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import { BallastError } from "../../../src/errors.ts";
import type { Event } from "../../../src/events.ts";
import type { HashedFile } from "../../../src/object/hash-file.ts";
import type { Ingested } from "../../../src/object/ingest.ts";
import { EMPTY_OID, oidOf } from "../../../src/object/oid.ts";
import { objectKey } from "../../../src/object/name.ts";
import { createIngestPool, type IngestPool } from "../../../src/object/pool.ts";
import { bundledWorker } from "../../../src/object/threads.ts";
import type { DirectoryStore } from "../../../src/store/directory.ts";
import { AUTO, bundleWorker, failure, filesOf, newStore, temporaryDirectory } from "./support.ts";

/* The sources run unbundled here, so the pool is told where a bundle of the worker is, or works in this thread. */
let workerEntry: URL;

beforeAll(async () => {
  workerEntry = await bundleWorker();
});

interface Setup {
  readonly store: DirectoryStore;
  readonly pool: IngestPool;
  readonly events: Event[];
  readonly controller: AbortController;
  readonly files: { path: string; sizeBytes: number; label: string }[];
}

async function setUp(threads: boolean, sizes: readonly number[]): Promise<Setup> {
  const store = await newStore();
  const events: Event[] = [];
  const controller = new AbortController();
  const pool = createIngestPool({
    localRoot: store.root,
    compression: AUTO,
    concurrency: 4,
    report: (event) => void events.push(event),
    signal: controller.signal,
    workerEntry: threads ? workerEntry : undefined,
  });
  const directory = temporaryDirectory();
  const files = sizes.map((sizeBytes, i) => {
    const path = join(directory, `file ${i}`);
    writeFileSync(path, i % 3 === 0 ? Buffer.alloc(sizeBytes, `${i} `) : randomBytes(sizeBytes));
    return { path, sizeBytes, label: `assets/${i}` };
  });
  return { store, pool, events, controller, files };
}

const MANY = [...Array.from({ length: 300 }, (_, i) => i * 100), 9_000_000, 5_000_000];

describe.each([
  ["this thread", false],
  ["worker threads", true],
])("a pool in %s", (_where, threads) => {
  it("ingests, hashes and restores many files, each in its place", async () => {
    const { store, pool, events, files } = await setUp(threads, MANY);
    const contents = files.map(({ path }) => readFileSync(path));
    const totalBytes = MANY.reduce((sum, bytes) => sum + bytes, 0);

    const made = await ingested(pool, files);
    expect(made.map((result) => result!.oid)).toEqual(contents.map(oidOf));
    expect(made.filter((result) => result!.encoding === "gzip").length).toBeGreaterThan(90);
    expect(sumOfBytes(events)).toBe(totalBytes);
    expect(labels(events)).toEqual(files.map(({ label }) => label).sort());
    expect(filesOf(store).temporary).toEqual([]);

    const again = await ingested(pool, files);
    expect(again.some((result) => result!.created)).toBe(false);
    expect((await hashed(pool, files)).map((result) => result!.oid)).toEqual(contents.map(oidOf));
    expect(typeof made[0]!.stat.mtimeNs).toBe("bigint");

    const directory = temporaryDirectory();
    const done: number[] = [];
    const jobs = made.map((result, i) => ({ name: result!, temporary: join(directory, String(i)), sizeBytes: result!.sizeBytes, exec: i % 2 === 0 }));
    const modes: bigint[] = [];
    await pool.restore(jobs, ({ mode }, index) => {
      done.push(index);
      modes[index] = mode;
    });
    expect(done.sort((a, b) => a - b)).toEqual(jobs.map((_, i) => i));
    for (const [i, content] of contents.entries()) {
      expect(readFileSync(join(directory, String(i))).equals(content)).toBe(true);
      expect((modes[i]! & 0o100n) !== 0n).toBe(i % 2 === 0);
    }
    await pool.close();
  });

  it("copies many objects to another directory, and answers for each that is damaged", async () => {
    const { store, pool, events, files, controller } = await setUp(threads, MANY);
    const made = await ingested(pool, files);
    await pool.close();
    const objects = await Promise.all(made.map(async (result) => (await store.find([result!.oid])).get(result!.oid)![0]!));
    const flipped = readFileSync(store.pathOf(objects[200]!.key));
    flipped[flipped.length - 1]! ^= 1;
    writeFileSync(store.pathOf(objects[200]!.key), flipped);
    rmSync(store.pathOf(objects[201]!.key));

    const target = await newStore();
    events.length = 0;
    const copies = createIngestPool({ localRoot: store.root, copyTo: target.root, compression: AUTO, concurrency: 4, report: (event) => void events.push(event), signal: controller.signal, workerEntry: threads ? workerEntry : undefined });
    const jobs = objects.map((object, i) => ({ object, contentBytes: made[i]!.sizeBytes }));
    const outcomes = async (): Promise<string[]> => {
      const found: string[] = [];
      await copies.copy("upload", jobs, (copied, index) => void (found[index] = "outcome" in copied ? copied.outcome : copied.failure.code!));
      return found;
    };
    const expected = (outcome: string): string[] => objects.map((_, i) => (i === 200 ? "OBJECT_CORRUPT" : i === 201 ? "OBJECT_MISSING" : outcome));
    expect(await outcomes()).toEqual(expected("created"));
    expect(sumOfBytes(events)).toBe(MANY.reduce((sum, bytes) => sum + bytes, 0));
    expect(new Set(events.map((event) => (event.kind === "bytes" ? event.op : event.kind)))).toEqual(new Set(["upload"]));
    for (const [i, { key }] of objects.entries()) {
      if (i === 200 || i === 201) expect(existsSync(target.pathOf(key))).toBe(false);
      else expect(readFileSync(target.pathOf(key)).equals(readFileSync(store.pathOf(key)))).toBe(true);
    }
    expect(filesOf(target).temporary).toEqual([]);
    expect(await outcomes()).toEqual(expected("exists"));

    const refused = new Error("this one must arrive");
    await expect(copies.copy("upload", jobs, (copied) => {
      if ("failure" in copied) throw refused;
    })).rejects.toBe(refused);
    await copies.close();
  });

  it("leaves out files that have gone", async () => {
    const { pool, files } = await setUp(threads, MANY.slice(0, 300));
    const gone = files.map((file, i) => (i % 10 === 0 ? { ...file, path: `${file.path} not` } : file));
    expect((await hashed(pool, gone)).map((result, i) => (result === undefined ? i : -1)).filter((i) => i >= 0)).toEqual(Array.from({ length: 30 }, (_, i) => 10 * i));
    expect((await ingested(pool, gone)).filter((result) => result === undefined)).toHaveLength(30);
    await pool.close();
  });

  it("ends with the first failure, as an error of ours, and can be used again", async () => {
    const { store, pool, files } = await setUp(threads, MANY);
    symlinkSync(files[1]!.path, `${files[0]!.path} link`);
    const bad = files.map((file, i) => (i === 150 ? { ...file, path: `${files[0]!.path} link` } : file));
    const error = await failure(ingested(pool, bad), "NOT_A_FILE");
    expect(error).toBeInstanceOf(BallastError);
    expect(error.message).toContain("file 0 link");
    expect(error.hint).toMatch(/regular files/);
    expect(filesOf(store).temporary).toEqual([]);
    expect(await ingested(pool, files)).toHaveLength(files.length);
    const absent = { name: { oid: EMPTY_OID, encoding: "gzip" as const }, temporary: join(temporaryDirectory(), "x"), sizeBytes: 0, exec: false };
    await failure(pool.restore([absent], () => {}), "OBJECT_MISSING");
    await pool.close();
  });

  it("ends with the signal's reason, leaving nothing half done", async () => {
    const { store, pool, controller, files } = await setUp(threads, [...MANY, 60_000_000, 60_000_000]);
    const reason = new Error("the user has gone");
    setTimeout(() => controller.abort(reason), threads ? 100 : 20);
    await expect(ingested(pool, files)).rejects.toBe(reason);
    await expect(hashed(pool, files)).rejects.toBe(reason);
    expect(filesOf(store).temporary).toEqual([]);
    await pool.close();
  });
});

describe("the worker's entry", () => {
  it("is none where the sources run unbundled", () => {
    expect(bundledWorker()).toBeUndefined();
  });

  it("is found from the bundle and from a chunk of it", async () => {
    const directory = temporaryDirectory();
    const [worker, threads] = ["worker.ts", "threads.ts"].map((name) => fileURLToPath(new URL(`../../../src/object/${name}`, import.meta.url)));
    const entry = join(directory, "main.ts");
    writeFileSync(entry, `import { bundledWorker } from ${JSON.stringify(threads)};\nexport default bundledWorker();\n`);
    const outdir = join(directory, "dist");
    mkdirSync(outdir);
    const found = async (entryPoints: string[], output: string): Promise<unknown> => {
      await build({ entryPoints, outdir, bundle: true, splitting: true, format: "esm", platform: "node", entryNames: output, chunkNames: "chunks/[name]-[hash]", logLevel: "error" });
      writeFileSync(join(outdir, "package.json"), '{"type":"module"}');
      return ((await import(/* @vite-ignore */ pathToFileURL(join(outdir, `${output}.js`)).href)) as { default: unknown }).default;
    };
    await build({ entryPoints: [worker!], outdir, bundle: true, format: "esm", platform: "node", entryNames: "[name]", logLevel: "error" });
    const expected = pathToFileURL(join(outdir, "worker.js")).href;
    expect(String(await found([entry], "main"))).toBe(expected);
    expect(String(await found([entry], "chunks/part"))).toBe(expected);
  });
});

describe("an object that a thread made", () => {
  it("is durable under its name when the pool returns", async () => {
    const { store, pool, files } = await setUp(true, MANY);
    const made = await ingested(pool, files);
    for (const result of made) expect(readFileSync(store.pathOf(objectKey(result!))).length).toBe(result!.storedBytes);
    await pool.close();
  });
});

type Files = Parameters<IngestPool["hash"]>[0];

/** What became of each file; undefined for one that is not there. */
async function ingested(pool: IngestPool, files: Files): Promise<(Ingested | undefined)[]> {
  const all: (Ingested | undefined)[] = files.map(() => undefined);
  await pool.ingest(files, (made, index) => (all[index] = made));
  return all;
}

async function hashed(pool: IngestPool, files: Files): Promise<(HashedFile | undefined)[]> {
  const all: (HashedFile | undefined)[] = files.map(() => undefined);
  await pool.hash(files, (read, index) => (all[index] = read));
  return all;
}

function sumOfBytes(events: readonly Event[]): number {
  return events.reduce((sum, event) => sum + (event.kind === "bytes" ? event.bytes : 0), 0);
}

function labels(events: readonly Event[]): string[] {
  return events.flatMap((event) => (event.kind === "file" ? [event.path] : [])).sort();
}
