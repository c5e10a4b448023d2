import { statSync } from "node:fs";
import { parseNamedStore, type NamedStore } from "../config/named-store.ts";
import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { identityOf, type Finding, type Repair } from "../fsck/finding.ts";
import { FurtherStore } from "../fsck/further-store.ts";
import { Inspector, type Inspection, type Stores } from "../fsck/inspect.ts";
import type { Looked } from "../fsck/judge.ts";
import { repair } from "../fsck/repair.ts";
import { quarantined } from "../fsck/survey.ts";
import type { Verdict } from "../object/check.ts";
import { isDirectoryStore } from "../store/directory.ts";
import { openRemoteStore, openStoresHere } from "../store/open.ts";
import type { Store } from "../store/port.ts";
import { localStore } from "../transfer/local.ts";
import { collectContents } from "../util/collect-garbage.ts";

export interface FsckOptions {
  /** Which stores are looked at; a directory on this machine may be looked into besides, for bases of the local one. */
  readonly where: "both" | "local" | "remote";
  /** Decodes every object; else listings are all that is read. */
  readonly deep: boolean;
  readonly repair: boolean;
  /** Further stores that a repair takes from, in this order, as the user wrote them. */
  readonly from?: readonly string[];
}

/** One store, as it was when the command ended. */
export interface CheckedStore {
  readonly where: "local" | "remote";
  readonly url: string;
  readonly objects: number;
  readonly bytes: number;
  /** Objects in an archive, which are taken to be good. */
  readonly archived: number;
  /** Unfinished files and uploads; each run removes those that are old. */
  readonly temporary: number;
  readonly quarantine: { readonly entries: number; readonly bytes: number };
}

export interface FsckResult {
  readonly checked: "quick" | "deep";
  readonly stores: readonly CheckedStore[];
  /** Contents that something here needs. */
  readonly needed: number;
  /** What is wrong now. */
  readonly findings: readonly Finding[];
  /** What was wrong, and is not any more. */
  readonly mended: readonly Finding[];
  readonly repairs: readonly Repair[];
}

/**
 * Looks whether the stores have what this repository needs, and whether they are whole; with `repair`, mends what can be
 * mended (docs/fsck.md). Safe to interrupt and to repeat.
 * @throws USAGE for a further store that is none, or one of those that are repaired; LOCKED while another run removes objects,
 *   when repairing; what the stores throw
 */
export async function fsck(context: Context, { where, deep, repair: mending, from = [] }: FsckOptions): Promise<FsckResult> {
  const named = from.map((text) => parseNamedStore(text, { settings: context.settings, cwd: context.cwd, option: "--from" }));
  const local = await localStore(context);
  const remote = await remoteFor(context, where);
  const further: FurtherStore[] = [];
  try {
    for (const each of named) further.push(await openFurther(context, each, [local, ...(remote ? [remote] : [])]));
    const stores: Stores = { local, remote, further };
    const inspector = new Inspector(context, stores, { asked: { local: where !== "remote", remote: where !== "local" }, deep, again: mending });
    let last: Inspection | undefined = await inspector.inspect();
    const repairs: Repair[] = [];
    const seen = new Map(last.findings.map((finding) => [identityOf(finding), finding]));
    const known = new Set<string>();
    // What came back in one round uncovers what stands on it. What a disk damages each time anew ends after the second.
    for (let isNew = mending; isNew && last.findings.length > 0; ) {
      const done = await repair(context, stores, last);
      if (done.length === 0) break;
      const before = known.size;
      for (const { what, store, key } of done) known.add(`${what} ${store} ${key}`);
      isNew = known.size > before;
      repairs.push(...done);
      // The next look holds as much as this one did.
      last = undefined;
      collectContents();
      last = await inspector.inspect();
      for (const finding of last.findings) if (!seen.has(identityOf(finding))) seen.set(identityOf(finding), finding);
    }
    const left = new Set(last.findings.map(identityOf));
    const mended = [...seen].filter(([identity]) => !left.has(identity)).map(([, finding]) => finding);
    return { checked: deep ? "deep" : "quick", stores: await summaries(last, context.signal), needed: last.facts.needs.byOid.size, findings: last.findings, mended, repairs };
  } finally {
    for (const each of [...further, ...(remote ? [remote] : []), local]) each.close();
  }
}

/** What is repaired cannot be a second copy of itself. */
async function openFurther(context: Context, named: NamedStore, repaired: readonly Store[]): Promise<FurtherStore> {
  const { endpoint } = context.settings.s3;
  const store = await FurtherStore.open(context, named);
  if (!repaired.some((each) => isSameStore(each, store.store) && named.settings.s3.endpoint === endpoint)) return store;
  store.close();
  throw new BallastError("USAGE", `--from: ${store.where} is a store that is being repaired`, { hint: "name another one, such as a backup, or the .git/ballast of another clone" });
}

function isSameStore(one: Store, other: Store): boolean {
  if (!isDirectoryStore(one) || !isDirectoryStore(other)) return one.url === other.url;
  const [a, b] = [one, other].map(({ root }) => statSync(root, { throwIfNoEntry: false, bigint: true }));
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

async function remoteFor(context: Context, where: FsckOptions["where"]): Promise<Store | undefined> {
  if (where !== "local") return openRemoteStore(context);
  // An object here may be a difference from one that is only in a directory beside it.
  return (await openStoresHere(context))[1];
}

async function summaries({ facts }: Inspection, signal: AbortSignal): Promise<CheckedStore[]> {
  const all: CheckedStore[] = [];
  for (const where of ["local", "remote"] as const) {
    const looked: Looked | undefined = facts[where];
    if (!looked?.asked) continue;
    const { survey: { store, objects, strays }, verdicts } = looked;
    all.push({
      where,
      url: where === "local" && isDirectoryStore(store) ? store.root : store.url,
      objects: objects.length,
      bytes: objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      archived: objects.filter(({ key, archived }) => archived === true || isArchived(verdicts.get(key))).length,
      temporary: strays.filter(({ kind }) => kind === "temporary").length,
      quarantine: await quarantined(store, signal),
    });
  }
  return all;
}

/** Some archives are seen by no listing. */
function isArchived(verdict: Verdict | undefined): boolean {
  return verdict?.ok === false && verdict.code === "OBJECT_ARCHIVED";
}
