import type { Store, StoredObject } from "../../store/port.ts";
import { decodableWithout, type Removal } from "../removal.ts";

/** So many are removed together. */
const MANY = 64;

interface Going {
  readonly objects: readonly StoredObject[];
  readonly gone: () => void;
}

/** Objects that are to go because better ones are there; removed some dozens at a time, after a look at the store. */
export class Replacements {
  readonly #store: Store;
  readonly #removal: Removal;
  readonly #signal: AbortSignal;
  #going: Going[] = [];
  #flushing: Promise<void> = Promise.resolve();
  readonly #waiting: StoredObject[] = [];

  constructor(store: Store, removal: Removal, signal: AbortSignal) {
    this.#store = store;
    this.#removal = removal;
    this.#signal = signal;
  }

  /** @param gone called when nobody should count on them any more */
  add(objects: readonly StoredObject[], gone: () => void): void {
    if (objects.length > 0) this.#going.push({ objects, gone });
  }

  /** Objects that stay for now: what stands in for them may itself go by a request that had no answer, or is gone. */
  get waiting(): readonly StoredObject[] {
    return this.#waiting;
  }

  async flushIfMany(): Promise<void> {
    if (this.#going.length >= MANY) await this.flush();
    await this.#removal.renewIfDue();
  }

  /** Removes what was added, if the store can decode each oid without. @throws LOCKED; what the store throws */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#flush());
    return this.#flushing;
  }

  async #flush(): Promise<void> {
    const going = this.#going.splice(0);
    if (going.length === 0) return;
    const keys = new Set(going.flatMap(({ objects }) => objects.map(({ key }) => key)));
    const spare = await decodableWithout(this.#store, new Set([...keys, ...this.#removal.pending]), this.#signal);
    const safe: Going[] = [];
    for (const one of going) {
      if (spare.has(one.objects[0]!.name.oid)) safe.push(one);
      else this.#waiting.push(...one.objects);
    }
    for (const { gone } of safe) gone();
    await this.#removal.remove(safe.flatMap(({ objects }) => objects.map(({ key }) => key)));
  }
}
