import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
import { isUnreadable } from "../object/check.ts";
import { Contents } from "../object/contents.ts";
import { verify, type OpenBase } from "../object/encodings.ts";
import type { ObjectName } from "../object/name.ts";
import { OidHasher, type Oid } from "../object/oid.ts";
import { isDirectoryStore, type DirectoryStore } from "../store/directory.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { easiestWays } from "../transfer/chains.ts";
import { openScratch } from "./inspect.ts";

export interface LookOptions {
  /** Directory stores that may hold bases beside the store itself. */
  readonly others: readonly DirectoryStore[];
  /** The store's objects that bases may be taken from. */
  readonly good: readonly StoredObject[];
}

/** Reads objects a second time, before anything is done to them: what was wrong may have been the reading. */
export class SecondLook {
  readonly signal: AbortSignal;
  /** Opens a content, verified. */
  readonly openBase: OpenBase;
  /** Gives back what was fetched. */
  readonly close: () => void;
  readonly #store: Store;

  private constructor(store: Store, signal: AbortSignal, openBase: OpenBase, close: () => void) {
    this.#store = store;
    this.signal = signal;
    this.openBase = openBase;
    this.close = close;
  }

  static async open(context: Context, store: Store, { others, good }: LookOptions): Promise<SecondLook> {
    const { signal } = context;
    if (isDirectoryStore(store)) {
      const contents = new Contents([store, ...others], { signal });
      return new SecondLook(store, signal, (oid) => contents.open(oid, { verified: true }), () => contents.close());
    }
    const scratch = await openScratch(context);
    const contents = new Contents([scratch.store, ...others], { temporaryIn: scratch.store, signal });
    const verified: OpenBase = (oid) => contents.open(oid, { verified: true });
    const chainOf = chains(good);
    const openBase: OpenBase = async (oid) => {
      const chain = chainOf(oid);
      await scratch.fetch(store, chain, { openBase: verified, signal });
      // What is open stays readable.
      return verified(oid).finally(() => scratch.release(chain));
    };
    const close = (): void => {
      contents.close();
      scratch.close();
    };
    return new SecondLook(store, signal, openBase, close);
  }

  /** Whether an object does not decode to what its name says, although its base is good. */
  async isDamaged({ name, key }: StoredObject): Promise<boolean> {
    // What cannot be had is not this object's fault.
    if (name.base !== undefined && !(await this.canDecode(name.base))) return false;
    try {
      await verify(name, this.#store.read(key, undefined, this.signal), { openBase: this.openBase, signal: this.signal });
      return false;
    } catch (error) {
      if (isBallastError(error, "OBJECT_CORRUPT")) return true;
      // What cannot be read may be good.
      if (isBallastError(error, "OBJECT_MISSING", "OBJECT_ARCHIVED", "ENCODING_UNKNOWN") || isUnreadable(error)) return false;
      throw error;
    }
  }

  /** Whether there is a good way to a content. */
  async canDecode(oid: Oid): Promise<boolean> {
    try {
      (await this.openBase(oid)).close();
      return true;
    } catch (error) {
      if (isBallastError(error, "OBJECT_CORRUPT", "OBJECT_MISSING", "OBJECT_ARCHIVED", "ENCODING_UNKNOWN") || isUnreadable(error)) return false;
      throw error;
    }
  }

  /** The name that the bytes of a raw object should have. */
  async actualName({ name, key }: StoredObject): Promise<ObjectName | undefined> {
    if (name.encoding !== "raw") return undefined;
    const hasher = new OidHasher();
    for await (const chunk of this.#store.read(key, undefined, this.signal)) hasher.update(chunk);
    return { oid: hasher.digest(), encoding: "raw" };
  }
}

/** The objects that decode a content, bases first; none where it cannot be decoded. */
function chains(objects: readonly StoredObject[]): (oid: Oid) => StoredObject[] {
  const catalogue = new Map<Oid, StoredObject[]>();
  for (const object of objects) catalogue.set(object.name.oid, [...(catalogue.get(object.name.oid) ?? []), object]);
  const ways = easiestWays([catalogue]);
  return (oid) => {
    const chain: StoredObject[] = [];
    for (let at: Oid | undefined = oid; at !== undefined; ) {
      const object: StoredObject | undefined = ways.get(at)?.object;
      if (object === undefined) return [];
      chain.push(object);
      at = object.name.base;
    }
    return chain.reverse();
  };
}
