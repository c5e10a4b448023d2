import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { sharedState, type Repository } from "../git/repository.ts";
import { parseName } from "../object/name.ts";
import { isAbsent } from "../store/directory-errors.ts";

/**
 * Those of some contents that the local store has as a delta, with the bytes of the smallest one. Each of its directories is
 * read once, and only deltas are looked at.
 */
export function localDeltas(repository: Repository, oids: ReadonlySet<string>): Map<string, number> {
  const found = new Map<string, number>();
  for (const fanOut of new Set(Array.from(oids, (oid) => oid.slice(0, 2)))) {
    const directory = join(sharedState(repository, "objects"), fanOut);
    for (const file of namesIn(directory)) {
      const name = oids.has(file.slice(0, 64)) ? parseName(file) : undefined;
      if (name?.base === undefined) continue;
      const sizeBytes = statSync(join(directory, file), { throwIfNoEntry: false })?.size;
      if (sizeBytes !== undefined) found.set(name.oid, Math.min(sizeBytes, found.get(name.oid) ?? Infinity));
    }
  }
  return found;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}
