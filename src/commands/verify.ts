import type { Context } from "../context.ts";
import { BallastError, isBallastError } from "../errors.ts";
import type { Finding, Place } from "../fsck/finding.ts";
import { commitId, commitIds } from "../git/commits.ts";
import { eachAddedAsset, manifestCommits } from "../manifest/readable.ts";
import { manifestAt } from "../manifest/versions.ts";
import type { Oid } from "../object/oid.ts";
import { openRemoteStore } from "../store/open.ts";
import { catalogueOf, easiestWays } from "../transfer/chains.ts";
import { isShallow } from "../transfer/in-use.ts";
import { mapParallel } from "../util/pool.ts";

export interface VerifyOptions {
  /** The commit to be checked, and with it what it leads to. */
  readonly revision: string;
  /** What this leads to needs no check; without it, all of the history is checked. */
  readonly base: string | undefined;
}

export interface VerifyResult {
  /** Full ids. */
  readonly revision: string;
  readonly base: string | undefined;
  /** Commits of the range that change the manifest. */
  readonly commits: number;
  /** Contents that they add. */
  readonly contents: number;
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

/** Places that are named for one content. */
const MOST_PLACES = 5;
const AT_A_TIME = 4;

/**
 * The check that pre-push makes, for where no hook ran: every content that the commits of a range add is in the remote
 * store with all that decoding it takes, and every manifest of the range can be read. Nothing is uploaded; no local
 * store is needed.
 * @throws USAGE for a name that stands for no commit; what the store throws
 */
export async function verify(context: Context, options: VerifyOptions): Promise<VerifyResult> {
  const { repository, signal } = context;
  const revision = await commitId(repository, options.revision, signal);
  const shallow = await isShallow(repository);
  const base = options.base === undefined ? undefined : await baseId(context, options.base, shallow);
  const range = base === undefined ? [revision] : [revision, `^${base}`];
  const wanted = new Map<Oid, { sizeBytes: number; places: Place[] }>();
  const unreadable = await eachAddedAsset(repository, range, ({ oid, path, commit, sizeBytes }) => {
    const known = wanted.get(oid);
    // A list that begins with what it has leaves no room to grow: most have one place.
    if (known === undefined) wanted.set(oid, { sizeBytes, places: [{ path, commit }] });
    else if (known.places.length < MOST_PLACES && !known.places.some((place) => place.path === path && place.commit === commit)) known.places.push({ path, commit });
  }, signal);
  const commits = await manifestCommits(repository, range, signal);
  const bad = new Map(unreadable.map(({ commit, error }) => [commit, error]));
  for (const { commit, error } of await unreadableWholes(context, commits)) if (!bad.has(commit)) bad.set(commit, error);
  const findings: Finding[] = [...bad].map(([commit, error]) => ({
    kind: "manifest",
    store: "git",
    key: commit,
    detail: error.message,
    neededBy: [{ path: ".ballast/manifest.jsonl", commit }],
    mend: error.hint ?? "make that commit anew",
  }));
  findings.push(...(await lacking(context, wanted)));
  const notes = shallow ? ["this clone is shallow: of older commits nothing is known here"] : [];
  return { revision, base, commits: commits.length, contents: wanted.size, findings, notes };
}

async function baseId({ repository, signal }: Context, name: string, shallow: boolean): Promise<string> {
  const [id] = await commitIds(repository, [name], signal);
  if (id !== undefined) return id;
  throw new BallastError("USAGE", `no such branch, tag or commit: ${name}`, { hint: shallow ? "this clone is shallow; git fetch --unshallow, or fetch that commit" : "git branch --all and git tag list them" });
}

/** A manifest may be wrong as a whole although each line is right: out of order, or with a path twice. */
async function unreadableWholes({ repository, signal }: Context, commits: readonly string[]): Promise<{ commit: string; error: BallastError }[]> {
  const found = await mapParallel(commits, AT_A_TIME, async (commit) => {
    try {
      await manifestAt(repository, commit);
      return [];
    } catch (error) {
      if (isBallastError(error, "MANIFEST_INVALID", "MANIFEST_VERSION", "PATH_REFUSED", "CONFLICT")) return [{ commit, error }];
      throw error;
    }
  }, signal);
  return found.flat();
}

async function lacking(context: Context, wanted: ReadonlyMap<Oid, { sizeBytes: number; places: readonly Place[] }>): Promise<Finding[]> {
  if (wanted.size === 0) return [];
  const store = await openRemoteStore(context);
  try {
    const catalogue = await catalogueOf(store, wanted.keys(), context.signal);
    // An archived object counts, as for a push: its content is safe.
    const ways = easiestWays([catalogue], { archived: true });
    const findings: Finding[] = [];
    for (const [oid, { sizeBytes, places }] of wanted) {
      const way = ways.get(oid);
      const objects = catalogue.get(oid) ?? [];
      const common = { store: "remote", oid, neededBy: places, mend: "git ballast push --all in a clone that has it" } as const;
      if (!way && objects.length === 0) findings.push({ kind: "missing", detail: `${store.url} does not have it`, ...common });
      else if (!way) findings.push({ kind: "chain", key: objects[0]!.key, detail: `${store.url} lacks what it is a difference from`, ...common });
      else if (way.object.name.encoding === "raw" && way.object.sizeBytes !== sizeBytes) {
        findings.push({ kind: "size", key: way.object.key, detail: `it has ${way.object.sizeBytes} bytes, and the manifest says ${sizeBytes}`, ...common, mend: "git ballast fsck --deep --repair" });
      }
    }
    return findings.sort((a, b) => (a.oid! < b.oid! ? -1 : 1));
  } finally {
    store.close();
  }
}
