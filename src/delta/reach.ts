import { ADD, COPY_BASE, Script } from "./script.ts";

/**
 * A script whose copies from the base all lie within `reachBytes` of one another; the script itself if they do. Of a
 * window put together from all over a base of many GiB, the copies in the part that gives most bytes are kept.
 */
export function withinReach(script: Script, reachBytes: number): Script {
  const copies: { start: number; end: number }[] = [];
  for (let i = 0; i < script.count; i++) {
    if (script.kind(i) === COPY_BASE) copies.push({ start: script.from(i), end: script.from(i) + script.length(i) });
  }
  let low = Infinity;
  let high = 0;
  for (const { start, end } of copies) {
    low = Math.min(low, start);
    high = Math.max(high, end);
  }
  return high - low <= reachBytes ? script : withinRange(script, bestStart(copies, reachBytes), reachBytes);
}

/** Where the part begins that holds most of the bytes of all copies. */
function bestStart(copies: { start: number; end: number }[], reachBytes: number): number {
  const byStart = copies.toSorted((a, b) => a.start - b.start);
  let best = byStart[0]!.start;
  let most = 0;
  let bytes = 0;
  let first = 0;
  for (const { start, end } of byStart) {
    bytes += end - start;
    for (; end - byStart[first]!.start > reachBytes; first++) bytes -= byStart[first]!.end - byStart[first]!.start;
    if (bytes <= most) continue;
    most = bytes;
    best = byStart[first]!.start;
  }
  return best;
}

function withinRange(script: Script, low: number, reachBytes: number): Script {
  const result = new Script();
  let made = 0;
  for (let i = 0; i < script.count; i++) {
    const [kind, from, length] = [script.kind(i), script.from(i), script.length(i)];
    const outside = kind === COPY_BASE && (from < low || from + length > low + reachBytes);
    result.push(outside ? ADD : kind, outside ? made : from, length);
    made += length;
  }
  return result;
}
