import { plainText } from "../util/format.ts";
import type { Owner } from "./record.ts";
import type { Lock } from "./standing.ts";

/** `Ann <ann@example.com> on desk since 2026-01-31 12:00 UTC`, in one line and harmless for a terminal. */
export function describeHolder(lock: Lock): string {
  if (!lock.readable) return `nobody knows whom: the record ${lock.key} cannot be read, since ${lock.why}`;
  return `${formatOwner(lock.owner)} on ${oneLine(lock.machine)} since ${formatTime(lock.modifiedMs)}`;
}

export function formatOwner({ name, email }: Owner): string {
  if (email === "") return oneLine(name);
  return name === "" ? `<${oneLine(email)}>` : `${oneLine(name)} <${oneLine(email)}>`;
}

/** `2026-01-31 12:00 UTC`. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** Somebody else's words, which may be anything, as a part of a line. */
function oneLine(text: string): string {
  const shown = text.length > 100 ? `${text.slice(0, 99)}…` : text;
  return plainText(shown).replaceAll("\n", "\\n");
}
