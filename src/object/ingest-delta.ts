import { readFileSync } from "node:fs";
import type { CompressionSettings } from "../config/settings.ts";
import { decodeDelta, decodeDeltaWhole } from "../delta/decode.ts";
import type { encodeDelta } from "../delta/encode.ts";
import { accepts, chooseBases, encoderLimit, isPromising, limitAfter, type Attempt, type Candidate, type DeltaPolicy, type Kept } from "../delta/plan.ts";
import { BallastError, isBallastError } from "../errors.ts";
import type { DirectoryStore } from "../store/directory.ts";
import type { TemporaryFile } from "../store/temporary.ts";
import { readFileChunks } from "../util/file-chunks.ts";
import type { RandomAccess } from "../util/random-access.ts";
import { gunzip, gunzipWhole, gzip, gzipWhole } from "./gzip.ts";
import type { ObjectName } from "./name.ts";
import { OidHasher, oidOf, type Oid } from "./oid.ts";
import type { PresentObjects } from "./present.ts";
import { isWorthwhile } from "./sample.ts";
import { SMALL_BYTES } from "./stable-file.ts";

/** A content that a new one may be stored against. */
export interface BaseHint {
  readonly oid: Oid;
  readonly why: Candidate["why"];
}

/** What making deltas takes: the rules, the encoder, and the contents of bases. */
export interface DeltaTools {
  readonly policy: DeltaPolicy;
  /** The content of a base, which need not be verified; the caller closes it. @throws OBJECT_MISSING, OBJECT_CORRUPT … */
  open(base: Oid): Promise<RandomAccess>;
  /** As `estimateShared`: a share from 0 to 1. */
  estimate(target: RandomAccess, base: RandomAccess): number;
  readonly encode: typeof encodeDelta;
}

export interface DeltaContext {
  readonly store: DirectoryStore;
  readonly compression: CompressionSettings;
  readonly tools: DeltaTools;
  readonly signal?: AbortSignal | undefined;
  /** Told why a base that should have done could not be used. */
  readonly onTrouble?: ((message: string) => void) | undefined;
}

/** A delta in a temporary file, decoded once and found right. */
export interface DeltaDraft {
  readonly name: ObjectName;
  readonly storedBytes: number;
  readonly file: TemporaryFile;
}

/** Bases that are looked at for one content: each may have to be decoded first. */
const MOST_HINTS = 8;
/** A delta up to this size is gzipped in memory, and as well as can be. */
const WHOLE_BYTES = 8 * 1024 * 1024;
const BEST_LEVEL = 9;

/** The hints whose content can be read on this machine. A chain that passes through the content itself is of no use. */
export function candidatesOf(hints: readonly BaseHint[], present: PresentObjects, oid?: Oid): Candidate[] {
  return hints.slice(0, MOST_HINTS).flatMap(({ oid: base, why }) => {
    const chain = base === oid ? undefined : present.chain(base);
    if (chain === undefined || chain.some((link) => link.oid === oid)) return [];
    const [link, ...ancestors] = chain;
    return [{ ...link, why, fetchBytes: 0, ancestors }];
  });
}

/**
 * Makes a delta of some content, against the candidate that gives the one most worth keeping. A base that fails
 * in whatever way is passed over: nothing depends on it.
 * @param target stays open; what it throws is thrown
 * @param fullBytes what the content takes as a whole object, or about that
 * @returns undefined when the content is to be stored whole
 * @throws DISK_FULL, STORE_READ_ONLY, the signal's reason
 */
export async function draftDelta(
  target: { readonly oid: Oid; readonly content: RandomAccess; readonly fullBytes: number },
  candidates: readonly Candidate[],
  context: DeltaContext,
): Promise<DeltaDraft | undefined> {
  const { policy } = context.tools;
  const content = watched(target.content);
  let best: (DeltaDraft & Kept) | undefined;
  try {
    for (const attempt of chooseBases(target.fullBytes, await ranked(content, candidates, context), policy)) {
      const limitBytes = best ? limitAfter(best, attempt, target.fullBytes, policy) : attempt.limitBytes;
      if (limitBytes <= 0) continue;
      const draft = await withBase(attempt.base, content, context, async (base) => {
        if (!isPromising(context.tools.estimate(content, base), target.fullBytes, { limitBytes }, policy)) return undefined;
        return encodeAgainst(base, { ...attempt, limitBytes }, { ...target, content }, context);
      });
      if (!draft) continue;
      best?.file.discard();
      best = { ...draft, chainBytes: attempt.chainBytes + draft.storedBytes, deltaBytes: draft.storedBytes };
    }
  } catch (error) {
    best?.file.discard();
    throw error;
  }
  return best;
}

/** Versions first, then whatever has most in common with the content. */
async function ranked(content: Watched, candidates: readonly Candidate[], context: DeltaContext): Promise<readonly Candidate[]> {
  const others = candidates.filter(({ why }) => why !== "version");
  if (others.length < 2) return candidates;
  const shares = new Map<Candidate, number>();
  for (const candidate of others) {
    const share = await withBase(candidate.oid, content, context, async (base) => context.tools.estimate(content, base));
    if (share !== undefined) shares.set(candidate, share);
  }
  return [...candidates.filter(({ why }) => why === "version"), ...[...shares.keys()].sort((a, b) => shares.get(b)! - shares.get(a)!)];
}

