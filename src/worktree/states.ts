/*
 * The state table: what Ballast makes of one path. Pure; every command and hook goes through it.
 *
 *   W  the content on disk, or absent
 *   M  the content that the manifest names, or absent
 *   B  the content that Git last knew there: what Ballast restored, or what the filter told Git while it recorded
 *
 * and whether the manifest is stamped, that is, whether Git has left it alone since Ballast last settled it.
 */
import type { Oid } from "../object/oid.ts";

/** A content and its executable bit. */
export interface Content {
  readonly oid: Oid;
  readonly exec: boolean;
}

/** Something that is no regular file stands where the asset should be; it is never replaced and never recorded. */
export type OnDisk = Content | "blocked" | undefined;

export interface Sight {
  readonly w: OnDisk;
  readonly m: Content | undefined;
  readonly b: Content | undefined;
  /** Whether a tracked pattern matches the path. */
  readonly tracked: boolean;
  /** Git was told of just this edit or deletion while it looked; it never overwrites one unless the user discards it. */
  readonly told?: boolean;
  /** The path is outside of what this worktree wants (sparse-checkout, fetch.include). */
  readonly outside?: boolean;
  /** What an earlier settling could not do: fetch what it had to restore, or decide between two contents. */
  readonly open?: "restore" | "conflict" | undefined;
}

export type State =
  /** Disk and manifest agree. */
  | "clean"
  /** Edited on disk; Git records it. */
  | "modified"
  /** On disk, matches a tracked pattern, not in the manifest; Git records it. */
  | "new"
  /** Removed by the user; Git records it. */
  | "deleted"
  /** Never restored here (fresh clone, sparse, store out of reach): never a deletion. */
  | "missing"
  /** Not there, and not wanted here (sparse-checkout, fetch.include): neither missing nor a deletion. */
  | "outside"
  /** Git moved the manifest; what is on disk is the content of before. To be restored, or removed. */
  | "stale"
  /** Edited here and moved by Git to something else. Never overwritten, never recorded. */
  | "conflict"
  /** A directory, symbolic link or device stands in its place. */
  | "blocked"
  /** Not an asset. */
  | "none";

export function sameContent(a: OnDisk, b: Content | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a !== "blocked" && a.oid === b.oid && a.exec === b.exec;
}

/** The decision for one path. */
export function stateOf(stamped: boolean, { w, m, b, tracked, told, outside, open }: Sight): State {
  if (w === "blocked") return m === undefined && b === undefined && !tracked ? "none" : "blocked";
  if (sameContent(w, m)) return w === undefined ? "none" : "clean";
  if (open === "conflict") return "conflict";
  if (w === undefined && outside === true) return "outside";
  if (w === undefined && b === undefined) return "missing";
  if (stamped) {
    if (open === "restore" && sameContent(w, b)) return "stale";
    return edited(w, m, tracked);
  }
  if (sameContent(w, b)) return "stale";
  if (told && (m !== undefined || b !== undefined)) return w === undefined ? "missing" : "stale";
  if (sameContent(m, b)) return edited(w, m, tracked);
  // Deleted here while Git moved it on: nothing can be overwritten, so what Git says is restored.
  return w === undefined ? "missing" : "conflict";
}

/** W differs from M, and the difference is the user's. */
function edited(w: Content | undefined, m: Content | undefined, tracked: boolean): State {
  if (w === undefined) return "deleted";
  if (m === undefined) return tracked ? "new" : "none";
  return "modified";
}

/** Whether the filter tells Git what is on disk (true) or what the manifest says (false). */
export function isRecordable(state: State): boolean {
  return state === "modified" || state === "new" || state === "deleted";
}
