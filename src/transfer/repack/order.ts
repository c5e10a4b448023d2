import type { Oid } from "../../object/oid.ts";
import type { Catalogue } from "../chains.ts";
import type { Version } from "./versions.ts";

/** A version with its turn. */
export interface Turn {
  readonly version: Version;
  readonly oid: Oid;
  /** Versions that it may be based on, as history and as its objects are now. */
  readonly after: readonly Oid[];
}

/**
 * The order in which versions are settled: each after the one before it in history, and after what its objects are based
 * on now, so that its chain is settled too. Where that leads in a circle, history comes first.
 */
export function turnsOf(versions: readonly Version[], catalogue: Catalogue): Turn[] {
  const byOid = new Map(versions.map((version) => [version.oid, version]));
  const turns: Turn[] = [];
  const begun = new Set<Oid>();
  for (const start of versions) {
    // A walk in depth without recursion: history may be long.
    const way: { version: Version; after: readonly Oid[]; next: number }[] = [];
    const enter = (version: Version): void => {
      begun.add(version.oid);
      way.push({ version, after: [...new Set([...(version.previous === undefined ? [] : [version.previous]), ...basesOf(version.oid, byOid, catalogue)])], next: 0 });
    };
    if (!begun.has(start.oid)) enter(start);
    for (let step = way.at(-1); step !== undefined; step = way.at(-1)) {
      const oid = step.after[step.next++];
      if (oid === undefined) {
        turns.push({ version: step.version, oid: step.version.oid, after: step.after });
        way.pop();
      } else if (!begun.has(oid) && byOid.has(oid)) enter(byOid.get(oid)!);
    }
  }
  return turns;
}

/** The versions that the objects of an oid are based on, at once or through contents that are none of the versions. */
function basesOf(oid: Oid, versions: ReadonlyMap<Oid, Version>, catalogue: Catalogue): Oid[] {
  const seen = new Set<Oid>([oid]);
  const found: Oid[] = [];
  for (const at of seen) {
    if (at !== oid && versions.has(at)) {
      found.push(at);
      continue;
    }
    for (const { name } of catalogue.get(at) ?? []) if (name.base !== undefined) seen.add(name.base);
  }
  return found;
}
