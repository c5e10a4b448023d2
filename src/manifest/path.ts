import { BallastError } from "../errors.ts";

/** Bytes of a whole path; more than any file system here takes. */
const MAX_PATH_BYTES = 4096;

/** Characters that HFS+ ignores in names, as Git's `utf8.c` lists them for `core.protectHFS`. */
const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/**
 * Why `path` cannot be an asset's path, or undefined when it can. A path is relative to the worktree's top with `/`
 * between components. What Git refuses in an index is refused here: a path that climbs out, and every name that some
 * file system takes for `.git`.
 */
export function refusal(path: string): string | undefined {
  if (path === "") return "it is empty";
  if (!path.isWellFormed()) return "it is not valid Unicode";
  if (path.includes("\0")) return "it holds a NUL";
  if (path.startsWith("/") || /^[a-z]:[\\/]/i.test(path)) return "it is absolute";
  if (path.length * 3 > MAX_PATH_BYTES && Buffer.byteLength(path) > MAX_PATH_BYTES) return "it is too long";
  if (PLAIN.test(path)) return undefined;
  for (const component of path.split("/")) {
    if (component === "") return "it has an empty component";
    if (component === "." || component === "..") return `it has a ${component} component`;
    if (component.split("\\").some((part) => part === ".." || isDotGit(part))) return "it leads into .git or out of the worktree";
  }
  if (canonicalName(path.split(/[/\\]/, 1)[0]!) === ".ballast") return "it is inside .ballast";
  return undefined;
}

/** Most paths: nothing in them needs a closer look. No component begins with a dot or `git~`, none ends oddly. */
const PLAIN = /^(?!git~)[A-Za-z0-9_-][A-Za-z0-9_.\- ]*(?<![. ])(?:\/(?!git~)[A-Za-z0-9_-][A-Za-z0-9_.\- ]*(?<![. ]))*$/;

/** @throws PATH_REFUSED */
export function checkPath(path: string): void {
  const why = refusal(path);
  if (why !== undefined) throw new BallastError("PATH_REFUSED", `path ${JSON.stringify(path)} is refused: ${why}`);
}

/** Whether a file system (HFS+, NTFS, one that folds case) could take this name for `.git`. */
function isDotGit(component: string): boolean {
  const name = canonicalName(component);
  return name === ".git" || name === "git~1";
}

function canonicalName(component: string): string {
  return component.replace(HFS_IGNORED, "").split(":", 1)[0]!.replace(/[. ]+$/, "").toLowerCase();
}

/** Ascending order of UTF-8 bytes, as Git orders paths. */
export function comparePaths(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return fixSurrogate(x) - fixSurrogate(y);
  }
  return a.length - b.length;
}

/** UTF-16 sorts surrogates below U+E000–U+FFFF; UTF-8 sorts what they stand for above. */
function fixSurrogate(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}
