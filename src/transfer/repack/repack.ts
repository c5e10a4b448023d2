import type { Report } from "../../events.ts";
import { isBallastError, type BallastError } from "../../errors.ts";
import { chooseBases, type Candidate } from "../../delta/plan.ts";
import type { Oid } from "../../object/oid.ts";
import type { Store, StoredObject } from "../../store/port.ts";
import { catalogueOf, type Catalogue } from "../chains.ts";
import { Budget } from "../../util/budget.ts";
import { forEachAfter } from "../in-order.ts";
import { acceptableDelta, acceptableWhole, type Rules } from "./judge.ts";
import { Model } from "./model.ts";
import { turnsOf } from "./order.ts";
import type { Replacements } from "./replacements.ts";
import type { Settled } from "./settled.ts";
import type { Version } from "./versions.ts";
import { wholeBytes, wouldShrink, type WholeDraft } from "./whole.ts";
import type { Workshop } from "./workshop.ts";

export interface RepackOptions extends Rules {
  readonly workshop: Workshop;
  /** What removes the old objects; undefined: nothing is written, and what would be is told. */
  readonly replacements: Replacements | undefined;
  /** What earlier runs have found to stay, and where this one notes it; default: nothing is known or noted. */
  readonly settled?: Settled | undefined;
  readonly concurrency: number;
  readonly report: Report;
  readonly signal: AbortSignal;
}

export interface Repacked {
  /** Versions that the store has. */
  readonly examined: number;
  /** Those that got another object. */
  readonly rewritten: number;
  /** Those that had more than one object, of which the best was kept. */
  readonly cleared: number;
  /** Objects that have a better one and stay for now, since that may still go by a request that had no answer. */
  readonly waiting: number;
  /** What the objects of the examined versions took, and take now. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Versions that the store cannot decode, or not without its archive. */
  readonly skipped: number;
  /** Versions that could not be read, and why; they stay as they were. */
  readonly failed: readonly { readonly oid: Oid; readonly path: string; readonly why: string }[];
}

/**
 * Gives each version the object that the rules would have made, by the protocol of docs/repack.md.
 * @param versions oldest first
 * @throws LOCKED when another run has taken over; what the store throws
 */
export async function repack(store: Store, versions: readonly Version[], options: RepackOptions): Promise<Repacked> {
  const { report, signal, concurrency } = options;
  const catalogue = await catalogueOf(store, versions.map(({ oid }) => oid), signal);
  const turns = turnsOf(versions, catalogue);
  const run = new Run(catalogue, new Map(turns.map(({ oid }, index) => [oid, index])), options);
  report({ kind: "start", op: "repack", totalFiles: versions.length, totalBytes: versions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) });
  let ok = false;
  try {
    await forEachAfter(turns, concurrency, ({ version }, siblings) => run.version(version, siblings), signal);
    await options.replacements?.flush();
    ok = true;
  } finally {
    report({ kind: "end", op: "repack", ok });
  }
  return run.result();
}

const MIB = 1024 ** 2;
/** Enough for one large content to be read and one to be written while a third is encoded, or for many small ones. */
const AT_WORK_BYTES = 24 * MIB;
const MOST_EACH_BYTES = AT_WORK_BYTES / 3;
/** Of anything, however small. */
const LEAST_EACH_BYTES = MIB / 2;

class Run {
  /** What the store will hold, and what it holds. */
  readonly #model: Model;
  readonly #actual: Model;
  readonly #turns: ReadonlyMap<Oid, number>;
  readonly #options: RepackOptions;
  readonly #atWork = new Budget(AT_WORK_BYTES);
  #examined = 0;
  #rewritten = 0;
  #cleared = 0;
  #bytesBefore = 0;
  #bytesAfter = 0;
  #skipped = 0;
  readonly #failed: { oid: Oid; path: string; why: string }[] = [];

  /** @param turns the place of each version in the order of work */
  constructor(catalogue: Catalogue, turns: ReadonlyMap<Oid, number>, options: RepackOptions) {
    this.#model = new Model(catalogue);
    this.#actual = new Model(catalogue);
    this.#turns = turns;
    this.#options = options;
  }

  result(): Repacked {
    const waiting = this.#options.replacements?.waiting ?? [];
    return {
      examined: this.#examined,
      rewritten: this.#rewritten,
      cleared: this.#cleared,
      waiting: waiting.length,
      bytesBefore: this.#bytesBefore,
      bytesAfter: this.#bytesAfter + total(waiting),
      skipped: this.#skipped,
      failed: this.#failed,
    };
  }

