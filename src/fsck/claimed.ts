import type { Context } from "../context.ts";
import { Claim } from "../gc/claim.ts";
import { waitForSweeps } from "../gc/sweeps.ts";
import { thisRun } from "../gc/this-run.ts";
import { cloneItself } from "../git/identity.ts";
import type { Oid } from "../object/oid.ts";
import type { Store } from "../store/port.ts";

/** What a repair has claimed in a store, as a push does (docs/cleanup.md, P1 and P2), so that no cleanup removes it meanwhile. */
export class Claimed {
  readonly #context: Context;
  readonly #store: Store;
  readonly #oids = new Set<Oid>();

  constructor(context: Context, store: Store) {
    this.#context = context;
    this.#store = store;
  }

  /**
   * Claims what is not claimed yet, and waits for cleanups that are removing it.
   * @returns whether there was any; then what is in the store must be looked at again
   * @throws LOCKED when a cleanup takes too long; what the store throws
   */
  readonly add = async (oids: Iterable<Oid>): Promise<boolean> => {
    const { repository, report, signal } = this.#context;
    const fresh = new Set([...oids].filter((oid) => !this.#oids.has(oid)));
    if (fresh.size === 0) return false;
    const run = thisRun();
    const claim = await Claim.make(this.#store, { repository: cloneItself(repository), oids: fresh, run, signal });
    await waitForSweeps(this.#store, fresh, { claim, run, report, signal });
    for (const oid of fresh) this.#oids.add(oid);
    return true;
  };
}
