/*
 * What a restoration is about to put on disk or to remove, noted before it does so: should it be killed before the index
 * is saved, these files are no edits, and these gaps no deletions of the user's. One `<oid> <path as a JSON string>` a line, a
 * removal with 64 zeros. It is a hint and not synced; a line that is not whole is ignored.
 */
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fromSystemError } from "../errors.ts";
import { worktreeState, type Repository } from "../git/repository.ts";
import { isOid, type Oid } from "../object/oid.ts";
import { formatOidLine, readOidLines } from "./oid-lines.ts";
import type { Content, OnDisk } from "./states.ts";

const REMOVED = "0".repeat(64);

/** What was to be at each path; undefined: nothing. */
export type Restoring = ReadonlyMap<string, Oid | undefined>;

/** @throws DISK_FULL, FILE_DENIED */
export function noteRestoring(repository: Repository, list: Iterable<{ readonly path: string; readonly target: { readonly oid: Oid } | undefined }>): void {
  const file = worktreeState(repository, "restoring");
  let fd: number | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true });
    fd = openSync(file, "w");
    let text = "";
    for (const { path, target } of list) {
      text += formatOidLine(target?.oid ?? REMOVED, path);
      if (text.length < PIECE_CHARS) continue;
      writeFileSync(fd, text);
      text = "";
    }
    writeFileSync(fd, text);
  } catch (error) {
    throw fromSystemError(error, `cannot write ${file}`);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** As one text, a million lines would take several times their size. */
const PIECE_CHARS = 64 * 1024;

/** What a run that was killed may have restored; empty as a rule. */
export function readRestoring(repository: Repository): Restoring {
  const noted = new Map<string, Oid | undefined>();
  for (const { hex, path } of readOidLines(worktreeState(repository, "restoring"))) {
    if (hex === REMOVED) noted.set(path, undefined);
    else if (isOid(hex)) noted.set(path, hex);
  }
  return noted;
}

/** Once the index says what was restored. */
export function forgetRestoring(repository: Repository): void {
  rmSync(worktreeState(repository, "restoring"), { force: true });
}

/** What Git last knew at a path: what the index says, or what was put there, or removed, before a run was killed. */
export function knownAt(restoring: Restoring, path: string, { w, b }: { readonly w: OnDisk; readonly b: Content | undefined }): Content | undefined {
  if (!restoring.has(path) || w === "blocked") return b;
  return w?.oid === restoring.get(path) ? w : b;
}
