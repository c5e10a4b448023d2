import type { Asset } from "../manifest/manifest.ts";
import type { FileStat } from "../object/stable-file.ts";
import type { Worktree } from "./session.ts";
import { isRacy, sameStat, UNKNOWN_OID, type StatIndex } from "./stat-index.ts";
import type { Content, OnDisk, State } from "./states.ts";

/** One path as it is now. */
export interface Seen {
  readonly path: string;
  readonly state: State;
  readonly w: OnDisk;
  readonly m: Asset | undefined;
  readonly b: Content | undefined;
  /** The stat of what is on disk, when it is a regular file. */
  readonly stat: FileStat | undefined;
  /** W is not known: the file was too large to hash for somebody who merely looks. */
  readonly provisional: boolean;
}

/**
 * An asset on which all agree: what nearly every path is in nearly every look. Nothing is kept of what was read to find
 * that out.
 */
export function asKnown({ manifest, index, restoring, fileMode }: Worktree, path: string, stat: FileStat | undefined): Seen | undefined {
  const m = manifest.get(path);
  if (m === undefined || stat === undefined || m.oid === UNKNOWN_OID || !isRegular(stat) || restoring.has(path)) return undefined;
  const known = index.settled(path, m);
  if (known === undefined || !sameStat(known.stat, stat) || isRacy(known)) return undefined;
  return fileMode && isExecutable(known.stat) !== m.exec ? undefined : new Clean(m, index);
}

/** {@link Seen} of an asset that is as manifest, index and Git know it: a tenth of the memory, and there may be a million. */
class Clean implements Seen {
  readonly m: Asset;
  readonly #index: StatIndex;

  constructor(asset: Asset, index: StatIndex) {
    this.m = asset;
    this.#index = index;
  }

  get path(): string {
    return this.m.path;
  }

  get state(): State {
    return "clean";
  }

  get w(): Content {
    return this.m;
  }

  get b(): Content {
    return this.m;
  }

  get stat(): FileStat | undefined {
    return this.#index.settled(this.path, this.m)?.stat;
  }

  get provisional(): boolean {
    return false;
  }
}

/**
 * {@link Seen} of what is absent or was read, as the index tells it: it is asked again, since there may be a million. So
 * whoever sets W or B asks before.
 */
export class Indexed implements Seen {
  readonly path: string;
  readonly state: State;
  readonly m: Asset | undefined;
  readonly #index: StatIndex;

  constructor(path: string, state: State, m: Asset | undefined, index: StatIndex) {
    this.path = path;
    this.state = state;
    this.m = m;
    this.#index = index;
  }

  get w(): Content | undefined {
    return this.#index.w(this.path);
  }

  get b(): Content | undefined {
    return this.#index.b(this.path);
  }

  get stat(): FileStat | undefined {
    return this.#index.stat(this.path);
  }

  get provisional(): boolean {
    return false;
  }
}

/** What was seen, with changes. Nothing of it is asked of the index any more. */
export function otherwise({ path, state, w, m, b, stat, provisional }: Seen, change: Partial<Seen>): Seen {
  return { path, state, w, m, b, stat, provisional, ...change };
}

/** By the bit of the owner, as Git does. */
export function isExecutable({ mode }: FileStat): boolean {
  return (mode & 0o100n) !== 0n;
}

export function isRegular({ mode }: FileStat): boolean {
  return (mode & 0o170000n) === 0o100000n;
}

export function isDirectory({ mode }: FileStat): boolean {
  return (mode & 0o170000n) === 0o040000n;
}
