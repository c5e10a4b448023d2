import { join, sep } from "node:path";
import { BallastError } from "../errors.ts";

/** A component of a key: no separator, no control character, no leading dot, so never `.` or `..`. */
const COMPONENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$/;

/** Whether a file of this name can be part of a key. */
export function isKeyComponent(name: string): boolean {
  return COMPONENT.test(name);
}

/**
 * The file below `root` that holds `key`.
 * @throws PATH_REFUSED for a key that could name anything outside the root, or the store's temporary files
 */
export function keyPath(root: string, key: string): string {
  if (OBJECT.test(key)) return `${root}${sep}${sep === "/" ? key : key.replaceAll("/", sep)}`;
  const components = key.split("/");
  if (!components.every(isKeyComponent) || components[0] === TEMPORARY) throw refused(key);
  return join(root, ...components);
}

/** Most keys, which need no closer look. */
const OBJECT = /^objects\/[0-9a-f]{2}\/[0-9a-f]{64}[0-9a-z.]{0,80}$/;

/**
 * Checks the prefix of a listing: a key, or the beginning of one.
 * @throws PATH_REFUSED
 */
export function checkPrefix(prefix: string): void {
  const components = prefix.split("/");
  const last = components.pop()!;
  if (!components.every(isKeyComponent) || !(last === "" || isKeyComponent(last))) throw refused(prefix);
}

function refused(key: string): BallastError {
  return new BallastError("PATH_REFUSED", `not a key of a store: ${JSON.stringify(key)}`);
}

/** The directory below the root for files that are being written; not part of the key space. */
export const TEMPORARY = "tmp";
