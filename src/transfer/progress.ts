import type { Operation, Report } from "../events.ts";
import type { StoredObject } from "../store/port.ts";

/**
 * The report for the transfer of one object: it turns the encoded bytes that move into shares of the content's size,
 * in which progress is told, so that they add up to it.
 * @param sizeBytes the content's size
 */
export function contentProgress(report: Report, op: Operation, object: StoredObject, sizeBytes: number): Report {
  let moved = 0;
  let told = 0;
  return (event) => {
    if (event.kind !== "bytes") return report(event);
    moved = Math.min(moved + event.bytes, object.sizeBytes);
    const share = Math.round((moved / object.sizeBytes) * sizeBytes) - told;
    told += share;
    if (share > 0) report({ kind: "bytes", op, bytes: share });
  };
}
