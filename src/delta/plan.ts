/*
 * Which contents a new one may be stored against, and whether the result is kept. Pure: sizes in, decisions out.
 *
 * Three bounds always hold for what is kept: the delta is at most `maxRatio` of the full encoding; at most `maxDepth`
 * deltas stand on each other; and what a fresh clone fetches for the content, its own object and those of all its
 * bases, is at most `maxChainRatio` times the full encoding. docs/decisions/0013-delta-bases.md has the figures
 * behind the constants.
 */
import type { DeltaSettings } from "../config/settings.ts";
import type { Oid } from "../object/oid.ts";

/** A content that could be a base. */
export interface Link {
  readonly oid: Oid;
  /** Deltas that restoring it applies; 0 when it is stored whole. */
  readonly depth: number;
  /** Bytes that restoring it fetches: its own object and those of its bases. */
  readonly chainBytes: number;
}

export interface Candidate extends Link {
  /** What it is to the new content: the last version of the path, the content of a path that vanished, or a look-alike. */
  readonly why: "version" | "renamed" | "similar";
  /** Bytes to fetch before it can be read on this machine; 0 when it is here. */
  readonly fetchBytes: number;
  /** What it stands on, nearest first; the last one is whole. Empty when it is whole itself. */
  readonly ancestors: readonly Link[];
}

export interface DeltaPolicy {
  readonly maxRatio: number;
  readonly maxDepth: number;
  readonly maxChainRatio: number;
  /** Below this size of the full encoding no delta is worth a chain. */
  readonly minFullBytes: number;
  /** Bases that are tried for one content. */
  readonly maxAttempts: number;
  /** The estimated share of common content below which encoding is not begun. */
  readonly minShared: number;
  /** Samples overlook what is shared in small pieces: the delta may turn out this much smaller than they say. */
  readonly optimism: number;
  /** How much better gzip may do on a delta than on the content itself. */
  readonly gzipGain: number;
  /** What the delta against a base is taken for, as a share of the full encoding, before the base was seen. */
  readonly expectedRatio: number;
  /** What a byte that a clone fetches for the content costs, against one that the store keeps. */
  readonly fetchWeight: number;
  /** A shorter chain is tried when that alone would be worth such a share of the delta at hand … */
  readonly minGain: number;
  /** … and such a share of the full encoding. */
  readonly minGainOfFull: number;
  /** Bytes that may be fetched for each byte that is neither uploaded nor kept. */
  readonly fetchWorth: number;
}

/** The policy behind the settings. */
export function policyOf({ maxRatio, maxDepth }: Pick<DeltaSettings, "maxRatio" | "maxDepth">): DeltaPolicy {
  return {
    maxRatio,
    maxDepth,
    maxChainRatio: 2,
    minFullBytes: 4096,
    maxAttempts: 3,
    minShared: 0.05,
    // Binaries of esbuild 0.25.0 and 0.25.1: samples say that 21 % differ, and the delta takes 13 %.
    optimism: 2,
    gzipGain: 1.5,
    expectedRatio: 0.25,
    fetchWeight: 0.1,
    minGain: 0.25,
    minGainOfFull: 0.01,
    // An upload saved is a fetch's worth, and so is the place in the store.
    fetchWorth: 2,
  };
}

/** A base to try, and what the delta against it may take. */
export interface Attempt {
  readonly base: Oid;
  readonly why: Candidate["why"];
  /** The depth of the delta that would come of it. */
  readonly depth: number;
  /** Bytes that restoring the base fetches. */
  readonly chainBytes: number;
  /** The most bytes that the delta may take in the store. */
  readonly limitBytes: number;
}

/**
 * The bases to try, one after the other; when none is accepted, the content is stored whole and begins a new chain.
 * @param fullBytes what the content's full encoding takes, as far as it is known
 * @param candidates the preferred ones first; of two with one oid the first counts
 */
