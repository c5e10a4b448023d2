/*
 * Which of many objects are there, by leapfrog. The keys of a listing are sorted, and so are the wanted oids: a page
 * that starts just before a wanted key answers for every wanted oid up to the page's last key, and the next page starts
 * at the first that is not yet answered. So there is never more than one request a wanted oid, nor (but for one a
 * segment) more than the listing has pages.
 *
 *   keys     ──────[page──────────]────────────────[page──────────]──[page ...
 *   wanted         ^    ^  ^                        ^                  ^
 *
 * The first page also tells how dense the keys are, since oids are evenly spread. By that the rest is cut into segments
 * that are answered in parallel, and an oid that would have a page to itself is asked for alone.
 */
import { keyPrefix, objectKey, OBJECTS_PREFIX, parseKey } from "../../object/name.ts";
import type { Oid } from "../../object/oid.ts";
import { forEachParallel } from "../../util/pool.ts";
import type { Entry, StoredObject } from "../port.ts";
import type { S3Connection } from "./client.ts";
import { listPage, type Page } from "./list.ts";

const MOST_SEGMENTS = 16;

/** @see Store.find */
export async function findObjects(s3: S3Connection, oids: Iterable<Oid>, signal?: AbortSignal): Promise<Map<Oid, StoredObject[]>> {
  signal?.throwIfAborted();
  const wanted = [...new Set(oids)].sort();
  const found = new Map<Oid, StoredObject[]>();
  if (wanted.length === 0) return found;
  const asked = new Map<string, Oid>(wanted.map((oid) => [oid, oid]));

  function collect(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const parsed = parseKey(entry.key);
      const oid = parsed && asked.get(parsed.oid);
      if (!oid) continue;
      // Made of the oid as it was asked for: what the provider sent would be held besides, to the end.
      const name = { ...parsed, oid };
      const { sizeBytes, modifiedMs, archived } = entry;
      const key = objectKey(name);
      const object = archived ? { key, sizeBytes, modifiedMs, name, archived } : { key, sizeBytes, modifiedMs, name };
      const objects = found.get(oid);
      if (!objects) found.set(oid, [object]);
      else if (!objects.some((other) => other.key === key)) objects.push(object);
    }
  }

  if (wanted.length === 1) {
    await findAlone(s3, wanted[0]!, collect, signal);
    return found;
  }
  const first = await listPage(s3, OBJECTS_PREFIX, justBefore(wanted[0]!), signal);
  collect(first.entries);
  const rest = wanted.slice(countAnswered(first, wanted, 0));
  const pageWidth = widthOf(first, wanted[0]!);
  await forEachParallel(
    cut(rest, pageWidth),
    MOST_SEGMENTS,
    (segment, inner) => answerSegment(s3, segment, pageWidth, collect, inner),
    signal,
  );
  return found;
}

/** Asks for one oid: its few keys are all that comes. */
async function findAlone(s3: S3Connection, oid: Oid, collect: (entries: readonly Entry[]) => void, signal?: AbortSignal): Promise<void> {
  for (let after: string | undefined; ; ) {
    const { entries, truncated } = await listPage(s3, keyPrefix(oid), after, signal);
    collect(entries);
    if (!truncated) return;
    after = entries.at(-1)!.key;
  }
}

async function answerSegment(
  s3: S3Connection,
  wanted: readonly Oid[],
  pageWidth: number,
  collect: (entries: readonly Entry[]) => void,
  signal: AbortSignal,
): Promise<void> {
  let after: string | undefined;
  for (let at = 0; at < wanted.length; ) {
    const oid = wanted[at]!;
    const next = wanted[at + 1];
    if (after === undefined && (next === undefined || position(next) - position(oid) > pageWidth)) {
      await findAlone(s3, oid, collect, signal);
      at += 1;
      continue;
    }
    const page = await listPage(s3, OBJECTS_PREFIX, after ?? justBefore(oid), signal);
    collect(page.entries);
    const answered = countAnswered(page, wanted, at);
    // An oid with more keys than a page has: go on within it.
    after = answered === 0 ? page.entries.at(-1)!.key : undefined;
    at += answered;
  }
}

/** How many of `wanted`, from the one at `from`, lie wholly within the page. */
function countAnswered({ entries, truncated }: Page, wanted: readonly Oid[], from: number): number {
  if (!truncated) return wanted.length - from;
  const last = entries.at(-1)!.key;
  let at = from;
  while (at < wanted.length) {
    const prefix = keyPrefix(wanted[at]!);
    if (prefix >= last || last.startsWith(prefix)) break;
    at += 1;
  }
  return at - from;
}

/** A key before all keys of this oid, with next to none between. */
function justBefore(oid: Oid): string {
  return keyPrefix(oid).slice(0, -1);
}

/** Where an oid lies between 0 and 1 among all oids. */
function position(oid: string): number {
  return Number.parseInt(oid.slice(0, 12).padEnd(12, "0"), 16) / 16 ** 12;
}

/** How much of all oids a page covers, by the first one. */
function widthOf({ entries, truncated }: Page, firstWanted: Oid): number {
  const last = truncated ? parseKey(entries.at(-1)!.key) : undefined;
  return last ? Math.max(0, position(last.oid) - position(firstWanted)) : 0;
}

/** Cuts sorted oids into as many segments as they probably need pages, but no more than may run in parallel. */
function cut(wanted: readonly Oid[], pageWidth: number): Oid[][] {
  if (wanted.length === 0) return [];
  const pages = pageWidth > 0 ? (position(wanted.at(-1)!) - position(wanted[0]!)) / pageWidth : wanted.length;
  const segments = Math.min(MOST_SEGMENTS, wanted.length, Math.max(1, Math.ceil(pages)));
  return Array.from({ length: segments }, (_, i) =>
    wanted.slice(Math.floor((i * wanted.length) / segments), Math.floor(((i + 1) * wanted.length) / segments)),
  );
}
