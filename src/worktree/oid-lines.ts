import { appendFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Oid } from "../object/oid.ts";
import { readIfThere } from "../util/read-if-there.ts";

/** One line of our notes in the Git directory: `<64 hex digits> <path as a JSON string>`. */
export function formatOidLine(hex: string, path: string): string {
  return `${hex} ${JSON.stringify(path)}\n`;
}

const LINES_AT_ONCE = 1000;

/** Adds lines to a file of notes, which is made with its directory where it is absent. */
export function appendOidLines(file: string, list: readonly { readonly oid: Oid; readonly path: string }[]): void {
  mkdirSync(dirname(file), { recursive: true });
  // The first line feed ends a line that a killed process may have left unfinished.
  for (let at = 0; at < list.length; at += LINES_AT_ONCE) {
    appendFileSync(file, `\n${list.slice(at, at + LINES_AT_ONCE).map(({ oid, path }) => formatOidLine(oid, path)).join("")}`);
  }
}

/** The lines of a file of notes; what is no such line is left out, as the end of one whose writer was killed. */
export function readOidLines(file: string): { hex: string; path: string }[] {
  return (readIfThere(file) ?? "").split("\n").flatMap((line) => {
    const path = parsePath(line.slice(65));
    return /^[0-9a-f]{64} /.test(line) && path !== undefined ? [{ hex: line.slice(0, 64), path }] : [];
  });
}

function parsePath(json: string): string | undefined {
  try {
    const path: unknown = JSON.parse(json);
    return typeof path === "string" ? path : undefined;
  } catch {
    return undefined;
  }
}
