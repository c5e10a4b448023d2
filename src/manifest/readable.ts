import { isBallastError, type BallastError } from "../errors.ts";
import { at, MANIFEST_PATH, type Repository } from "../git/repository.ts";
import { runGit } from "../git/run.ts";
import { addedAssets, type AddedAsset } from "./versions.ts";

/** A commit whose manifest cannot be read. */
export interface Unreadable {
  readonly commit: string;
  readonly error: BallastError;
}

/**
 * As {@link addedAssets}, strictly, but a commit that adds what cannot be read is told of and passed over, so that one
 * bad commit does not hide the rest. `each` may be called again for the same line.
 * @param each called for every asset line that a commit of `range` adds
 * @throws GIT_FAILED, the signal's reason
 */
export async function eachAddedAsset(repository: Repository, range: readonly string[], each: (asset: AddedAsset) => void, signal: AbortSignal): Promise<Unreadable[]> {
  const first = await attempt(repository, range, each, signal);
  if (first === undefined) return [];
  return among(repository, await manifestCommits(repository, range, signal), each, signal);
}

/** The commits of `range` that change the manifest, newest first. */
export async function manifestCommits(repository: Repository, range: readonly string[], signal: AbortSignal): Promise<string[]> {
  const { stdout } = await runGit(["--no-replace-objects", "rev-list", "--full-history", ...range, "--", MANIFEST_PATH], at(repository, { signal }));
  return stdout.toString().split("\n").filter(Boolean);
}

/** Halves until the bad ones stand alone: few of many are. */
async function among(repository: Repository, commits: readonly string[], each: (asset: AddedAsset) => void, signal: AbortSignal): Promise<Unreadable[]> {
  const found: Unreadable[] = [];
  const queue = inPieces(commits, MOST_ARGUMENTS);
  for (let piece = queue.shift(); piece !== undefined; piece = queue.shift()) {
    const error = await attempt(repository, ["--no-walk=unsorted", ...piece], each, signal);
    if (error === undefined) continue;
    if (piece.length === 1) found.push({ commit: piece[0]!, error });
    else queue.unshift(...inPieces(piece, Math.ceil(piece.length / 2)));
  }
  return found;
}

const MOST_ARGUMENTS = 500;

function inPieces<T>(list: readonly T[], length: number): T[][] {
  const pieces: T[][] = [];
  for (let i = 0; i < list.length; i += length) pieces.push(list.slice(i, i + length));
  return pieces;
}

async function attempt(repository: Repository, range: readonly string[], each: (asset: AddedAsset) => void, signal: AbortSignal): Promise<BallastError | undefined> {
  try {
    for await (const asset of addedAssets(repository, range, signal, { strict: true })) each(asset);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (isBallastError(error, "MANIFEST_INVALID", "MANIFEST_VERSION", "PATH_REFUSED", "CONFLICT")) return error;
    throw error;
  }
}
