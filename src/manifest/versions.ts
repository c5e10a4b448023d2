import { bringVersions } from "../git/partial.ts";
import { MANIFEST_PATH, at, type Repository } from "../git/repository.ts";
import { runGit, streamGit } from "../git/run.ts";
import { badHeader, EMPTY_MANIFEST, parseLine, parseManifest, type Asset, type Manifest } from "./manifest.ts";

/**
 * The manifest as `revision` has it (`HEAD`, `<commit>`, `:` for what is staged), or undefined when it has none.
 * @throws MANIFEST_INVALID, MANIFEST_VERSION, PATH_REFUSED
 */
export async function manifestAt(
  repository: Repository,
  revision: string,
  env: Record<string, string | undefined> = {},
): Promise<Manifest | undefined> {
  const bytes = await manifestBytesAt(repository, revision, env);
  return bytes && parseManifest(bytes, describe(revision));
}

/** As {@link manifestAt}, unparsed. */
export async function manifestBytesAt(
  repository: Repository,
  revision: string,
  env: Record<string, string | undefined> = {},
): Promise<Buffer | undefined> {
  const spec = revision === ":" ? `:${MANIFEST_PATH}` : `${revision}:${MANIFEST_PATH}`;
  const { status, stdout } = await runGit(["cat-file", "blob", spec], at(repository, { env, accept: [128] }));
  return status === 0 ? stdout : undefined;
}

/** The blob that is staged for the manifest (stage 0) with its mode, or undefined. */
export async function stagedManifestBlob(
  repository: Repository,
  env: Record<string, string | undefined> = {},
): Promise<string | undefined> {
  const { stdout } = await runGit(["ls-files", "--stage", "-z", "--", MANIFEST_PATH], at(repository, { env }));
  const [mode, blob, rest] = stdout.toString().split(/[ \t\0]/);
  return mode !== undefined && blob !== undefined && rest === "0" ? blob : undefined;
}

/** An asset line that a commit added to the manifest. */
export interface AddedAsset extends Asset {
  /** The full id of the commit. */
  readonly commit: string;
}

/**
 * Every asset line that a commit of `range` adds against any of its parents, newest commit first: all that the range
 * can need beyond what its boundary has. Commits count as they are, and not as `git replace` shows them: so they are pushed.
 * @param range arguments of `git log` that select commits, e.g. `["HEAD", "--not", "--remotes=origin"]`
 * @param options.strict whether a line that this version does not know is an error, and not passed over
 * @throws MANIFEST_INVALID, PATH_REFUSED naming the commit; MANIFEST_VERSION when strict
 */
export async function* addedAssets(repository: Repository, range: readonly string[], signal?: AbortSignal, { strict = false } = {}): AsyncGenerator<AddedAsset> {
  await bringVersions(repository, range, MANIFEST_PATH, signal);
  // The user's settings must not leave out root commits, or lines that a merge made up.
  const args = ["--no-replace-objects", "-c", "log.showRoot=true", "-c", "log.diffMerges=separate", "log", "-m", "-p", "-U0", "--text", "--no-color", "--no-renames", "--no-textconv", "--no-ext-diff",
    "--no-show-signature", "--format=commit %H", "--full-history", ...range, "--", MANIFEST_PATH];
  let commit = "";
  for await (const line of lines(streamGit(args, at(repository, signal ? { signal } : {})))) {
    if (line.startsWith("commit ")) commit = line.slice(7, 47);
    else if (line.startsWith('+{"path":')) yield { ...parseLine(line.slice(1), describe(commit), 0), commit };
    else if (strict && line.startsWith("+") && !line.startsWith("+++ ")) requireReadable(line.slice(1), describe(commit));
  }
}

/**
 * Makes sure that no line of a manifest, be it one with conflict markers, can name an asset in a way that this version
 * does not know.
 * @throws MANIFEST_INVALID, MANIFEST_VERSION
 */
export function requireReadable(text: string, origin: string): void {
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith('{"path":') || MARKER.test(line)) continue;
    if (`${line}\n` !== EMPTY_MANIFEST) throw badHeader([line], origin);
  }
}

/** Conflict markers of Git. */
const MARKER = /^(<{7}|={7}|>{7}|\|{7})( |$)/;

/** How errors name the manifest of a revision. */
function describe(revision: string): string {
  return revision === ":" ? `the staged ${MANIFEST_PATH}` : `${revision.slice(0, 12)}:${MANIFEST_PATH}`;
}

/** The lines of a text that comes in pieces, without their line feeds. */
export async function* lines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = buffer.lastIndexOf(10);
    if (end >= 0) yield* buffer.toString("utf8", 0, end).split("\n");
    rest = buffer.subarray(end + 1);
  }
  if (rest.length > 0) yield rest.toString();
}