  /** Always true: what comes after a version does not depend on it. */
  async version(version: Version, signal: AbortSignal): Promise<true> {
    const { oid, path, sizeBytes } = version;
    const before = this.#model.objectsOf(oid);
    if (before.some(({ archived }) => archived) || this.#model.chainOf(oid) === undefined) {
      this.#skipped += 1;
      return true;
    }
    let how: "done" | "present" | "kept" = "present";
    try {
      const kept = acceptableDelta(version, (base) => this.#candidate(base, oid), this.#model.objectsOf(oid), this.#options);
      if (kept) await this.#settle(oid, kept, before);
      else if (!(await this.#stays(version, before))) how = await this.#remake(version, before, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!isBadObject(error)) throw error;
      this.#failed.push({ oid, path, why: error.message });
      how = "kept";
    }
    const after = this.#model.objectsOf(oid);
    this.#examined += 1;
    if (how === "done") this.#rewritten += 1;
    else if (after.length < before.length) this.#cleared += 1;
    this.#bytesBefore += total(before);
    this.#bytesAfter += total(after);
    this.#options.report({ kind: "file", op: "repack", path, oid, bytes: sizeBytes, storedBytes: total(after), how });
    await this.#options.replacements?.flushIfMany();
    return true;
  }

  /** A base whose whole chain is settled, or none of this run's business: so the bounds that hold now hold at the end. */
  #candidate(base: Oid, oid: Oid): Candidate | undefined {
    const candidate = this.#model.candidate(base, oid);
    const isSettled = (link: { readonly oid: Oid }): boolean => (this.#turns.get(link.oid) ?? -1) < this.#turns.get(oid)!;
    return candidate && [candidate, ...candidate.ancestors].every(isSettled) ? candidate : undefined;
  }

  /** The version before it, where a delta against that is thought of. */
  #baseOf({ oid, previous, path }: Version): Candidate | undefined {
    return previous !== undefined && this.#options.mayDelta(path) ? this.#candidate(previous, oid) : undefined;
  }

  /** Whether the only object of a version is as good as can be, told without all of its content. */
  async #stays(version: Version, before: readonly StoredObject[]): Promise<boolean> {
    const { settled, compression, policy, workshop } = this.#options;
    const [only] = before;
    if (only === undefined || before.length > 1) return false;
    // A file that was cut off shows in the listing.
    if (only.name.encoding === "raw" && only.sizeBytes !== version.sizeBytes) return false;
    const base = this.#baseOf(version);
    if (settled?.has(only, base) === true) return true;
    if (acceptableWhole(before, compression, () => false) === undefined) return false;
    if (base !== undefined && chooseBases(only.sizeBytes, [base], policy).length > 0) return false;
    if (acceptableWhole(before, compression, () => true) !== undefined) return true;
    if (await workshop.wouldShrink(only)) return false;
    settled?.add(only, base);
    return true;
  }

  async #remake(version: Version, before: readonly StoredObject[], signal: AbortSignal): Promise<"done" | "present"> {
    const base = this.#baseOf(version);
    const { made, ok } = await this.#atWork.use(Math.max(LEAST_EACH_BYTES, Math.min(MOST_EACH_BYTES, version.sizeBytes)), signal, () => this.#make(version, before, base));
    const isNew = !before.some(({ key }) => key === made.key);
    if (!isNew && before.length === 1 && ok) this.#options.settled?.add(before[0]!, base);
    this.#model.add(made);
    await this.#settle(version.oid, made, before);
    return isNew ? "done" : "present";
  }

  /** The object that a version should have; not `ok` where something kept a base from being used. */
  async #make({ oid }: Version, before: readonly StoredObject[], base: Candidate | undefined): Promise<{ made: StoredObject; ok: boolean }> {
    const { workshop, compression, report } = this.#options;
    let ok = true;
    // What is planned is not always there: nothing is, in a rehearsal.
    const made = await workshop.withContents((one) => this.#actual.chainOf(one), async (open) => {
      const content = await open(oid);
      try {
        const whole = acceptableWhole(before, compression, () => wouldShrink(content));
        const fullBytes = whole?.sizeBytes ?? wholeBytes(content, compression);
        const onTrouble = (message: string): void => {
          ok = false;
          report({ kind: "warning", message });
        };
        const delta = base && (await workshop.draftDelta({ oid, content, fullBytes }, [base], open, onTrouble));
        if (delta) return await this.#publish(delta);
        return whole ?? (await this.#publish(await workshop.draftWhole(oid, content)));
      } finally {
        content.close();
      }
    });
    return { made, ok };
  }

  async #publish(draft: WholeDraft): Promise<StoredObject> {
    const { replacements, workshop } = this.#options;
    if (!replacements) {
      draft.file.discard();
      return workshop.describe(draft);
    }
    const object = await workshop.publish(draft);
    this.#actual.add(object);
    return object;
  }

  /** Lets one object stay and the others go; at once in the model, so that what is decided next counts with it. */
  async #settle(oid: Oid, kept: StoredObject, before: readonly StoredObject[]): Promise<void> {
    const going = before.filter(({ key }) => key !== kept.key);
    // What was made was decoded; what was there may have rotted, and what goes may be all that is good.
    if (going.length > 0 && going.length < before.length) await this.#options.workshop.verify(kept, (one) => this.#actual.chainOf(one));
    this.#model.remove(going);
    if (this.#model.chainOf(oid) === undefined) {
      for (const object of going) this.#model.add(object);
      return;
    }
    this.#options.replacements?.add(going, () => this.#actual.remove(going));
  }
}

function isBadObject(error: unknown): error is BallastError {
  return isBallastError(error, "OBJECT_MISSING", "OBJECT_CORRUPT", "ENCODING_UNKNOWN");
}

function total(objects: readonly StoredObject[]): number {
  return objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
