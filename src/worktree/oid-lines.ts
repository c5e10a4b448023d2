import { readIfThere } from "../util/read-if-there.ts";

/** One line of our notes in the Git directory: `<64 hex digits> <path as a JSON string>`. */
export function formatOidLine(hex: string, path: string): string {
  return `${hex} ${JSON.stringify(path)}\n`;
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
