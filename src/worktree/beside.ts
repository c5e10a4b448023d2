import { appendFileSync, existsSync, lstatSync, mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Context } from "../context.ts";
import { isBallastError, systemCode } from "../errors.ts";
import { sharedState, type Repository } from "../git/repository.ts";
import { besidePath, EXCLUDES } from "./beside-name.ts";
import { readConflicts, writeConflicts, type MergeConflict } from "./conflicts.ts";
import { materialiseEach } from "./materialise-each.ts";
import { placeFile, temporaryRoot } from "./restore.ts";

/**
 * Puts their version of every asset in conflict beside ours, under a name of its own that neither Git nor Ballast
 * records, so that both can be opened and compared. What cannot be had now is a warning; the next call tries again.
 */
export async function putBeside(context: Context): Promise<void> {
  const { repository, report } = context;
  const conflicts = readConflicts(repository);
  const wanted = new Map([...conflicts.values()].flatMap((one) => (one.theirs && !one.beside && !one.renamed && isFree(repository, one.path) ? [[besidePath(one.path), one] as const] : [])));
  if (wanted.size === 0) return;
  exclude(repository);
  const { top } = repository;
  const assets = [...wanted].map(([path, { theirs }]) => ({ ...theirs!, path }));
  try {
    const { missing } = await materialiseEach(context, { wanted: assets, temporaryDirectory: temporaryRoot(context, top) }, ({ path }, temporary) => {
      placeFile(top, path, temporary, undefined);
      const { size, mtimeNs } = lstatSync(join(top, path), { bigint: true });
      const conflict: MergeConflict = { ...wanted.get(path)!, beside: { path, size: Number(size), mtimeNs: String(mtimeNs) } };
      conflicts.set(conflict.path, conflict);
      report({ kind: "info", message: `${conflict.path} is in conflict: yours stays in place, theirs is beside it as ${basename(path)}` });
    });
    for (const { path, why } of missing) report({ kind: "warning", message: `${wanted.get(path)!.path}: their version cannot be had now: ${why}`, hint: "git ballast checkout tries again" });
  } catch (error) {
    if (!isBallastError(error)) throw error;
    report({ kind: "warning", message: `their versions cannot be put beside yours: ${error.message}`, hint: error.hint ?? "git ballast checkout tries again" });
  } finally {
    writeConflicts(repository, conflicts.values());
  }
}

/** Nothing of the user's is in the way, also not above. */
function isFree({ top }: Repository, path: string): boolean {
  try {
    return lstatSync(join(top, besidePath(path)), { throwIfNoEntry: false }) === undefined;
  } catch (error) {
    if (systemCode(error) !== "ENOTDIR") throw error;
    return false;
  }
}

/** Has Git leave such files alone in this clone. */
function exclude(repository: Repository): void {
  const directory = join(sharedState(repository, ".."), "info");
  const file = join(directory, "exclude");
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const missing = EXCLUDES.filter((pattern) => !text.split(/\r?\n/).includes(pattern));
  if (missing.length === 0) return;
  mkdirSync(directory, { recursive: true });
  appendFileSync(file, `${text === "" || text.endsWith("\n") ? "" : "\n"}${missing.join("\n")}\n`);
}
