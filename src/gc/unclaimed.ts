import type { Oid } from "../object/oid.ts";
import type { Store } from "../store/port.ts";
import { readMarks } from "./collect.ts";
import { SWEEPS_PREFIX } from "./records.ts";

/**
 * Whether something is being removed from the store, or one of `oids` is marked: a push that cannot claim must not
 * count on them then (docs/cleanup.md, "A push that may not write").
 */
export async function isDoomed(store: Store, oids: ReadonlySet<Oid>, options: { concurrency: number; signal: AbortSignal }): Promise<boolean> {
  for await (const _entry of store.list(SWEEPS_PREFIX, options.signal)) return true;
  const marks = await readMarks(store, options);
  return marks.some((mark) => mark.oids.some((oid) => oids.has(oid)));
}
