import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MARKS_PREFIX, SWEEPS_PREFIX, writeRecords } from "../../../src/gc/records.ts";
import { isDoomed } from "../../../src/gc/unclaimed.ts";
import { oidOf, type Oid } from "../../../src/object/oid.ts";
import { openDirectoryStore, type DirectoryStore } from "../../../src/store/directory.ts";

const { signal } = new AbortController();
const oid = (name: string): Oid => oidOf(Buffer.from(name));
let root: string;
let store: DirectoryStore;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "ballast-gc-"));
  store = openDirectoryStore(root);
  await store.initialise(signal);
});
afterEach(() => rmSync(root, { recursive: true }));

const doomed = (...names: string[]): Promise<boolean> => isDoomed(store, new Set(names.map(oid)), { concurrency: 2, signal });

test("what nobody removes or marked may be counted on without a claim", async () => {
  expect(await doomed("a")).toBe(false);
  await writeRecords(store, `${MARKS_PREFIX}one`, { ballast: "mark", version: 1 }, [oid("b"), oid("c")], signal);
  expect(await doomed("a")).toBe(false);
});

test("what is marked may not", async () => {
  await writeRecords(store, `${MARKS_PREFIX}one`, { ballast: "mark", version: 1 }, [oid("b"), oid("c")], signal);
  expect(await doomed("a", "c")).toBe(true);
});

test("nor may anything while a cleanup removes something", async () => {
  await writeRecords(store, `${SWEEPS_PREFIX}two`, { ballast: "sweep", version: 1, all: false }, [oid("z")], signal);
  expect(await doomed("a")).toBe(true);
});
