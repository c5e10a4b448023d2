import { closeSync, fstatSync, openSync } from "node:fs";
import { BallastError, isBallastError } from "../errors.ts";
import { isDirectoryStore, type DirectoryStore } from "../store/directory.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { fileAccess, type RandomAccess } from "../util/random-access.ts";
import { corruptObject, decodeVerified, decodeWhole, needsBase, type OpenBase } from "./encodings.ts";
import { objectKey, type ObjectName } from "./name.ts";
import type { Oid } from "./oid.ts";
import { readEncoded } from "./read-encoded.ts";
import { SharedContents, type SharedContent } from "./shared-contents.ts";
import { spool } from "./spool.ts";
import { readChunks, readSmall, SMALL_BYTES, type OpenFile } from "./stable-file.ts";

export interface ContentsOptions {
  /** The store on whose file system large contents are kept while they are needed; the first one by default. */
  readonly temporaryIn?: DirectoryStore | undefined;
  /** Ends what is being decoded; what is open stays. */
  readonly signal?: AbortSignal | undefined;
}

/** A chain of deltas that is longer than this is taken for damage; ours are far shorter. */
const MAX_DEPTH = 1000;

/**
 * The contents of the objects in some directory stores, to be read at any position: the bases of deltas. What has to
 * be decoded is decoded once for all who want it at the same time, and kept for a while for those who come next.
 * Memory is bounded; large contents take disk space instead.
 */
export class Contents {
  readonly #stores: readonly DirectoryStore[];
  readonly #options: ContentsOptions;
  readonly #shared = new SharedContents();
  /** Raw objects that were hashed and found right. */
  readonly #sound = new Set<string>();

  /** @param stores searched in this order */
  constructor(stores: readonly DirectoryStore[], options: ContentsOptions = {}) {
    this.#stores = stores;
    this.#options = options;
  }

  /**
   * Opens a content; the caller closes it. A raw object is read where it lies and is verified only if asked for; any
   * other is decoded, and thereby verified. An encoding that is damaged, or lacks its base, gives way to another one.
   * @param verified that a raw object is hashed first, once in the life of this
   * @throws OBJECT_MISSING, OBJECT_CORRUPT (naming the object; also for deltas in a circle), ENCODING_UNKNOWN,
   *   DISK_FULL, what the stores throw, the signal's reason
   */
  readonly open: OpenBase = (oid, { verified = false } = {}) => this.#open(oid, verified, undefined);

  /** Gives back what is kept for later; what is open stays until it is closed. */
  close(): void {
    this.#shared.close();
  }

  async #open(oid: Oid, verified: boolean, forWhom: SharedContent | undefined): Promise<RandomAccess> {
    let failure: unknown;
    for (const store of this.#stores) {
      try {
        return await this.#openRaw(store, oid, verified);
      } catch (error) {
        if (!isBadObject(error)) throw error;
        if (!isBallastError(error, "OBJECT_MISSING")) failure ??= error;
      }
    }
    return this.#shared.open(oid, forWhom, async (content) => {
      try {
        return await this.#decode(oid, content);
      } catch (error) {
        throw isBallastError(error, "OBJECT_MISSING") ? (failure ?? error) : error;
      }
    });
  }

  async #openRaw(store: DirectoryStore, oid: Oid, verified: boolean): Promise<RandomAccess> {
    const name: ObjectName = { oid, encoding: "raw" };
    const path = store.pathOf(objectKey(name));
    let fd: number;
    try {
      fd = openSync(path, "r");
    } catch (error) {
      throw store.readFailure(error, objectKey(name));
    }
    if (!fstatSync(fd).isFile()) {
      closeSync(fd);
      throw new BallastError("OBJECT_MISSING", `no file stands at ${objectKey(name)} in ${store.url}`, { hint: "git ballast fsck --repair moves aside what stands there" });
    }
    const access = fileAccess(fd, { owned: true });
    if (!verified || this.#sound.has(path)) return access;
    try {
      await this.#verifyRaw(name, { path, fd, sizeBytes: access.sizeBytes });
      this.#sound.add(path);
      return access;
    } catch (error) {
      access.close();
      throw error;
    }
  }

  async #verifyRaw(name: ObjectName, file: OpenFile): Promise<void> {
    const small = file.sizeBytes <= SMALL_BYTES ? readSmall(file) : undefined;
    if (small) decodeWhole(name, small);
    else for await (const _chunk of decodeVerified(name, readChunks(file.fd, file.sizeBytes, this.#options.signal))) continue;
  }

  async #decode(oid: Oid, content: SharedContent): ReturnType<typeof spool> {
    let failure: unknown;
    for await (const { store, object, verified } of this.#attempts(oid)) {
      try {
        if (content.depth > MAX_DEPTH) throw corruptObject(object.name, `its chain has more than ${MAX_DEPTH} deltas`);
        const { signal } = this.#options;
        const openBase: OpenBase = (base, options) => this.#open(base, verified || options?.verified === true, content);
        const decoded = decodeVerified(object.name, readEncoded(store, object.key, signal), { openBase, signal });
        return await spool(decoded, this.#options.temporaryIn ?? this.#stores[0]!);
      } catch (error) {
        if (!isBadObject(error)) throw error;
        failure ??= error;
      }
    }
    throw failure ?? new BallastError("OBJECT_MISSING", `object ${oid} is not in ${this.#stores.map(({ url }) => url).join(" or ")}`, {
      hint: "run git ballast fetch --all, or git ballast fsck to find what is missing",
    });
  }

  /** Each encoding in turn; a delta once more with a base that is surely good, for there may be another one than the first. */
  async *#attempts(oid: Oid): AsyncGenerator<Found & { verified: boolean }> {
    // By its name, which needs no reading of a directory; mostly there is nothing else.
    const [gzip] = this.#stores.flatMap((store) => ofGzip(store, oid));
    if (gzip) yield { ...gzip, verified: false };
    const found: Found[] = [];
    for (const store of this.#stores) {
      for (const object of (await store.find([oid], this.#options.signal)).get(oid) ?? []) found.push({ store, object });
    }
    const effort = ({ object }: Found): number => EFFORT.indexOf(object.name.encoding);
    const others = found.filter(({ store, object }) => EFFORT.includes(object.name.encoding) && (store !== gzip?.store || object.key !== gzip.object.key));
    for (const one of others.sort((a, b) => effort(a) - effort(b))) {
      for (const verified of needsBase(one.object.name) ? [false, true] : [false]) yield { ...one, verified };
    }
  }
}

function ofGzip(store: DirectoryStore, oid: Oid): Found[] {
  const object = store.whole(oid);
  return object?.name.encoding === "gzip" ? [{ store, object }] : [];
}

interface Found {
  readonly store: DirectoryStore;
  readonly object: StoredObject;
}

/** The contents of those of the stores that are directories; undefined when none is. */
export function contentsOf(stores: readonly Store[], options?: ContentsOptions): Contents | undefined {
  const directories = stores.filter(isDirectoryStore);
  return directories.length > 0 ? new Contents(directories, options) : undefined;
}

/** Encodings that have to be decoded, the easiest first. */
const EFFORT = ["gzip", "delta", "delta+gzip"];

function isBadObject(error: unknown): boolean {
  return isBallastError(error, "OBJECT_MISSING", "OBJECT_CORRUPT", "ENCODING_UNKNOWN");
}
