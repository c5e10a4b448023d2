import type { Oid } from "../object/oid.ts";

/**
 * What a check can find:
 *
 *   missing       a content that something needs, and no object of it
 *   chain         objects, of which each is a difference from a content that cannot be had
 *   corrupt       an object whose bytes are not what its name says
 *   size          an object that by its size alone cannot be what its name says
 *   unreadable    an object that this user, or this disk, cannot read
 *   misplaced     the name of an object, in the wrong directory
 *   unknown       the name of an object under an encoding that this version does not know
 *   junk          a name that is none of an object
 *   obstacle      something that is no file, in the place of an object or of a directory
 *   manifest      a commit that adds what cannot be read to its manifest, so that what it needs is not known
 */
export type FindingKind = "missing" | "chain" | "corrupt" | "size" | "unreadable" | "misplaced" | "unknown" | "junk" | "obstacle" | "manifest";

/** A place that needs a content. */
export interface Place {
  readonly path: string;
  /** The full id of a commit; undefined for a manifest file, or what is staged. */
  readonly commit?: string | undefined;
}

export interface Finding {
  readonly kind: FindingKind;
  /** Where; `both` for what neither store has. */
  readonly store: "local" | "remote" | "both" | "git";
  /** What is found: a key, a place below the store's root, or a commit; undefined for what is missing. */
  readonly key?: string | undefined;
  readonly oid?: Oid | undefined;
  /** One line for people. */
  readonly detail: string;
  /** Some of the places that need the content, a commit before a file; empty when nothing known here does. */
  readonly neededBy: readonly Place[];
  /** What mends it: one sentence, or a command. */
  readonly mend: string;
}

/** What a repair has done. */
export interface Repair {
  readonly store: "local" | "remote";
  readonly what: "quarantined" | "restored" | "renamed";
  /** The key that was dealt with. */
  readonly key: string;
  /** Where it is now, for what was quarantined; for what was restored where it came from: a store, a further store's URL, or `worktree`. */
  readonly where: string;
}

/** Tells two findings about the same thing from two about others. */
export function identityOf({ kind, store, key, oid }: Finding): string {
  return `${kind} ${store} ${key ?? ""} ${oid ?? ""}`;
}
