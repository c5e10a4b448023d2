/*
 * A manifest that Git merged line by line, as a host's web page or a clone without the merge driver does, may hold
 * conflict markers. They are lines that no manifest has:
 *
 *   <<<<<<< ours
 *   {"path":"a.psd",…}          lines of our side
 *   ||||||| base                only with merge.conflictStyle diff3 or zdiff3
 *   {"path":"a.psd",…}
 *   =======
 *   {"path":"a.psd",…}          lines of their side
 *   >>>>>>> theirs
 *
 * Every other line is one that both sides have.
 */
import { BallastError } from "../errors.ts";
import { EMPTY_MANIFEST, parseLine, type Asset, type Manifest } from "./manifest.ts";
import type { ManifestMerge } from "./merge.ts";

/** Whether a text has a line that begins a conflict of Git's. */
export function hasMarkers(text: string | Uint8Array): boolean {
  // Nearly every manifest is known to have none without being decoded.
  if (typeof text !== "string" && !Buffer.from(text.buffer, text.byteOffset, text.byteLength).includes("<<<<<<<")) return false;
  return /^<{7}( |$)/m.test(typeof text === "string" ? text : Buffer.from(text).toString());
}

/**
 * The two sides of a manifest with conflict markers.
 * @param origin names the text in errors
 * @throws MANIFEST_INVALID for markers out of order and for a path that one side has twice; as `parseManifest` for lines
 */
export function splitMarkers(text: string, origin: string): { ours: Manifest; theirs: Manifest } {
  const [ours, theirs] = [new Map<string, Asset>(), new Map<string, Asset>()];
  let part = 0;
  for (const [i, line] of text.split("\n").entries()) {
    const mark = /^(<{7}|\|{7}|={7}|>{7})( |$)/.exec(line)?.[1]?.[0];
    if (mark !== undefined) {
      const order = PARTS.indexOf(mark);
      // Out of a conflict comes only its beginning; within one, a later part.
      if (part === 0 ? order !== 1 : order <= part && mark !== ">") throw invalid(origin, i + 1, "conflict markers out of order");
      if (mark === ">" && part !== 3) throw invalid(origin, i + 1, "conflict markers out of order");
      part = mark === ">" ? 0 : order;
      continue;
    }
    if (line === "" || part === 2 || `${line}\n` === EMPTY_MANIFEST) continue;
    const asset = parseLine(line, origin, i + 1);
    for (const side of part === 0 ? [ours, theirs] : [part === 1 ? ours : theirs]) {
      if (side.has(asset.path)) throw invalid(origin, i + 1, `${JSON.stringify(asset.path)} appears twice on one side`);
      side.set(asset.path, asset);
    }
  }
  if (part !== 0) throw invalid(origin, text.split("\n").length, "a conflict does not end");
  return { ours, theirs };
}

/** The marks that begin the parts, in their order; 0 is outside of conflicts. */
const PARTS = ["", "<", "|", "=", ">"];

/**
 * What two sides make without a common base: whatever differs is a conflict, since nobody can tell who changed it.
 * `merged` has ours.
 */
export function mergeWithoutBase(ours: Manifest, theirs: Manifest): ManifestMerge {
  const conflicts: ManifestMerge["conflicts"] = [];
  for (const path of new Set([...ours.keys(), ...theirs.keys()])) {
    const [o, t] = [ours.get(path), theirs.get(path)];
    if (o?.oid !== t?.oid || o?.exec !== t?.exec) conflicts.push({ path, ours: o, theirs: t });
  }
  return { merged: new Map(ours), conflicts };
}

function invalid(origin: string, lineNumber: number, what: string): BallastError {
  return new BallastError("MANIFEST_INVALID", `${origin}, line ${lineNumber}: ${what}`, {
    hint: "git log -- .ballast/manifest.jsonl shows its history; git checkout <commit> -- .ballast/manifest.jsonl brings a version back",
  });
}
