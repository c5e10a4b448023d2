/*
 * One asset through the commits that changed it. `git log` hands over, newest first and every commit before its
 * parents, what each changed in the manifest; parents are rewritten to those that changed it too. A path is followed
 * along these edges, so that a rename on one branch does not change what is looked for on another.
 */
import { bringVersions } from "../git/partial.ts";
import { MANIFEST_PATH, at, type Repository } from "../git/repository.ts";
import { streamGit } from "../git/run.ts";
import { parseLine, type Asset } from "./manifest.ts";
import { lines } from "./versions.ts";

export interface HistoryEntry {
  readonly commit: string;
  /** When it was committed, as ISO 8601 with the committer's time zone; and written, by whom. */
  readonly committedAt: string;
  readonly date: string;
  readonly author: string;
  readonly email: string;
  readonly subject: string;
  /** `renamed`: a commit that removes another path of the same content. `mode`: only the executable bit changed. */
  readonly kind: "added" | "modified" | "mode" | "renamed" | "removed";
  readonly path: string;
  /** The former path of what was renamed. */
  readonly from?: string;
  /** What the commit has; undefined when it removes the path. */
  readonly asset?: Asset;
}

/**
 * Every version of the asset that is at `path` in the newest of these commits, newest first, along renames.
 * @param range arguments of `git log` that select commits
 * @throws MANIFEST_INVALID, PATH_REFUSED naming the commit
 */
export async function* assetHistory(repository: Repository, path: string, range: readonly string[], signal?: AbortSignal): AsyncGenerator<HistoryEntry> {
  /** By commit, the paths that are looked for in it. A commit that is nobody's parent is a tip. */
  const looksFor = new Map<string, Set<string>>();
  for await (const commit of changedManifests(repository, range, signal)) {
    const paths = looksFor.get(commit.id) ?? new Set([path]);
    looksFor.delete(commit.id);
    const before = commit.parents.map(() => new Set<string>());
    for (const name of paths) {
      const steps = commit.sides.map((side) => stepOf(name, side));
      for (const [i, set] of before.entries()) set.add(steps[i]?.from ?? name);
      const [first] = steps;
      // A merge has a version of its own only where it differs from all of its parents.
      if (first !== undefined && steps.every((step) => step !== undefined)) yield { ...commit.about, commit: commit.id, path: name, ...first };
    }
    for (const [i, parent] of commit.parents.entries()) looksFor.set(parent, new Set([...(looksFor.get(parent) ?? []), ...before[i]!]));
  }
}

type Step = Pick<HistoryEntry, "kind" | "from" | "asset">;

/** What leads from one parent to the commit, at one path; undefined when nothing changed there. */
function stepOf(path: string, { added, removed }: Side): Step | undefined {
  const [asset, old] = [added.get(path), removed.get(path)];
  if (asset === undefined) return old && { kind: "removed" };
  if (old !== undefined) return { kind: old.oid === asset.oid ? "mode" : "modified", asset };
  const source = [...removed.values()].find((other) => other.oid === asset.oid && !added.has(other.path));
  return source === undefined ? { kind: "added", asset } : { kind: "renamed", from: source.path, asset };
}

/** The manifest's lines that a commit has and one of its parents does not, and the other way round. */
interface Side {
  readonly added: Map<string, Asset>;
  readonly removed: Map<string, Asset>;
}

interface ChangedManifest {
  readonly id: string;
  readonly parents: readonly string[];
  readonly about: Pick<HistoryEntry, "committedAt" | "date" | "author" | "email" | "subject">;
  /** One for each parent, or one for a commit without. Empty for a merge that is as one of its parents. */
  readonly sides: Side[];
}

async function* changedManifests(repository: Repository, range: readonly string[], signal?: AbortSignal): AsyncGenerator<ChangedManifest> {
  await bringVersions(repository, range, MANIFEST_PATH, signal);
  const args = ["-c", "log.showRoot=true", "-c", "log.showSignature=false", "log", "-c", "-p", "-U0", "--text", "--no-color", "--no-renames", "--no-textconv", "--no-ext-diff",
    "--date-order", "--full-history", "--parents", "--format=commit %H%x00%P%x00%cI%x00%aI%x00%aN%x00%aE%x00%s", ...range, "--", MANIFEST_PATH];
  let current: ChangedManifest | undefined;
  for await (const line of lines(streamGit(args, at(repository, signal ? { signal } : {})))) {
    if (line.startsWith("commit ")) {
      if (current) yield current;
      current = heading(line);
      continue;
    }
    const marks = /^[ +-]+(?=\{"path":)/.exec(line)?.[0];
    if (current === undefined || marks === undefined) continue;
    const asset = parseLine(line.slice(marks.length), `${current.id.slice(0, 12)}:${MANIFEST_PATH}`, 0);
    while (current.sides.length < marks.length) current.sides.push({ added: new Map(), removed: new Map() });
    for (const [i, { added, removed }] of current.sides.entries()) {
      if (marks[i] === "+") added.set(asset.path, asset);
      if (marks[i] === "-") removed.set(asset.path, asset);
    }
  }
  if (current) yield current;
}

function heading(line: string): ChangedManifest {
  const [id, parents, committedAt, date, author, email, ...subject] = line.slice("commit ".length).split("\0") as [string, string, string, string, string, string, ...string[]];
  return { id, parents: parents.split(" ").filter(Boolean), about: { committedAt, date, author, email, subject: subject.join("\0") }, sides: [] };
}