export function chooseBases(fullBytes: number, candidates: readonly Candidate[], policy: DeltaPolicy): Attempt[] {
  const attempts = new Map<Oid, Attempt>();
  if (fullBytes < policy.minFullBytes) return [];
  for (const candidate of candidates) {
    if (!isWorthFetching(candidate.fetchBytes, fullBytes, policy)) continue;
    for (const attempt of attemptsAt(candidate, fullBytes, policy)) if (!attempts.has(attempt.base)) attempts.set(attempt.base, attempt);
  }
  return [...attempts.values()].slice(0, policy.maxAttempts);
}

/** Whether a base that is only in a remote store is worth its transfer. */
export function isWorthFetching(fetchBytes: number, fullBytes: number, { fetchWorth, expectedRatio }: DeltaPolicy): boolean {
  return fetchBytes <= fetchWorth * (1 - expectedRatio) * fullBytes;
}

/** Whether encoding is worth the time, once samples of content and base were compared. @param shared from 0 to 1 */
export function isPromising(shared: number, fullBytes: number, { limitBytes }: Pick<Attempt, "limitBytes">, { minShared, optimism }: DeltaPolicy): boolean {
  return shared >= minShared && (1 - shared) * fullBytes <= limitBytes * optimism;
}

/**
 * Where the encoder gives up: the most bytes of a delta that is not gzipped yet. New parts of content are compressed
 * about as well as the whole is.
 */
export function encoderLimit({ limitBytes }: Pick<Attempt, "limitBytes">, { sizeBytes, fullBytes }: { sizeBytes: number; fullBytes: number }, { gzipGain }: DeltaPolicy): number {
  return Math.min(sizeBytes, Math.ceil((limitBytes * gzipGain * sizeBytes) / fullBytes));
}

/** A delta that is small enough to be kept. */
export interface Kept {
  readonly chainBytes: number;
  readonly deltaBytes: number;
}

/**
 * The most that another attempt's delta may take to be better than the one at hand; 0 when it is not worth the time.
 * What counts is what the store keeps and, with a smaller weight, what a clone fetches.
 */
export function limitAfter({ deltaBytes, chainBytes }: Kept, attempt: Pick<Attempt, "limitBytes" | "chainBytes">, fullBytes: number, policy: DeltaPolicy): number {
  const { fetchWeight, minGain, minGainOfFull } = policy;
  const gain = fetchWeight * (chainBytes - deltaBytes - attempt.chainBytes);
  if (gain < Math.max(minGain * deltaBytes, minGainOfFull * fullBytes)) return 0;
  return Math.min(attempt.limitBytes, Math.floor(deltaBytes + gain / (1 + fetchWeight)));
}

/** Whether a delta of so many bytes is kept. @param fullBytes as it is known now; it may have been estimated before */
export function accepts(attempt: Pick<Attempt, "depth" | "chainBytes">, deltaBytes: number, fullBytes: number, policy: DeltaPolicy): boolean {
  return attempt.depth <= policy.maxDepth && deltaBytes <= roomOf(attempt.chainBytes, fullBytes, policy);
}

/** What a delta may take on top of a chain: a bound on itself, and one on what a clone fetches. */
function roomOf(chainBytes: number, fullBytes: number, { maxRatio, maxChainRatio }: DeltaPolicy): number {
  return Math.floor(Math.min(maxRatio * fullBytes, maxChainRatio * fullBytes - chainBytes));
}

/** The candidate itself, and the whole object that its chain begins with: the one base that costs a clone least. */
function* attemptsAt({ why, ancestors, ...itself }: Candidate, fullBytes: number, policy: DeltaPolicy): Generator<Attempt> {
  for (const { oid, depth, chainBytes } of [itself, ...ancestors.slice(-1)]) {
    const limitBytes = roomOf(chainBytes, fullBytes, policy);
    if (depth < policy.maxDepth && limitBytes > 0) yield { base: oid, why, depth: depth + 1, chainBytes, limitBytes };
  }
}
