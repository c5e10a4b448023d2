/*
 * Assets that a merge changed on both sides, kept until `git ballast resolve`:
 * {"<path>": {"ours": {"oid":…,"size":…,"exec":…} | null, "theirs": … | null}}
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { MANIFEST_PATH, at, worktreeState, type Repository } from "../git/repository.ts";
import { gitText } from "../git/run.ts";
import type { Asset } from "../manifest/manifest.ts";
import { isOid } from "../object/oid.ts";
import { writeAtomically } from "../util/write-atomically.ts";

export interface MergeConflict {
  readonly path: string;
  /** Undefined: deleted on that side. */
  readonly ours: Asset | undefined;
  readonly theirs: Asset | undefined;
}

export function readConflicts(repository: Repository): Map<string, MergeConflict> {
  const file = worktreeState(repository, "conflicts.json");
  const conflicts = new Map<string, MergeConflict>();
  if (!existsSync(file)) return conflicts;
  const json = JSON.parse(readFileSync(file, "utf8")) as Record<string, { ours: Side; theirs: Side }>;
  for (const [path, { ours, theirs }] of Object.entries(json)) {
    conflicts.set(path, { path, ours: fromSide(path, ours), theirs: fromSide(path, theirs) });
  }
  return conflicts;
}

export function writeConflicts(repository: Repository, conflicts: Iterable<MergeConflict>): void {
  const file = worktreeState(repository, "conflicts.json");
  const entries = [...conflicts].map(({ path, ours, theirs }) => [path, { ours: toSide(ours), theirs: toSide(theirs) }]);
  if (entries.length === 0) rmSync(file, { force: true });
  else writeAtomically(file, `${JSON.stringify(Object.fromEntries(entries), null, 1)}\n`);
}

/** Forgets the conflicts once Git no longer counts the manifest as unmerged (resolved, aborted, reset). */
export async function dropSettledConflicts(repository: Repository): Promise<void> {
  if (!existsSync(worktreeState(repository, "conflicts.json"))) return;
  if ((await gitText(["ls-files", "--unmerged", "--", MANIFEST_PATH], at(repository))) === "") writeConflicts(repository, []);
}

type Side = { oid: string; size: number; exec: boolean } | null;

function toSide(asset: Asset | undefined): Side {
  return asset === undefined ? null : { oid: asset.oid, size: asset.sizeBytes, exec: asset.exec };
}

function fromSide(path: string, side: Side): Asset | undefined {
  return side === null || !isOid(side.oid) ? undefined : { path, oid: side.oid, sizeBytes: side.size, exec: side.exec };
}
