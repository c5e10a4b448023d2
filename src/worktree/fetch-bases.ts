import type { Manifest } from "../manifest/manifest.ts";
import type { Context } from "../context.ts";
import { isWorthFetching, policyOf } from "../delta/plan.ts";
import { isBallastError } from "../errors.ts";
import type { Oid } from "../object/oid.ts";
import { PresentObjects } from "../object/present.ts";
import type { DirectoryStore } from "../store/directory.ts";
import { openRemoteStore } from "../store/open.ts";
import { catalogueOf, easiestWays, type Way } from "../transfer/chains.ts";
import { download, type Wanted } from "../transfer/download.ts";
import type { Bases, Newcomer } from "./bases.ts";

/** What asking a remote store for bases may take, and what fetching them may, in milliseconds. */
const ASK_MS = 10_000;
const FETCH_MS = 60_000;

/**
 * Brings bases into the local store that only a remote store in S3 has, where fetching one costs less than it saves.
 * Only the former version of a path is worth asking for. Whatever fails, the files are stored without these bases.
 */
export async function fetchBases(
  context: Context,
  files: readonly Newcomer[],
  { bases, known, stores }: { bases: Bases; known: Manifest; stores: readonly DirectoryStore[] },
): Promise<void> {
  const { settings, signal, report } = context;
  if (!settings.storeUrl?.startsWith("s3:")) return;
  const [local, ...others] = stores;
  const present = new PresentObjects(local!, others);
  const absent = new Map<Oid, Wanted>();
  for (const { path } of files) {
    const version = bases.hints.get(path)?.find(({ why }) => why === "version");
    const asset = known.get(path);
    if (version && asset && present.chain(version.oid) === undefined) absent.set(version.oid, asset);
  }
  if (absent.size === 0) return;
  try {
    const asking = { ...context, signal: AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]) };
    const worth = await worthFetching(asking, [...absent.keys()]);
    if (worth.length === 0) return;
    const fetching = { ...context, signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_MS)]) };
    await download(fetching, worth.map((oid) => absent.get(oid)!));
  } catch (error) {
    signal.throwIfAborted();
    if (isBallastError(error, "DISK_FULL")) throw error;
    report({ kind: "info", message: `former versions could not be fetched to store differences from them: ${error instanceof Error ? error.message : String(error)}` });
  }
}

/** Those whose chain in the remote store takes little enough. */
async function worthFetching(context: Context, oids: readonly Oid[]): Promise<Oid[]> {
  const remote = await openRemoteStore(context);
  try {
    const ways = easiestWays([await catalogueOf(remote, oids, context.signal)]);
    const policy = policyOf(context.settings.delta);
    return oids.filter((oid) => {
      const chain = chainOf(oid, ways);
      // The chain's whole object is about what the new version takes whole.
      return chain.length > 0 && isWorthFetching(chain.reduce((sum, { object }) => sum + object.sizeBytes, 0), chain.at(-1)!.object.sizeBytes, policy);
    });
  } finally {
    remote.close();
  }
}

function chainOf(oid: Oid, ways: ReadonlyMap<Oid, Way>): Way[] {
  const chain: Way[] = [];
  for (let next: Oid | undefined = oid; next !== undefined; ) {
    const way = ways.get(next);
    if (way === undefined) return [];
    chain.push(way);
    next = way.object.name.base;
  }
  return chain;
}
