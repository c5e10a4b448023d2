import { readFileSync } from "node:fs";
import { systemCode } from "../errors.ts";

/** A text file, or undefined where there is none, also because a file stands above; other failures are thrown as they are. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (systemCode(error) !== "ENOENT" && systemCode(error) !== "ENOTDIR") throw error;
    return undefined;
  }
}
