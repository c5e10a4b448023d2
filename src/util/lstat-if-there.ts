import { lstatSync, type BigIntStats } from "node:fs";
import { systemCode } from "../errors.ts";

/** The stat of what is at a path, links not followed; undefined where nothing is, also because a file stands above. */
export function lstatIfThere(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (systemCode(error) !== "ENOTDIR") throw error;
    return undefined;
  }
}
