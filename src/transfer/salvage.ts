import { join } from "node:path";
import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
import type { Repository } from "../git/repository.ts";
import { addedAssets } from "../manifest/versions.ts";
import { ingestFile } from "../object/ingest.ts";
import type { Oid } from "../object/oid.ts";
import type { DirectoryStore } from "../store/directory.ts";
import { lstatIfThere } from "../util/lstat-if-there.ts";
import { forEachParallel } from "../util/pool.ts";
import type { Wanted } from "./wanted.ts";

/**
 * Takes objects that the local store has lost from the worktree, where a file at the path still has just that content.
 * @returns the oids that the local store has now
 * @throws DISK_FULL, the reason of an abort
 */
export async function salvage({ repository, settings, signal }: Context, local: DirectoryStore, lost: readonly Wanted[]): Promise<Set<Oid>> {
  const saved = new Set<Oid>();
  await forEachParallel(
    lost,
    settings.concurrency,
    async ({ path, oid, sizeBytes }, siblings) => {
      if (saved.has(oid)) return;
      const file = join(repository.top, path);
      const stat = lstatIfThere(file);
      if (!stat?.isFile() || Number(stat.size) !== sizeBytes) return;
      try {
        await ingestFile(file, local, settings.compression, { expected: oid, signal: siblings });
        saved.add(oid);
      } catch (error) {
        if (!isBallastError(error, "FILE_CHANGED", "NOT_A_FILE", "FILE_DENIED")) throw error;
      }
    },
    signal,
  );
  return saved;
}

/** Every path at which a commit that this repository knows has one of these contents. */
export async function placesOf(repository: Repository, oids: ReadonlySet<Oid>, signal?: AbortSignal): Promise<Wanted[]> {
  const places = new Map<string, Wanted>();
  for await (const { oid, path, sizeBytes } of addedAssets(repository, ["--all"], signal)) {
    if (oids.has(oid)) places.set(`${oid} ${path}`, { oid, path, sizeBytes });
  }
  return [...places.values()];
}
