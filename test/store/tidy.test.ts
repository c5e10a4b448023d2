import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CreateMultipartUploadCommand, ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { cleanStore, type CleanupOptions } from "../../src/commands/cleanup.ts";
import { DEFAULTS, type S3Settings } from "../../src/config/settings.ts";
import { silent } from "../../src/events.ts";
import { thisRun } from "../../src/gc/this-run.ts";
import { openDirectoryStore } from "../../src/store/directory.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/port.ts";
import { initialiseStore } from "../../src/store/version.ts";
import { forEachParallel } from "../../src/util/pool.ts";
import { testS3 } from "../support/s3.ts";

/* A cleanup of a store in which nothing is dead still removes what was begun and never ended, once it is old. */
const DAY_MS = 24 * 3600 * 1000;

async function clean(store: Store, options: Partial<CleanupOptions> = {}): Promise<void> {
  const user = { id: "0".repeat(32), label: "example.com/game" };
  const knowledge = { requireWhole: async () => {}, speaksFor: async () => ({ own: [user], listed: [user] }), needs: async () => new Set<never>(), lastUses: async () => new Map() };
  const context = { settings: DEFAULTS, report: silent, signal: new AbortController().signal };
  const { dead } = await cleanStore(context, store, { dryRun: false, now: false, confirm: async () => true, ...options }, { knowledge, run: thisRun() });
  expect(dead).toEqual([]);
}

test("in a directory: temporary files of more than a day", async () => {
  const root = await mkdtemp(join(tmpdir(), "ballast-tidy-"));
  try {
    await openDirectoryStore(root).initialise();
    await mkdir(join(root, "tmp"), { recursive: true });
    const ages = { "of-today": 0.5, "of-the-day-before": 1.5, "of-last-week": 8 };
    for (const [name, days] of Object.entries(ages)) {
      await writeFile(join(root, "tmp", name), "half of it");
      await utimes(join(root, "tmp", name), new Date(Date.now() - days * DAY_MS), new Date(Date.now() - days * DAY_MS));
    }
    await clean(openDirectoryStore(root));
    expect(await readdir(join(root, "tmp"))).toEqual(["of-today"]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

const s3 = await testS3();
test.runIf(s3)("in a bucket: uploads that were begun longer ago than store.uploadExpiry", async () => {
  const bucket = await s3!.bucket();
  const client = s3!.client();
  const unfinished = async (): Promise<string[]> => ((await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? []).map(({ Key }) => Key!);
  const open = (changes: Partial<S3Settings>): Promise<Store> => openStore(`s3://${bucket}/team`, { ...DEFAULTS, s3: s3!.settings(changes) }, silent, { commonDir: "/nowhere" });
  const first = await open({});
  await initialiseStore(first);
  // More than one answer lists.
  const keys = Array.from({ length: 1050 }, (_, i) => `team/objects/ab/ab${String(i).padStart(62, "0")}`);
  await forEachParallel(["other/upload", ...keys], 8, async (Key) => void (await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key }))));
  // The store's clock is known to the second.
  await pause(3000);
  await clean(first);
  first.close();
  expect(await unfinished()).toHaveLength(1000);
  const later = await open({ uploadExpiryMs: 1000 });
  await clean(later, { dryRun: true });
  expect(await unfinished()).toHaveLength(1000);
  await clean(later);
  later.close();
  // What is no part of the store is somebody else's.
  expect(await unfinished()).toEqual(["other/upload"]);
  client.destroy();
});
