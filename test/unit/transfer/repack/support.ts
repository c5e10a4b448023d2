import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { DEFAULTS, type CompressionSettings } from "../../../../src/config/settings.ts";
import { policyOf } from "../../../../src/delta/plan.ts";
import type { Event } from "../../../../src/events.ts";
import { oidOf } from "../../../../src/object/oid.ts";
import type { DirectoryStore } from "../../../../src/store/directory.ts";
import type { Store } from "../../../../src/store/port.ts";
import { takeRemoval } from "../../../../src/transfer/removal.ts";
import { repack, type Repacked } from "../../../../src/transfer/repack/repack.ts";
import { Replacements } from "../../../../src/transfer/repack/replacements.ts";
import { Settled } from "../../../../src/transfer/repack/settled.ts";
import { inOrder, type Version } from "../../../../src/transfer/repack/versions.ts";
import { Workshop } from "../../../../src/transfer/repack/workshop.ts";
import { newStore, temporaryDirectory } from "../../object/support.ts";

const signal = new AbortController().signal;

/** The same store as one that is elsewhere: nothing knows that it is a directory. */
export function asRemote(store: DirectoryStore): Store {
  return {
    url: "s3://bucket/prefix",
    find: store.find.bind(store),
    list: store.list.bind(store),
    read: store.read.bind(store),
    write: store.write.bind(store),
    replace: store.replace.bind(store),
    remove: store.remove.bind(store),
    close: () => {},
  };
}

export interface Wish {
  readonly deltas?: boolean;
  readonly maxDepth?: number;
  readonly mode?: CompressionSettings["mode"];
  readonly dryRun?: boolean;
  /** Where notes of what stays are read and written; default: none. */
  readonly notes?: string;
}

/** A repack of a store whose clone has nothing in its local one. */
export async function run(store: Store, versions: readonly Version[], { deltas = true, maxDepth = 16, mode = "auto", dryRun = false, notes }: Wish = {}): Promise<Repacked & { events: Event[] }> {
  const compression = { ...DEFAULTS.compression, mode };
  const policy = policyOf({ maxRatio: 0.5, maxDepth });
  const self = { nonce: `${Math.random()}`, host: "test", pid: 1, what: "repack", isAlive: () => false, steadyMs: () => 0, nowMs: () => 0, concurrency: 4, signal };
  const removal = dryRun ? undefined : await takeRemoval(store, self);
  const scratchRoot = join(temporaryDirectory(), "scratch");
  const workshop = await Workshop.open(store, await newStore(), versions.map((version) => version.oid), { compression, policy, signal, scratchRoot });
  const settled = notes === undefined ? undefined : new Settled(notes, { compression, policy });
  const events: Event[] = [];
  try {
    const replacements = removal && new Replacements(store, removal, signal);
    const result = await repack(store, versions, { workshop, replacements, settled, compression, policy, mayDelta: () => deltas, concurrency: 4, report: (event) => void events.push(event), signal });
    return { ...result, events };
  } finally {
    settled?.save();
    workshop.close();
    await removal?.release();
    expect(existsSync(scratchRoot)).toBe(false);
  }
}

/** Versions of one path, the oldest first. */
export function history(contents: readonly Buffer[]): Version[] {
  return inOrder(contents.map((content) => ({ oid: oidOf(content), sizeBytes: content.length, path: "a" })), () => true);
}