async function encodeAgainst(
  base: RandomAccess,
  attempt: Attempt,
  { oid, content, fullBytes }: { oid: Oid; content: RandomAccess; fullBytes: number },
  context: DeltaContext,
): Promise<DeltaDraft | undefined> {
  const { store, compression, tools, signal } = context;
  const header = { oid, base: attempt.base };
  const gzipped = compression.mode !== "never";
  const limitBytes = gzipped ? encoderLimit(attempt, { sizeBytes: content.sizeBytes, fullBytes }, tools.policy) : attempt.limitBytes;
  const plain = store.temporary();
  let file: TemporaryFile = plain;
  try {
    const hasher = new OidHasher();
    const seeBase = (bytes: Uint8Array): void => hasher.update(bytes);
    if (!(await tools.encode(content, base, (bytes) => append(store, plain, bytes), { header, limitBytes, seeBase, signal }))) return drop(plain);
    // A base that has rotted would make a delta that decodes here, and nowhere else.
    if (hasher.digest() !== attempt.base) throw new BallastError("OBJECT_CORRUPT", `object ${attempt.base} is damaged`);
    const smaller = gzipped ? await compressed(plain, context) : undefined;
    if (smaller) plain.discard();
    file = smaller ?? plain;
    const storedBytes = file.sizeBytes;
    if (storedBytes > attempt.limitBytes || !accepts(attempt, storedBytes, fullBytes, tools.policy)) return drop(file);
    const name: ObjectName = { oid, encoding: smaller ? "delta+gzip" : "delta", base: attempt.base };
    if (!(await makes(oid, file, name, base, { sizeBytes: content.sizeBytes, signal }))) {
      throw new BallastError("OBJECT_CORRUPT", `a delta of ${oid} against ${attempt.base} does not make it again`);
    }
    return { name, storedBytes, file };
  } catch (error) {
    file.discard();
    plain.discard();
    throw error;
  }
}

function drop(file: TemporaryFile): undefined {
  file.discard();
}

/** The same bytes gzipped, in another temporary file; undefined when that saves next to nothing. */
async function compressed(file: TemporaryFile, { store, compression, signal }: DeltaContext): Promise<TemporaryFile | undefined> {
  const { engine, level } = compression;
  const plainBytes = file.sizeBytes;
  const result = store.temporary();
  try {
    if (plainBytes <= WHOLE_BYTES) await append(store, result, gzipWhole(readFileSync(file.path), { engine, level: BEST_LEVEL }));
    else for await (const chunk of gzip(readFileChunks(file.path, {}, signal), { engine, level })) await append(store, result, chunk);
    if (isWorthwhile(plainBytes, result.sizeBytes)) return result;
  } catch (error) {
    result.discard();
    throw error;
  }
  return drop(result);
}

/** Whether what was written makes the content of the oid again. */
async function makes(oid: Oid, file: TemporaryFile, name: ObjectName, base: RandomAccess, { sizeBytes, signal }: { sizeBytes: number; signal: AbortSignal | undefined }): Promise<boolean> {
  const options = { limitBytes: sizeBytes, expect: { oid, base: name.base! }, ...(signal ? { signal } : {}) };
  if (sizeBytes <= SMALL_BYTES) {
    const whole = readFileSync(file.path);
    return oidOf(decodeDeltaWhole(name.encoding === "delta" ? whole : gunzipWhole(whole), base, options)) === oid;
  }
  const bytes = readFileChunks(file.path, {}, signal);
  const hasher = new OidHasher();
  for await (const chunk of decodeDelta(name.encoding === "delta" ? bytes : gunzip(bytes), base, options)) hasher.update(chunk);
  return hasher.digest() === oid;
}

async function append(store: DirectoryStore, file: TemporaryFile, bytes: Uint8Array): Promise<void> {
  try {
    await file.write(bytes);
  } catch (error) {
    throw new WriteFailed(store.writeFailure(error));
  }
}

/** The store cannot be written, which no other base would change. */
class WriteFailed extends Error {
  constructor(cause: unknown) {
    super("the store cannot be written", { cause });
  }
}

interface Watched extends RandomAccess {
  /** What reading it threw. */
  failure: { readonly error: unknown } | undefined;
}

function watched(content: RandomAccess): Watched {
  const access: Watched = {
    sizeBytes: content.sizeBytes,
    failure: undefined,
    read(into, position) {
      try {
        content.read(into, position);
      } catch (error) {
        access.failure = { error };
        throw error;
      }
    },
    close: () => {},
  };
  return access;
}

/** Works with a base. When that fails, and it is not for the content itself, the store or an abort, it was the base. */
async function withBase<T>(oid: Oid, content: Watched, { tools, signal, onTrouble }: DeltaContext, work: (base: RandomAccess) => Promise<T>): Promise<T | undefined> {
  let base: RandomAccess | undefined;
  try {
    base = await tools.open(oid);
    return await work(base);
  } catch (error) {
    signal?.throwIfAborted();
    if (content.failure) throw content.failure.error;
    if (error instanceof WriteFailed) throw error.cause;
    // A commit never fails for want of a base: whatever it was, the content can be stored whole.
    onTrouble?.(isBallastError(error) ? error.message : `no delta against ${oid}: ${String(error)}`);
    return undefined;
  } finally {
    base?.close();
  }
}
