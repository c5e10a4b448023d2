import type { CheckoutResult } from "../commands/checkout.ts";
import { EXIT_STATUS } from "../errors.ts";
import { count, formatBytes, formatPath } from "../util/format.ts";
import { showResolved } from "./show-resolved.ts";
import type { Run } from "./verb.ts";

/** Shows what `checkout` and `pull` return. @returns the exit status: not 0 when an asset could not be restored */
export function showCheckout(result: CheckoutResult, { json, dryRun }: { json: boolean; dryRun: boolean }, { out, notes, report }: Run): number {
  const { restored, removed, kept, modified, blocked, missing, archived, bytes } = result;
  const [first] = missing;
  const status = first ? EXIT_STATUS[first.code] : blocked.length > 0 ? EXIT_STATUS.NOT_A_FILE : archived.length > 0 ? EXIT_STATUS.OBJECT_ARCHIVED : result.conflicts?.undecided.length ? EXIT_STATUS.CONFLICT : 0;
  if (json) {
    out.json(result);
    return status;
  }
  if (dryRun) {
    for (const path of restored) out.line(`restore  ${formatPath(path)}`);
    for (const path of removed) out.line(`remove   ${formatPath(path)}`);
  }
  if (result.conflicts) showResolved(result.conflicts, { out, report });
  for (const { path, oid } of kept) out.line(`replaced ${formatPath(path)}; your edit: git ballast show ${oid} > <file>`);
  for (const path of modified) out.line(`modified ${formatPath(path)}, left alone (--force replaces it)`);
  for (const { path, expectedHours } of archived) out.line(`archived ${formatPath(path)}${expectedHours === undefined ? "" : `, to be had in about ${count(expectedHours, "hour")}: run this again then`}`);
  for (const group of byReason(missing)) {
    const { path, why, hint } = group[0]!;
    const others = group.length === 1 ? "" : ` and ${group.length - 1} more`;
    report({ kind: "warning", message: `not restored: ${path}${others}: ${why}`, ...(hint ? { hint } : {}) });
  }
  for (const path of blocked) {
    report({ kind: "warning", message: `not restored: ${path}: something that is no regular file stands there or above it`, hint: "move it away, then git ballast checkout" });
  }
  const parts = [`${count(restored.length, "asset")} ${dryRun ? "to restore" : "restored"}`];
  if (!dryRun && bytes > 0) parts[0] += ` (${formatBytes(bytes)})`;
  if (removed.length > 0) parts.push(`${removed.length} ${dryRun ? "to remove" : "removed"}`);
  if (missing.length > 0) parts.push(`${missing.length} missing`);
  if (blocked.length > 0) parts.push(`${blocked.length} blocked`);
  if (archived.length > 0) parts.push(`${archived.length} archived`);
  out.line(restored.length + removed.length + missing.length + blocked.length + archived.length === 0 ? "Nothing to restore." : `${parts.join(", ")}.`);
  notes(result.notes);
  return status;
}

/** A store that does not answer is told once, not for every asset. */
function byReason(missing: CheckoutResult["missing"]): CheckoutResult["missing"][] {
  const groups = new Map<string, CheckoutResult["missing"]>();
  for (const one of missing) groups.set(one.why, (groups.get(one.why) ?? []).concat(one));
  return [...groups.values()];
}
