import { afterAll, afterEach } from "vitest";
import type { S3Settings } from "../../src/config/settings.ts";
import type { Event } from "../../src/events.ts";
import type { Store } from "../../src/store/port.ts";
import { openS3Store } from "../../src/store/s3/store.ts";
import { faultProxy, type FaultProxy } from "./fault-proxy.ts";
import type { TestS3 } from "./s3.ts";

/** A bucket of its own for a test file, behind a proxy that can be told to fail. */
export interface BehindProxy {
  readonly proxy: FaultProxy;
  readonly bucket: string;
  settings(changes?: Partial<S3Settings>): S3Settings;
  /** Opens a store that is closed after the test; what it reports is counted from now on. */
  open(settings: S3Settings, url?: string): Store;
  /** Has another store closed after the test. */
  keep(store: Store): Store;
  /** How often the store that was opened last has tried again. */
  retries(): number;
}

/** Short stalls are for who waits for them: elsewhere a slow machine must not look like a stalled network. */
export const PATIENT_MS = 30_000;

export async function behindProxy(s3: TestS3): Promise<BehindProxy> {
  const proxy = await faultProxy(s3.endpoint);
  const bucket = await s3.bucket();
  const stores: Store[] = [];
  const keep = (store: Store): Store => {
    stores.push(store);
    return store;
  };
  let events: Event[] = [];
  afterEach(() => {
    for (const store of stores.splice(0)) store.close();
    proxy.reset();
  });
  afterAll(() => proxy.close());
  return {
    proxy,
    bucket,
    settings: (changes) => s3.settings({ endpoint: proxy.endpoint, stallTimeoutMs: PATIENT_MS, ...changes }),
    open(settings, url = `s3://${bucket}`) {
      const mine: Event[] = (events = []);
      return keep(openS3Store(url, settings, (event) => mine.push(event)));
    },
    keep,
    retries: () => events.filter((event) => event.kind === "retry").length,
  };
}
