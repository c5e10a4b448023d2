import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
import { isUnreadable } from "../object/check.ts";
import { verify, type OpenBase } from "../object/encodings.ts";
import type { ObjectName } from "../object/name.ts";
import { OidHasher, type Oid } from "../object/oid.ts";
import { readEncoded } from "../object/read-encoded.ts";
import { isDirectoryStore, type DirectoryStore } from "../store/directory.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { FetchedContents } from "./fetched-contents.ts";
import type { Source } from "./source.ts";

export interface LookOptions {
  /** Directory stores whose contents are read in place, beside the store itself where it is one. */
  readonly others: readonly DirectoryStore[];
  /** Where else contents may be had. */
  readonly sources: readonly Source[];
}

/** Reads objects a second time, before anything is done to them: what was wrong may have been the reading. */
export class SecondLook {
  readonly signal: AbortSignal;
  /** Opens a content, verified, from wherever it can be had. */
  readonly openBase: OpenBase;
  readonly #store: Store;
  readonly #contents: FetchedContents;

  private constructor(store: Store, signal: AbortSignal, contents: FetchedContents) {
    this.#store = store;
    this.signal = signal;
    this.#contents = contents;
    this.openBase = (oid) => contents.openContent(oid, { verified: true });
  }

  static async open(context: Context, store: Store, { others, sources }: LookOptions): Promise<SecondLook> {
    const directories = isDirectoryStore(store) ? [store, ...others] : others;
    return new SecondLook(store, context.signal, await FetchedContents.open(context, directories, sources));
  }

  /** Gives back what was fetched. */
  close(): void {
    this.#contents.close();
  }

  /** Whether an object does not decode to what its name says, although its base is good. */
  async isDamaged({ name, key }: StoredObject): Promise<boolean> {
    // What cannot be had is not this object's fault.
    if (name.base !== undefined && !(await this.canDecode(name.base))) return false;
    try {
      await verify(name, readEncoded(this.#store, key, this.signal), { openBase: this.openBase, signal: this.signal });
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
    for await (const chunk of readEncoded(this.#store, key, this.signal)) hasher.update(chunk);
    return { oid: hasher.digest(), encoding: "raw" };
  }
}
