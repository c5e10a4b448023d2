import { chmodSync, closeSync, constants, copyFileSync, fstatSync, openSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { systemCode } from "../errors.ts";

/** Pairs of devices between which no clone was possible, so that each is tried once. */
const impossible = new Set<string>();

/**
 * Makes the new file `target` share the blocks of `source` (a reflink), with `mode` less the umask.
 * @returns a descriptor for reading and writing, or undefined where the file system cannot: then nothing was made
 * @throws Node's own errors, EEXIST among them
 */
export function openClone(source: string, target: string, mode: number): number | undefined {
  const pair = `${statSync(source).dev}:${statSync(dirname(target)).dev}`;
  if (impossible.has(pair)) return undefined;
  // The copy takes the source's mode; what the umask leaves of ours is told by a file made in the ordinary way.
  const first = openSync(target, "wx", mode);
  const masked = fstatSync(first).mode & 0o777;
  closeSync(first);
  rmSync(target);
  try {
    copyFileSync(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
  } catch (error) {
    const code = systemCode(error) ?? "";
    if (!CANNOT.has(code)) throw error;
    impossible.add(pair);
    return undefined;
  }
  try {
    chmodSync(target, masked);
    return openSync(target, "r+");
  } catch (error) {
    rmSync(target, { force: true });
    throw error;
  }
}

const CANNOT = new Set(["ENOTSUP", "EOPNOTSUPP", "EXDEV", "EINVAL", "ENOTTY", "ENOSYS", "EPERM", "EBADF", "ETXTBSY"]);
