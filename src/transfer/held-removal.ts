import { BallastError, isBallastError } from "../errors.ts";
import { listRemovals, readRemoval } from "../gc/pending.ts";
import { formatRecord, formatRecordKey, MOST_PENDING, type RemovalRecord, type Remover } from "../gc/removal-record.ts";
import { beginTerm, type Term } from "../gc/terms.ts";
import { bufferSource } from "../object/source.ts";
import type { Store } from "../store/port.ts";
import { forEachParallel } from "../util/pool.ts";

const RENEW_MS = 5 * 60 * 1000;

export interface RemovalOptions extends Remover {
  /** Whether a process of this machine runs. */
  readonly isAlive: (pid: number) => boolean;
  /** This machine's wall clock and its steady one, in milliseconds; they say how long this run has had its right. */
  readonly nowMs: () => number;
  readonly steadyMs: () => number;
  readonly concurrency: number;
  readonly signal: AbortSignal;
}

/** The right to remove objects from a store; one run has it at a time. */
export interface Removal {
  /**
   * Keys of objects that this run or one before it has asked to be removed without an answer: they may go at any moment,
   * so nobody may count on them, whether they are there or not.
   */
  readonly pending: ReadonlySet<string>;
  /**
   * Removes objects of which each oid can be decoded without, and without what is {@link pending}; or that nothing needs any
   * more. The caller has checked that after it got this right, by asking the store.
   * @throws LOCKED when somebody else has taken over, or this run has slept; what was not asked for by then stays
   */
  remove(keys: readonly string[]): Promise<void>;
  /** Tells now and then that this run is alive. @throws LOCKED when somebody else has taken over */
  renewIfDue(): Promise<void>;
  /** Gives the right back, if this run still has it. */
  release(): Promise<void>;
}

/** A record of this run. */
interface Written {
  readonly number: number;
  readonly term: Term;
  /** By this machine's clock. */
  readonly writtenMs: number;
  /** Whether all that it published was asked for and has been answered. */
  settled: boolean;
}

/** The right to remove objects, once a record of this run is the one that counts (docs/repack.md). */
export class HeldRemoval implements Removal {
  readonly #store: Store;
  readonly #options: RemovalOptions;
  readonly #pending = new Set<string>();
  #last: Written;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(store: Store, options: RemovalOptions, last: Written) {
    this.#store = store;
    this.#options = options;
    this.#last = last;
  }

  /** Writes the record of a number; undefined when somebody else has it, or a higher one. */
  static async take(store: Store, number: number, options: RemovalOptions): Promise<HeldRemoval | undefined> {
    const held = new HeldRemoval(store, options, { number: number - 1, term: beginTerm(options), writtenMs: options.nowMs(), settled: false });
    return (await held.#write({})) ? held : undefined;
  }

  get number(): number {
    return this.#last.number;
  }

  get pending(): ReadonlySet<string> {
    return this.#pending;
  }

  /** What others have left pending. */
  inherit(keys: Iterable<string>): void {
    for (const key of keys) this.#pending.add(key);
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += MOST_PENDING) await this.#inTurn(() => this.#removeSome(keys.slice(at, at + MOST_PENDING)));
  }

  renewIfDue(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#options.nowMs() - this.#last.writtenMs > RENEW_MS) await this.#publish({});
    });
  }

  async release(): Promise<void> {
    try {
      await this.#inTurn(() => this.#publish({ released: true }));
    } catch (error) {
      // After an interruption the record stays, and the next run passes over it.
      if (!this.#options.signal.aborted && !isBallastError(error, "LOCKED")) throw error;
    }
  }

  /** What is published must be the last word until all of it has been asked for. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #removeSome(keys: readonly string[]): Promise<void> {
    const { concurrency, signal } = this.#options;
    await this.#publish({ pending: keys });
    const last = this.#last;
    let settled = true;
    try {
      await forEachParallel(keys, concurrency, async (key, siblings) => {
        let unanswered = 0;
        const asked = this.#pending.has(key);
        const beforeTry = (): void => {
          requireCurrent(last.term, this.#store);
          unanswered += 1;
          this.#pending.add(key);
        };
        try {
          await this.#store.remove(key, siblings, beforeTry);
          unanswered -= 1;
        } finally {
          if (unanswered > 0) settled = false;
          else if (!asked) this.#pending.delete(key);
        }
      }, signal);
    } finally {
      last.settled = settled;
    }
  }

  /** @throws LOCKED when somebody else has taken over */
  async #publish(changes: Partial<RemovalRecord>): Promise<void> {
    const before = this.#last;
    if (!(await this.#write(changes))) {
      throw new BallastError("LOCKED", `another run has taken over the removal of objects from ${this.#store.url}`, { hint: "run the same command again once that one has ended" });
    }
    // What may still go is told by the record that published it, until that has lapsed.
    if (before.settled) await this.#store.remove(formatRecordKey(before.number), this.#options.signal);
  }

  /** First told, then looked: whoever takes over either reads this, or is seen here. */
  async #write(changes: Partial<RemovalRecord>): Promise<boolean> {
    const { nonce, host, pid, what, signal } = this.#options;
    const number = this.#last.number + 1;
    const [term, writtenMs] = [beginTerm(this.#options), this.#options.nowMs()];
    const record: RemovalRecord = { nonce, host, pid, what, released: false, pending: [], ...changes };
    const bytes = formatRecord(record);
    await this.#store.write(formatRecordKey(number), bufferSource(bytes), signal);
    // What the store answers may be about an earlier try of ours: the record itself tells.
    const [highest] = await listRemovals(this.#store, signal);
    const there = highest?.number === number ? await readRemoval(this.#store, number, signal) : undefined;
    if (there === undefined || !formatRecord(there).equals(bytes)) return false;
    this.#last = { number, term, writtenMs, settled: record.pending.length === 0 };
    return true;
  }
}

/** @throws LOCKED */
function requireCurrent(term: Term, store: Store): void {
  if (term.isCurrent()) return;
  throw new BallastError("LOCKED", `this run has slept, or has taken too long to remove objects from ${store.url}: another may have taken over`, {
    hint: "run the same command again; it goes on with what is left",
  });
}
