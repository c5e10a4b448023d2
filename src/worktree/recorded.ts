/*
 * What the filter has just recorded, so that pre-commit can see in sh that there is nothing to refuse: a file of lines,
 * GITDIR/ballast/recorded
 *
 *   <id of the manifest blob that was answered>, then SP <id> for each that was recorded on, the last one first, zeros
 *   where that may also be no manifest at all, or SP any
 *   <path of the locks as last seen, which must not be there>
 *   config SP <id of the blob that .ballast/config would be>
 *   <path of an object> for each that a content of the answer needs and not one of those before, what it stands on included
 *   a full stop, by which the file is whole
 *
 * Where these are many, the line `listed SP <directory of the objects>` stands for all contents of the answer, whatever it
 * was recorded on: what find lists there is what is in GITDIR/ballast/stored.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { blobId } from "../git/blob-id.ts";
import { CONFIG_PATH, MANIFEST_PATH, sharedState, worktreeState, type Repository } from "../git/repository.ts";
import { EMPTY_MANIFEST, parseManifest, type Manifest } from "../manifest/manifest.ts";
import { objectKey, OBJECTS_PREFIX, parseKey, type ObjectName } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import { PresentObjects } from "../object/present.ts";
import { openLocalStore } from "../store/open.ts";
import { decodable } from "../transfer/chains.ts";
import { writeAtomically } from "../util/write-atomically.ts";
import { list } from "./listing.ts";
import type { Live } from "./seal.ts";

/** Above this number they are listed; sh takes a few microseconds for each. */
const MOST_OBJECTS = 200;
/** HEAD is the manifest before or, when several recordings are committed as one, an earlier one. */
const MOST_BEFORE = 8;

/** What was recorded on: all assets, or those of them that can be others now, and the whole manifest. */
export interface RecordedOn {
  readonly assets: Manifest;
  readonly bytes: () => Buffer;
}

/**
 * Notes that the local store has what `after` needs beyond `before`, and with it what was noted of recordings on which
 * this one was made. Removes the note where the store does not have it all.
 */
export async function noteRecorded(repository: Repository, before: RecordedOn, after: Live): Promise<void> {
  const file = worktreeState(repository, "recorded");
  const objects = objectsOf(repository, before.assets, after.assets);
  if (objects === undefined || repository.commonDir.includes("\n")) return rmSync(file, { force: true });
  const answer = blobId(repository, after.bytes);
  const head = (befores: readonly string[]): string[] => [
    [answer, ...befores].join(" "),
    sharedState(repository, "locks.json"),
    `config ${blobId(repository, readIfThere(join(repository.top, CONFIG_PATH)))}`,
  ];
  const write = (lines: readonly string[]): void => writeFileSync(file, `${[...lines, "."].join("\n")}\n`);
  if (objects === "many") return (await listStored(repository, after.isAll ? after.assets : parseManifest(after.bytes, MANIFEST_PATH))) ? write([...head(["any"]), `listed ${objectsDirectory(repository)}`]) : rmSync(file, { force: true });
  const on = before.bytes();
  const old = blobId(repository, on);
  const [ids = "", , config = "", ...earlier] = readIfThere(file).toString().split("\n").slice(0, -2);
  const [last, ...older] = ids.split(" ");
  const goesOn = last === old && config.startsWith("config ") && !older.includes("any") && earlier.length + objects.length <= MOST_OBJECTS;
  // No manifest has as many assets as an empty one.
  const none = on.equals(Buffer.from(EMPTY_MANIFEST)) ? ["0".repeat(answer.length)] : [];
  write([...head([old, ...none, ...(goesOn ? older : [])].slice(0, MOST_BEFORE)), ...new Set([...(goesOn ? earlier : []), ...objects])]);
}

/** Whether this manifest is what the filter recorded last: the local store has all that it names and the commit before has not. */
export function isRecorded(repository: Repository, manifest: Buffer): boolean {
  const [ids = ""] = readIfThere(worktreeState(repository, "recorded")).toString().split("\n", 1);
  return ids.split(" ", 1)[0] === blobId(repository, manifest);
}

/** The files of the objects that the new contents need; undefined when one is missing. */
function objectsOf(repository: Repository, before: Manifest, after: Manifest): string[] | "many" | undefined {
  const store = openLocalStore(repository);
  const present = new PresentObjects(store);
  const files: string[] = [];
  for (const { path, oid } of after.values()) {
    if (before.get(path)?.oid === oid) continue;
    const objects = present.objects(oid);
    if (objects === undefined) return undefined;
    if (files.push(...objects.map(({ name }) => join(store.root, objectKey(name)))) > MOST_OBJECTS) return "many";
  }
  return files;
}

/** Has all objects listed, as pre-commit will. @returns whether all that these assets need is among them */
async function listStored(repository: Repository, assets: Manifest): Promise<boolean> {
  const [listing] = (await list([[objectsDirectory(repository), "-type", "f", "-printf", "%P\\n"]], repository)) ?? [];
  if (listing === undefined) return false;
  if (!hasAll(listing, assets)) return false;
  // Durable before the note is: a listing that was cut off would vouch for what is gone likewise.
  writeAtomically(worktreeState(repository, "stored"), listing);
  return true;
}

function hasAll(listing: Buffer, assets: Manifest): boolean {
  const rest = new Set<Oid>();
  for (const { oid } of assets.values()) rest.add(oid);
  // Of a large store, a map of all would take much; mostly all is whole.
  for (const { name } of namesIn(listing)) if (name.base === undefined) rest.delete(name.oid);
  if (rest.size === 0) return true;
  const there = decodable(namesIn(listing));
  for (const oid of rest) if (!there.has(oid)) return false;
  return true;
}

function* namesIn(listing: Buffer): Generator<{ name: ObjectName }> {
  for (let start = 0, end; (end = listing.indexOf(10, start)) >= 0; start = end + 1) {
    const name = parseKey(OBJECTS_PREFIX + listing.toString("latin1", start, end));
    if (name) yield { name };
  }
}

function objectsDirectory(repository: Repository): string {
  return join(openLocalStore(repository).root, "objects");
}

function readIfThere(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}
