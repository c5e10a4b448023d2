/*
 * What the filter has just recorded, so that pre-commit can see in sh that there is nothing to refuse: a file of lines,
 * GITDIR/ballast/recorded
 *
 *   <id of the manifest blob that was answered>, then SP <id> for each that was recorded on, the last one first
 *   <path of the locks as last seen, which must not be there>
 *   <path of an object> for each that a content of the answer needs and not one of those before, what it stands on included
 *   a full stop, by which the file is whole
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { blobId } from "../git/blob-id.ts";
import { sharedState, worktreeState, type Repository } from "../git/repository.ts";
import { formatManifest, type Manifest } from "../manifest/manifest.ts";
import { objectKey } from "../object/name.ts";
import { PresentObjects } from "../object/present.ts";
import { openLocalStore } from "../store/open.ts";

/** Above this number Node checks; sh takes a few microseconds for each. */
const MOST_OBJECTS = 200;
/** HEAD is the manifest before or, when several recordings are committed as one, an earlier one. */
const MOST_BEFORE = 8;

/**
 * Notes that the local store has what `after` needs beyond `before`, and with it what was noted of recordings on which
 * this one was made. Removes the note where the store does not have it all.
 */
export function noteRecorded(repository: Repository, before: Manifest, after: { readonly text: string; readonly assets: Manifest }): void {
  const file = worktreeState(repository, "recorded");
  const objects = objectsOf(repository, before, after.assets);
  if (objects === undefined || repository.commonDir.includes("\n")) return rmSync(file, { force: true });
  const [answer, old] = [after.text, formatManifest(before.values())].map((text) => blobId(repository, Buffer.from(text)));
  const [ids = "", , ...earlier] = readIfThere(file).split("\n").slice(0, -2);
  const [last, ...older] = ids.split(" ");
  const goesOn = last === old && earlier.length + objects.length <= MOST_OBJECTS;
  const befores = [old, ...(goesOn ? older : [])].slice(0, MOST_BEFORE);
  const lines = [[answer, ...befores].join(" "), sharedState(repository, "locks.json"), ...new Set([...(goesOn ? earlier : []), ...objects]), "."];
  writeFileSync(file, `${lines.join("\n")}\n`);
}

/** The files of the objects that the new contents need; undefined when one is missing, or when they are many. */
function objectsOf(repository: Repository, before: Manifest, after: Manifest): string[] | undefined {
  const store = openLocalStore(repository);
  const present = new PresentObjects(store);
  const files: string[] = [];
  for (const { path, oid } of after.values()) {
    if (before.get(path)?.oid === oid) continue;
    const objects = present.objects(oid);
    if (objects === undefined || files.push(...objects.map(({ name }) => join(store.root, objectKey(name)))) > MOST_OBJECTS) return undefined;
  }
  return files;
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
