import { join } from "node:path";
import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
import { isAtOnce } from "../gc/settle.ts";
import { announce } from "../gc/sweeps.ts";
import { thisRun } from "../gc/this-run.ts";
import { copyObject } from "../object/copy.ts";
import { hashFile } from "../object/hash-file.ts";
import { objectKey, type ObjectName } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import { isDirectoryStore, type DirectoryStore } from "../store/directory.ts";
import { plainStore } from "../store/plain-store.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { keepAside, moveAside } from "../store/quarantine.ts";
import { takeRemoval, type Removal } from "../transfer/removal.ts";
import { thisProcess } from "../transfer/this-process.ts";
import type { Finding, Repair } from "./finding.ts";
import type { Inspection, Stores } from "./inspect.ts";
import { mend } from "./mend.ts";
import { SecondLook, type LookOptions } from "./second-look.ts";
import { ownSource, type Source } from "./source.ts";

/**
 * Does what can be done about findings: keeps aside what is damaged, gives misplaced objects their place, and brings
 * what is lacking from the other store, the worktree or a further store. Nothing is removed but what has a second name in the quarantine
 * by then, so a run that was killed is continued by the next.
 * @throws LOCKED while another run removes objects; what the stores throw
 */
export async function repair(context: Context, stores: Stores, inspection: Inspection): Promise<Repair[]> {
  const done: Repair[] = [];
  for (const where of ["local", "remote"] as const) {
    const store = stores[where];
    const findings = inspection.findings.filter((finding) => finding.store === where && finding.key !== undefined);
    if (store === undefined || findings.length === 0) continue;
    done.push(...(await clear(context, { where, store, further: stores.further ?? [] }, findings, inspection)));
  }
  done.push(...(await mend(context, stores, inspection)));
  return done;
}

interface Place {
  readonly where: "local" | "remote";
  readonly store: Store;
  readonly further: readonly Source[];
}

/** Takes away what is in the way of good objects. */
async function clear(context: Context, place: Place, findings: readonly Finding[], inspection: Inspection): Promise<Repair[]> {
  const { where, store } = place;
  const { facts } = inspection;
  const done: Repair[] = [];
  const aside = (key: string, to: string): void => void done.push({ store: where, what: "quarantined", key, where: to });
  if (isDirectoryStore(store)) for (const { key } of findings.filter(({ kind }) => kind === "obstacle")) aside(key!, await moveAside(store, key!));
  const of = (...kinds: Finding["kind"][]): Set<string> => new Set(findings.filter(({ kind }) => kinds.includes(kind)).map(({ key }) => key!));
  const { survey } = facts[where]!;
  const suspects = survey.objects.filter(({ key }) => of("corrupt", "size").has(key));
  const misplaced = survey.misplaced.filter(({ key }) => of("misplaced").has(key));
  const junk = survey.junk.filter(({ key }) => of("junk").has(key));
  if (suspects.length + misplaced.length + junk.length === 0) return done;
  const { settings, signal } = context;
  const removal = await takeRemoval(store, { ...thisProcess("fsck --repair"), concurrency: settings.concurrency, signal });
  const look = await SecondLook.open(context, store, around(place, inspection));
  try {
    for (const object of suspects) {
      if (!(await look.isDamaged(object)) || (await isLastResort(context, object, look, inspection))) continue;
      const actual = await look.actualName(object);
      if (actual && facts.needs.byOid.has(actual.oid) && !survey.objects.some(({ name }) => name.oid === actual.oid)) await rename(place, object, actual, look, done);
      aside(object.key, await keepAside(store, object, signal));
      await removeAnnounced(store, object, removal, signal);
    }
    for (const object of misplaced) {
      await rename(place, object, object.name, look, done);
      aside(object.key, await removeAside(store, object, removal, signal));
    }
    for (const entry of junk) aside(entry.key, await removeAside(store, entry, removal, signal));
  } finally {
    look.close();
    await removal.release();
  }
  return done;
}

/** Announces it as a cleanup does: what goes will be written anew, and by then nobody must ask for its removal any more. */
async function removeAnnounced(store: Store, { key, name }: StoredObject, removal: Removal, signal: AbortSignal): Promise<void> {
  if (await isAtOnce(store)) return removal.remove([key]);
  const sweeping = await announce(store, [name.oid], { all: false, run: thisRun(), signal });
  try {
    await removal.remove([key]);
  } finally {
    await sweeping.end(removal.pending.has(key) ? [name.oid] : []);
  }
}

/** Where contents may be had: in either store, but for what was found bad there, then in the further ones. */
function around({ where, further }: Place, { facts, bad }: Inspection): LookOptions {
  const others: DirectoryStore[] = [];
  const sources: Source[] = [];
  for (const each of ["local", "remote"] as const) {
    const store = facts[each]?.survey.store;
    if (store === undefined) continue;
    if (!isDirectoryStore(store)) sources.push(ownSource(each, store, facts[each]!.survey.objects.filter(({ key }) => !bad[each].has(key))));
    else if (each !== where) others.push(store);
  }
  return { others, sources: [...sources, ...further] };
}

/**
 * Whether a damaged content stands in for itself: what is a difference from it may still come out right, where it needs
 * none of the damaged bytes, and there is no good copy to take its place.
 */
async function isLastResort(context: Context, { name: { oid, encoding } }: StoredObject, look: SecondLook, inspection: Inspection): Promise<boolean> {
  const { facts } = inspection;
  // Every other encoding is verified before anything is made of it.
  if (encoding !== "raw") return false;
  const all = [...facts.local.survey.objects, ...(facts.remote?.survey.objects ?? [])];
  if (!all.some(({ name }) => name.base === oid)) return false;
  return !(await isInWorktree(context, oid, inspection)) && !(await look.canDecode(oid));
}

async function isInWorktree({ repository, signal }: Context, oid: Oid, { facts }: Inspection): Promise<boolean> {
  for (const { path } of facts.needs.byOid.get(oid)?.places ?? []) {
    const file = await hashFile(join(repository.top, path), { signal }).catch((error: unknown) => {
      if (!isBallastError(error)) throw error;
      return undefined;
    });
    if (file?.oid === oid) return true;
  }
  return false;
}

async function removeAside(store: Store, entry: { readonly key: string; readonly sizeBytes: number }, removal: Removal, signal: AbortSignal): Promise<string> {
  const to = await keepAside(store, entry, signal);
  await removal.renewIfDue();
  await store.remove(entry.key, signal);
  return to;
}

/** Writes the bytes of a key under the name that they should have, if they are what that name says. */
async function rename({ where, store }: Place, from: Omit<StoredObject, "name">, name: ObjectName, look: SecondLook, done: Repair[]): Promise<void> {
  const key = objectKey(name);
  const source = plainStore(store, { read: (_key, range, signal, chunks) => store.read(from.key, range, signal, chunks) });
  try {
    const outcome = await copyObject(source, store, { ...from, name, key }, { openBase: look.openBase, signal: look.signal });
    if (outcome === "created") done.push({ store: where, what: "renamed", key, where: from.key });
  } catch (error) {
    if (!isBallastError(error, "OBJECT_CORRUPT", "OBJECT_MISSING", "ENCODING_UNKNOWN")) throw error;
  }
}
