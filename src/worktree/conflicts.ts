/*
 * Assets that a merge changed on both sides, kept until `git ballast resolve`: one JSON object, a line for each asset.
 * {"<path>": {"ours": {"oid":…,"size":…,"exec":…} | null, "theirs": … | null,
 *             "beside": {"path":…,"size":…,"mtimeNs":…}, "renamed": {"from":…,"ours":…,"theirs":…}, "against": "<path>",
 *             "head": "<commit>"}}
 * `beside` is the file with their content that was put beside ours. `head` is there where the commit itself holds
 * conflict markers: the conflict lasts as long as that commit is checked out.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { MANIFEST_PATH, at, worktreeState, type Repository } from "../git/repository.ts";
import { gitText } from "../git/run.ts";
import type { Asset } from "../manifest/manifest.ts";
import type { RenamedApart } from "../manifest/merge.ts";
import { isOid } from "../object/oid.ts";
import { lstatIfThere } from "../util/lstat-if-there.ts";
import { wholeLines } from "../util/whole-lines.ts";
import { writeAtomically } from "../util/write-atomically.ts";

export interface MergeConflict {
  readonly path: string;
  /** Undefined: deleted on that side. */
  readonly ours: Asset | undefined;
  readonly theirs: Asset | undefined;
  /** The file beside ours, as it was written; times in nanoseconds. */
  readonly beside?: Beside | undefined;
  /** Where both sides renamed one asset apart: the file of either name is in place. */
  readonly renamed?: RenamedApart | undefined;
  /** The asset of ours that takes the place: theirs needs a directory there, or is a file where ours needs one. */
  readonly against?: string | undefined;
  /** The commit whose manifest holds the conflict, where no merge is unfinished. */
  readonly head?: string | undefined;
}

export interface Beside {
  readonly path: string;
  readonly size: number;
  readonly mtimeNs: string;
}

/** @throws as {@link eachConflict} */
export function readConflicts(repository: Repository): Map<string, MergeConflict> {
  const conflicts = new Map<string, MergeConflict>();
  for (const conflict of eachConflict(repository)) conflicts.set(conflict.path, conflict);
  return conflicts;
}

/** The conflicts one after the other. @throws Node's own errors; SyntaxError for what is no such file */
export function* eachConflict(repository: Repository): Generator<MergeConflict> {
  const file = conflictsFile(repository);
  for (const entries of existsSync(file) ? entriesIn(file) : []) {
    for (const [path, { ours, theirs, beside, renamed, against, head }] of Object.entries(entries)) {
      yield { path, ours: fromSide(path, ours), theirs: fromSide(path, theirs), ...(beside ? { beside } : {}), ...(renamed ? { renamed } : {}), ...(against ? { against } : {}), ...(head ? { head } : {}) };
    }
  }
}

/** Present as long as there is a conflict. */
function conflictsFile(repository: Repository): string {
  return worktreeState(repository, "conflicts.json");
}

type Noted = Omit<MergeConflict, "path" | "ours" | "theirs"> & { readonly ours: Side; readonly theirs: Side };

/** Line by line, since there may be a million. */
function* entriesIn(file: string): Generator<Record<string, Noted>> {
  for (const piece of wholeLines(file)) {
    const lines = piece.toString("utf8", 0, piece.length - 1).split("\n").filter((line) => line !== "{" && line !== "}");
    // As older versions wrote it, indented.
    if (lines[0]?.startsWith(" ")) return yield JSON.parse(readFileSync(file, "utf8")) as Record<string, Noted>;
    for (const line of lines) yield JSON.parse(`{${line.replace(/,$/, "")}}`) as Record<string, Noted>;
  }
}

/** @throws DISK_FULL, FILE_DENIED */
export function writeConflicts(repository: Repository, conflicts: Iterable<MergeConflict>): void {
  const file = conflictsFile(repository);
  const lines = format(conflicts);
  const first = lines.next();
  if (first.done) return rmSync(file, { force: true });
  writeAtomically(file, inPieces(first.value, lines));
}

function* format(conflicts: Iterable<MergeConflict>): Generator<string> {
  for (const { path, ours, theirs, beside, renamed, against, head } of conflicts) {
    yield `${JSON.stringify(path)}: ${JSON.stringify({ ours: toSide(ours), theirs: toSide(theirs), beside, renamed, against, head })}`;
  }
}

function* inPieces(first: string, rest: Iterable<string>): Generator<string> {
  let text = `{\n${first}`;
  for (const line of rest) {
    text += `,\n${line}`;
    if (text.length < PIECE_CHARS) continue;
    yield text;
    text = "";
  }
  yield `${text}\n}\n`;
}

const PIECE_CHARS = 64 * 1024;

/** Forgets the conflicts once Git no longer counts the manifest as unmerged (resolved, aborted, reset). */
export async function dropSettledConflicts(repository: Repository): Promise<void> {
  if (!existsSync(conflictsFile(repository))) return;
  if ((await gitText(["ls-files", "--unmerged", "--", MANIFEST_PATH], at(repository))) !== "") return;
  const head = await gitText(["rev-parse", "--verify", "--quiet", "HEAD"], at(repository, { accept: [1] }));
  const open: MergeConflict[] = [];
  for (const conflict of eachConflict(repository)) {
    if (conflict.head !== undefined && conflict.head === head) open.push(conflict);
    else removeBeside(repository, conflict);
  }
  writeConflicts(repository, open);
}

/** Removes the file with their content, unless somebody has changed it since: a store has what was written. */
export function removeBeside({ top }: Repository, { beside }: MergeConflict): void {
  if (beside === undefined) return;
  const file = join(top, beside.path);
  const stat = lstatIfThere(file);
  if (stat?.isFile() && Number(stat.size) === beside.size && String(stat.mtimeNs) === beside.mtimeNs) rmSync(file, { force: true });
}

type Side = { oid: string; size: number; exec: boolean } | null;

function toSide(asset: Asset | undefined): Side {
  return asset === undefined ? null : { oid: asset.oid, size: asset.sizeBytes, exec: asset.exec };
}

function fromSide(path: string, side: Side): Asset | undefined {
  return side === null || !isOid(side.oid) ? undefined : { path, oid: side.oid, sizeBytes: side.size, exec: side.exec };
}
