import type { Context } from "../context.ts";
import { eachAddedAsset, manifestCommits, type Unreadable } from "../manifest/readable.ts";
import type { Oid } from "../object/oid.ts";
import { commitsInUse, usesInWork } from "../transfer/in-use.ts";
import type { Place } from "./finding.ts";

/** A content that something here needs. */
export interface Needed {
  readonly oid: Oid;
  /** Undefined where no line said it. */
  readonly sizeBytes: number | undefined;
  /** Some places that need it. */
  readonly places: Place[];
  /** Whether a commit that a Git remote has needs it: then the remote store must have it. */
  published: boolean;
  /** Whether something needs it that no remote and no tag has: then it has never been pushed from anywhere. */
  own: boolean;
}

export interface Needs {
  readonly byOid: ReadonlyMap<Oid, Needed>;
  readonly unreadable: readonly Unreadable[];
}

/** Places that are remembered for one content. */
const MOST_PLACES = 5;

/**
 * Every content that a ref, a stash, an operation in progress, an index or a manifest file here needs. Commits whose
 * manifest cannot be read are told of.
 * @throws GIT_FAILED, the signal's reason
 */
export async function needsOf({ repository, signal }: Pick<Context, "repository" | "signal">): Promise<Needs> {
  const published = new Set(await manifestCommits(repository, ["--remotes"], signal));
  const shared = new Set(await manifestCommits(repository, ["--remotes", "--tags"], signal));
  const byOid = new Map<Oid, Needed>();
  const add = (oid: Oid, sizeBytes: number, place: Place): void => {
    let needed = byOid.get(oid);
    const isNew = needed === undefined;
    // A list of one takes a tenth of the memory that an empty one does which is then filled.
    if (needed === undefined) byOid.set(oid, (needed = { oid, sizeBytes: Number.isNaN(sizeBytes) ? undefined : sizeBytes, places: [place], published: false, own: false }));
    if (place.commit !== undefined && published.has(place.commit)) needed.published = true;
    if (place.commit === undefined || !shared.has(place.commit)) needed.own = true;
    if (!isNew && needed.places.length < MOST_PLACES && !needed.places.some(({ path, commit }) => path === place.path && commit === place.commit)) needed.places.push(place);
  };
  const range = await commitsInUse(repository, { reflogs: false, signal });
  const unreadable = await eachAddedAsset(repository, range, ({ oid, sizeBytes, path, commit }) => add(oid, sizeBytes, { path, commit }), signal);
  for await (const { oid, sizeBytes, path } of usesInWork(repository)) {
    // What is committed and published is in every worktree, too.
    const known = byOid.get(oid);
    if (known === undefined || !(known.published || known.places.length > 0)) add(oid, sizeBytes, { path });
  }
  for (const needed of byOid.values()) if (needed.published) needed.own = false;
  return { byOid, unreadable };
}
