import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { storeTime } from "../gc/clock.ts";
import { collectClaims, readMarks, type Claimed } from "../gc/collect.ts";
import type { ThisRun } from "../gc/this-run.ts";
import { isOid, type Oid } from "../object/oid.ts";
import { listObjects } from "../store/list-objects.ts";
import type { Store, StoredObject } from "../store/port.ts";
import type { Knowledge } from "./knowledge.ts";
import type { Facts } from "./plan.ts";

export interface Survey extends Facts {
  /** What this repository needs by its own commits, index and worktrees. */
  readonly own: ReadonlySet<Oid>;
  /** Claims and live lists, of this repository and of others. */
  readonly claims: readonly Claimed[];
}

/**
 * Finds out what is needed and what is there, in the order that docs/cleanup.md requires: claims (C2), then refs, then
 * objects (C3).
 * @throws GIT_FAILED in a shallow or partial clone, or when a remote cannot be fetched; MANIFEST_INVALID,
 *   MANIFEST_VERSION, PATH_REFUSED naming the commit; STORE_VERSION, ENCODING_UNKNOWN; what the store throws
 */
export async function survey({ settings, signal }: Pick<Context, "settings" | "signal">, store: Store, { knowledge, run }: { knowledge: Knowledge; run: ThisRun }): Promise<Survey> {
  await knowledge.requireWhole();
  const options = { concurrency: settings.concurrency, signal };
  const nowMs = await storeTime(store, run, signal);
  const claims = await collectClaims(store, options);
  const own = await knowledge.needs();
  const objects = await objectsOf(store, signal);
  return { own, claims, needed: neededBy(own, claims), objects, marks: await readMarks(store, options), nowMs };
}

/** What a repository needs by itself, and all that is claimed. */
export function neededBy(own: Iterable<Oid>, claims: readonly Claimed[]): Set<Oid> {
  const needed = new Set(own);
  for (const { oids } of claims) for (const oid of oids) needed.add(oid);
  return needed;
}

function objectsOf(store: Store, signal: AbortSignal): Promise<StoredObject[]> {
  return listObjects(store, signal, ({ key }) => {
    if (!isOid(key.split("/").at(-1)!.slice(0, 64))) return;
    // It may be a difference from any other object.
    throw new BallastError("ENCODING_UNKNOWN", `${key} in ${store.url} has an encoding that this version does not know`, { hint: "install a newer git-ballast" });
  });
}
