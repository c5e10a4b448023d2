import type { Verdict } from "../object/check.ts";
import { EMPTY_OID, type Oid } from "../object/oid.ts";
import type { StoredObject } from "../store/port.ts";
import { decodable } from "../transfer/chains.ts";
import { identityOf, type Finding, type FindingKind, type Place } from "./finding.ts";
import type { Needed, Needs } from "./needs.ts";
import type { Survey } from "./survey.ts";

/** What decoding showed, by key; objects that were not decoded are absent. */
export type Verdicts = ReadonlyMap<string, Verdict>;

/** A store as it was found. */
export interface Looked {
  readonly survey: Survey;
  readonly verdicts: Verdicts;
  /** Whether its findings are asked for; if not, it only tells what the other one may count on. */
  readonly asked: boolean;
}

export interface Facts {
  readonly needs: Needs;
  readonly local: Looked;
  /** Undefined where it was not looked at. */
  readonly remote: Looked | undefined;
}

export interface Judgement {
  readonly findings: readonly Finding[];
  /** Keys of objects that are not what their names say, by store. */
  readonly bad: { readonly local: ReadonlySet<string>; readonly remote: ReadonlySet<string> };
}

/** Decides what is wrong, from facts alone. In the order of kinds and keys. */
export function judge({ needs, local, remote }: Facts): Judgement {
  const badThere = remote ? badObjects(remote, needs) : new Map<string, Bad>();
  const bad = { local: badObjects(local, needs, remote && { looked: remote, bad: badThere }), remote: badThere };
  const there = remote ? [remote, bad.remote] as const : undefined;
  const foundThere = there ? decodable(good(there)) : new Map<Oid, number>();
  const foundHere = decodable(good([local, bad.local], there));
  const findings = [
    ...manifestFindings(needs),
    ...objectFindings("local", local, bad.local, foundHere, needs),
    ...(remote ? objectFindings("remote", remote, bad.remote, foundThere, needs) : []),
  ];
  const told = new Set(findings.flatMap(({ store, oid }) => (oid === undefined ? [] : [`${store} ${oid}`])));
  for (const needed of needs.byOid.values()) {
    const store = lackedBy(needed, { local, remote, foundHere, foundThere });
    if (store === undefined || told.has(`${store} ${needed.oid}`) || (store === "both" && (told.has(`local ${needed.oid}`) || told.has(`remote ${needed.oid}`)))) continue;
    findings.push(missing(needed, store, foundHere.has(needed.oid)));
  }
  findings.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || (identityOf(a) < identityOf(b) ? -1 : 1));
  return { findings, bad: { local: new Set(bad.local.keys()), remote: new Set(bad.remote.keys()) } };
}

const ORDER: readonly FindingKind[] = ["manifest", "missing", "corrupt", "size", "chain", "unreadable", "obstacle", "misplaced", "unknown", "junk"];

interface Found {
  readonly local: Looked;
  readonly remote: Looked | undefined;
  /** What both stores together can give, and what the remote one can by itself. */
  readonly foundHere: ReadonlyMap<Oid, number>;
  readonly foundThere: ReadonlyMap<Oid, number>;
}

/** The store in which a content must be and is not. */
function lackedBy({ oid, published, own }: Needed, { local, remote, foundHere, foundThere }: Found): "local" | "remote" | "both" | undefined {
  if (remote?.asked && published) return foundThere.has(oid) ? undefined : "remote";
  if (foundHere.has(oid)) return undefined;
  if (remote?.asked) return "both";
  return local.asked && own ? "local" : undefined;
}

function missing({ oid, places }: Needed, store: "local" | "remote" | "both", elsewhere: boolean): Finding {
  const where = store === "both" ? "no store has it" : `the ${store} store does not have it`;
  const mend = elsewhere ? "git ballast fsck --repair, or git ballast push --all" : "git ballast push --all in a clone that has it; git ballast fsck --repair --from <another store> where one has it; or put that version of the file back at its path, and git ballast fsck --repair";
  return { kind: "missing", store, oid, detail: where, neededBy: places, mend };
}

interface Bad {
  readonly kind: "corrupt" | "size" | "unreadable" | "unknown";
  readonly detail: string;
  /** Where it is not that of the kind. */
  readonly mend?: string;
}

