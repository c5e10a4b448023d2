import { statSync } from "node:fs";
import type { NamedStore } from "../config/named-store.ts";
import type { Context } from "../context.ts";
import { BallastError, isBallastError } from "../errors.ts";
import { OBJECTS_PREFIX } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import { isDirectoryStore } from "../store/directory.ts";
import { openNamedStore } from "../store/open.ts";
import type { Store, StoredObject } from "../store/port.ts";
import type { Source } from "./source.ts";

/**
 * A store that a repair takes from and that is itself not looked after: nothing is written there. When it is out of reach
 * in the middle of the run, that is said once, and it is asked for nothing more.
 */
export class FurtherStore implements Source {
  readonly where: string;
  readonly store: Store;
  readonly refused = new Set<string>();
  readonly #context: Context;
  readonly #opened: Store;
  /** What the store itself has thrown; a directory's are known by looking at it again. */
  readonly #failures = new WeakSet<object>();
  #gone: BallastError | undefined;

  private constructor(context: Context, opened: Store) {
    this.#context = context;
    this.#opened = opened;
    this.where = opened.url;
    // A directory is read by path, by other threads too.
    this.store = isDirectoryStore(opened) ? opened : this.#watched();
  }

  /**
   * Opens a store that can be read and listed. The caller closes it.
   * @throws STORE_MISSING and STORE_VERSION for what is no such store, and what its own methods throw
   */
  static async open(context: Context, named: NamedStore): Promise<FurtherStore> {
    const store = await openNamedStore(context, named);
    try {
      for await (const _entry of store.list(OBJECTS_PREFIX, context.signal)) break;
      return new FurtherStore(context, store);
    } catch (error) {
      store.close();
      throw error;
    }
  }

  readonly find = async (oids: Iterable<Oid>, signal?: AbortSignal): Promise<Map<Oid, StoredObject[]>> => {
    if (this.#gone) return new Map();
    try {
      return await this.#opened.find(oids, signal);
    } catch (error) {
      if (!isBallastError(error, ...OF_A_STORE)) throw error;
      this.#leave(error);
      return new Map();
    }
  };

  readonly concerns = (error: unknown): boolean => {
    if (!isBallastError(error, ...OF_A_STORE)) return false;
    if (isDirectoryStore(this.#opened) ? isThere(this.#opened.root) : !this.#failures.has(error)) return false;
    // In a bucket, one object may be denied and others not.
    if (isDirectoryStore(this.#opened) || error.code !== "STORE_DENIED") this.#leave(error);
    return true;
  };

  close(): void {
    this.#opened.close();
  }

  #leave(error: BallastError): void {
    if (this.#gone === undefined) this.#context.report({ kind: "warning", message: `${error.message}; nothing more is taken from ${this.where}`, ...(error.hint === undefined ? {} : { hint: error.hint }) });
    this.#gone ??= error;
  }

  /** The store, for reading alone; it remembers what it throws, and asks for nothing when it is out of reach. */
  #watched(): Store {
    const store = this.#opened;
    const failed = (error: unknown): unknown => {
      if (error instanceof BallastError) this.#failures.add(error);
      return error;
    };
    const read = async function* (this: FurtherStore, ...args: Parameters<Store["read"]>): AsyncGenerator<Uint8Array> {
      if (this.#gone) throw this.#gone;
      try {
        yield* store.read(...args);
      } catch (error) {
        throw failed(error);
      }
    }.bind(this);
    const readWhole = async (...args: Parameters<NonNullable<Store["readWhole"]>>): Promise<Buffer | undefined> => {
      if (this.#gone) throw this.#gone;
      return store.readWhole?.(...args).catch((error: unknown) => {
        throw failed(error);
      });
    };
    return { url: store.url, find: this.find, list: store.list.bind(store), read, readWhole, write: readOnly, replace: readOnly, remove: readOnly, close: () => {} };
  }
}

/** What says something about a store, or about who asks it, rather than about an object. */
const OF_A_STORE = ["STORE_UNREACHABLE", "STORE_BUSY", "STORE_DENIED", "STORE_MISSING", "CREDENTIALS_MISSING", "CONFIG_INVALID"] as const;

function isThere(root: string): boolean {
  try {
    return statSync(root).isDirectory();
  } catch {
    return false;
  }
}

async function readOnly(key: string): Promise<never> {
  throw new Error(`a further store is only read, and ${key} was to be written or removed`);
}