/** A delta counts as bad by itself only when what it stands on is good. */
function badObjects(looked: Looked, needs: Needs, other?: { readonly looked: Looked; readonly bad: ReadonlyMap<string, Bad> }): Map<string, Bad> {
  const { survey, verdicts } = looked;
  const bad = new Map<string, Bad>();
  const doubtful: StoredObject[] = [];
  for (const object of survey.objects) {
    const size = impossibleSize(object, needs);
    const verdict = verdicts.get(object.key);
    const told = verdict && !verdict.ok ? verdict : undefined;
    if (told?.code === "OBJECT_CORRUPT" && object.name.base !== undefined) doubtful.push(object);
    else if (told?.code === "OBJECT_CORRUPT") bad.set(object.key, { kind: "corrupt", detail: told.message });
    else if (told?.code === "STORE_DENIED") bad.set(object.key, { kind: "unreadable", detail: told.message });
    else if (told?.code === "STORE_UNREACHABLE") bad.set(object.key, { kind: "unreadable", detail: told.message, mend: COPY_AWAY });
    else if (told?.code === "ENCODING_UNKNOWN") bad.set(object.key, { kind: "unknown", detail: told.message });
    else if (size !== undefined && verdict?.ok !== true) bad.set(object.key, { kind: "size", detail: size });
  }
  // Those that stand on good ones first; what stands on them is judged by what is then left.
  for (let rest = doubtful; rest.length > 0; ) {
    const doubted = new Set(rest.map(({ key }) => key));
    const found = decodable(good([looked, { has: (key) => bad.has(key) || doubted.has(key) }], other && [other.looked, other.bad]));
    const own = rest.filter(({ name }) => found.has(name.base!));
    for (const { key } of own) bad.set(key, { kind: "corrupt", detail: (verdicts.get(key) as { message: string }).message });
    rest = rest.filter((object) => !own.includes(object));
    if (own.length === 0) break;
  }
  return bad;
}

/** The least that a gzip file takes, and a VCDIFF file with its header and a window. */
const LEAST = { raw: 1, gzip: 20, delta: 6, "delta+gzip": 20 } as const;

function impossibleSize({ name, sizeBytes }: StoredObject, { byOid }: Needs): string | undefined {
  if (name.oid === EMPTY_OID) return name.encoding === "raw" && sizeBytes > 0 ? `it has ${sizeBytes} bytes, and its content has none` : undefined;
  if (sizeBytes < LEAST[name.encoding]) return `it has ${sizeBytes} bytes, fewer than any object of its encoding`;
  const wanted = name.encoding === "raw" ? byOid.get(name.oid)?.sizeBytes : undefined;
  return wanted === undefined || wanted === sizeBytes ? undefined : `it has ${sizeBytes} bytes, and the manifest says ${wanted}`;
}

/** The objects of these stores that are not bad. */
function* good(...stores: readonly (readonly [looked: Looked, bad: Pick<ReadonlySet<string>, "has">] | undefined)[]): Generator<StoredObject> {
  for (const store of stores) {
    if (store === undefined) continue;
    const [{ survey }, bad] = store;
    for (const object of survey.objects) if (!bad.has(object.key)) yield object;
  }
}

function objectFindings(store: "local" | "remote", { survey, asked }: Looked, bad: ReadonlyMap<string, Bad>, found: ReadonlyMap<Oid, number>, { byOid }: Needs): Finding[] {
  if (!asked) return [];
  const findings: Finding[] = [];
  const places = (oid: Oid): readonly Place[] => byOid.get(oid)?.places ?? [];
  for (const { key, name } of survey.objects) {
    const { oid, base } = name;
    const one = bad.get(key);
    if (one) findings.push({ kind: one.kind, store, key, oid, detail: one.detail, neededBy: places(oid), mend: one.mend ?? MENDS[one.kind] });
    else if (base !== undefined && !found.has(base)) {
      findings.push({ kind: "chain", store, key, oid, detail: `it is a difference from ${base}, which cannot be had`, neededBy: places(oid), mend: MENDS.chain });
    }
  }
  for (const { key, name } of survey.misplaced) findings.push({ kind: "misplaced", store, key, oid: name.oid, detail: "the name of an object, in the wrong directory", neededBy: places(name.oid), mend: MENDS.misplaced });
  for (const { key } of survey.unknown) findings.push({ kind: "unknown", store, key, detail: "an object of an encoding that this version does not know", neededBy: [], mend: MENDS.unknown });
  for (const { key } of survey.junk) findings.push({ kind: "junk", store, key, detail: "no object", neededBy: [], mend: MENDS.junk });
  for (const { kind, place, detail } of survey.strays) if (kind === "obstacle") findings.push({ kind, store, key: place, detail, neededBy: [], mend: MENDS.obstacle });
  return findings;
}

const REPAIR = "git ballast fsck --repair";
const MENDS = {
  corrupt: `${REPAIR} keeps it aside, and takes a good copy from the other store or the worktree`,
  size: `${REPAIR} looks at it, and keeps it aside if it is damaged`,
  chain: `${REPAIR} takes what it stands on from the other store or the worktree`,
  unreadable: "give yourself the right to read it, then git ballast fsck --deep",
  misplaced: `${REPAIR} gives it its place`,
  unknown: "install a newer git-ballast; nothing else touches it",
  junk: `remove it, or ${REPAIR} keeps it aside`,
  obstacle: `${REPAIR} moves it aside`,
} as const;

/** What a disk cannot read today it may read tomorrow: nobody but its owner should move it. */
const COPY_AWAY = `check the disk; if the file is lost, move it out of the store, and ${REPAIR} brings it back from the other store or the worktree`;

function manifestFindings({ unreadable }: Needs): Finding[] {
  return unreadable.map(({ commit, error }) => ({
    kind: "manifest",
    store: "git",
    key: commit,
    detail: error.message,
    neededBy: [{ path: ".ballast/manifest.jsonl", commit }],
    mend: "nothing can mend a commit; what its manifest names is not known to anybody, cleanup included",
  }));
}
