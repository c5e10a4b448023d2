import type { CompressionSettings } from "../../config/settings.ts";
import { encodeDelta } from "../../delta/encode.ts";
import { estimateShared } from "../../delta/estimate.ts";
import type { Candidate, DeltaPolicy } from "../../delta/plan.ts";
import { isBallastError } from "../../errors.ts";
import { Contents } from "../../object/contents.ts";
import { copyObject, readRemote } from "../../object/copy.ts";
import { verify } from "../../object/encodings.ts";
import { draftDelta, type DeltaContext } from "../../object/ingest-delta.ts";
import { objectKey } from "../../object/name.ts";
import type { Oid } from "../../object/oid.ts";
import { readEncoded } from "../../object/read-encoded.ts";
import { sampleRanges, shrinks } from "../../object/sample.ts";
import { SMALL_BYTES } from "../../object/stable-file.ts";
import { isDirectoryStore, type DirectoryStore } from "../../store/directory.ts";
import type { Store, StoredObject } from "../../store/port.ts";
import { memoryAccess, type RandomAccess } from "../../util/random-access.ts";
import { catalogueOf, easiestWays } from "../chains.ts";
import { Scratch } from "./scratch.ts";
import { draftWhole, wouldShrink, type WholeDraft } from "./whole.ts";

export interface WorkshopOptions {
  readonly compression: CompressionSettings;
  readonly policy: DeltaPolicy;
  readonly signal: AbortSignal;
  /** A directory that is made for what has to be fetched, and removed at the end. */
  readonly scratchRoot: string;
}

/** Opens a content, verified; the caller closes it. @throws OBJECT_MISSING, OBJECT_CORRUPT */
export type OpenContent = (oid: Oid) => Promise<RandomAccess>;

/** An object that was made and has no name yet. */
export type Draft = WholeDraft;

/** The place where contents of a store are read and new objects made: the store itself where it is a directory. */
export class Workshop {
  readonly #target: Store;
  readonly #options: WorkshopOptions;
  readonly #scratch: Scratch | undefined;
  readonly #bench: DirectoryStore;
  readonly #contents: Contents;
  #encoding: Promise<unknown> = Promise.resolve();
  /** What the local store can decode. */
  readonly #local: ReadonlySet<Oid>;

  private constructor(target: Store, local: DirectoryStore, known: ReadonlySet<Oid>, options: WorkshopOptions) {
    this.#target = target;
    this.#options = options;
    this.#scratch = isDirectoryStore(target) ? undefined : new Scratch(options.scratchRoot);
    this.#bench = isDirectoryStore(target) ? target : this.#scratch!.store;
    this.#local = known;
    this.#contents = new Contents([this.#bench, local], { temporaryIn: this.#bench, signal: options.signal });
  }

  /** @param oids whose contents will be asked for */
  static async open(target: Store, local: DirectoryStore, oids: readonly Oid[], options: WorkshopOptions): Promise<Workshop> {
    const here = isDirectoryStore(target) ? new Set<Oid>() : new Set(easiestWays([await catalogueOf(local, oids, options.signal)]).keys());
    const workshop = new Workshop(target, local, here, options);
    await workshop.#scratch?.create(options.signal);
    return workshop;
  }

  /**
   * Does some work on contents, which are on this machine from the moment in which they are opened to its end.
   * @param chainOf the objects that decode a content, as the store has them now
   */
  async withContents<T>(chainOf: (oid: Oid) => readonly StoredObject[] | undefined, work: (open: OpenContent) => Promise<T>): Promise<T> {
    const fetched: StoredObject[] = [];
    const open = async (oid: Oid): Promise<RandomAccess> => {
      if (this.#scratch && !this.#local.has(oid)) {
        const chain = (chainOf(oid) ?? []).toReversed();
        await this.#scratch.fetch(this.#target, chain, { openBase: this.#contents.open, signal: this.#options.signal });
        fetched.push(...chain);
      }
      return this.#contents.open(oid, { verified: true });
    };
    try {
      // What is about to be fetched may be replaced by this very run; then it is there under another name.
      return await work((oid) => open(oid).catch((error: unknown) => (isBallastError(error, "OBJECT_MISSING") ? open(oid) : Promise.reject(error))));
    } finally {
      await this.#scratch?.release(fetched);
    }
  }

  /** Decodes an object of the store. @throws OBJECT_MISSING, OBJECT_CORRUPT */
  async verify({ name, key }: StoredObject, chainOf: (oid: Oid) => readonly StoredObject[] | undefined): Promise<void> {
    const { signal } = this.#options;
    await this.withContents(chainOf, (openBase) => verify(name, readEncoded(this.#target, key, signal), { openBase, signal }));
  }

  /** Whether compressing a raw object would pay, told from samples; of a large one nothing else is read or fetched. */
  async wouldShrink(raw: StoredObject): Promise<boolean> {
    if (!this.#scratch || this.#local.has(raw.name.oid)) {
      const content = await this.#contents.open(raw.name.oid);
      try {
        return wouldShrink(content);
      } finally {
        content.close();
      }
    }
    const { signal } = this.#options;
    if (raw.sizeBytes <= SMALL_BYTES) return wouldShrink(memoryAccess(await readRemote(this.#target, raw, signal)));
    const samples = new Map<number, Buffer>();
    for (const range of sampleRanges(raw.sizeBytes)) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of this.#target.read(raw.key, range, signal)) chunks.push(chunk);
      samples.set(range.start, Buffer.concat(chunks));
    }
    return shrinks(raw.sizeBytes, ({ start, end }) => samples.get(start)!.subarray(0, end - start));
  }

  /** A delta that the policy keeps; undefined when there is none. */
  draftDelta(target: { oid: Oid; content: RandomAccess; fullBytes: number }, candidates: readonly Candidate[], open: OpenContent, onTrouble: (message: string) => void): Promise<Draft | undefined> {
    const { compression, policy, signal } = this.#options;
    const tools = { policy, open, estimate: estimateShared, encode: encodeDelta };
    const context: DeltaContext = { store: this.#bench, compression, tools, signal, onTrouble };
    // One at a time: an encoder takes 200 MB.
    const draft = this.#encoding.then(() => draftDelta(target, candidates, context));
    this.#encoding = draft.catch(() => {});
    return draft;
  }

  draftWhole(oid: Oid, content: RandomAccess): Promise<Draft> {
    const { compression, signal } = this.#options;
    return draftWhole(oid, content, this.#bench, compression, signal);
  }

  /** The object that a draft would be. */
  describe({ name, storedBytes }: Draft): StoredObject {
    return { name, key: objectKey(name), sizeBytes: storedBytes, modifiedMs: 0 };
  }

  /** Writes what was made to the store, durably. */
  async publish(draft: Draft): Promise<StoredObject> {
    const object = this.describe(draft);
    const outcome = await this.#bench.adopt(draft.file, object.key);
    if (!this.#scratch) {
      if (outcome === "created") await this.#bench.syncNames([object.key]);
      return object;
    }
    await this.#scratch.add(object);
    await copyObject(this.#bench, this.#target, object, { openBase: this.#contents.open, signal: this.#options.signal });
    return object;
  }

  close(): void {
    this.#contents.close();
    this.#scratch?.close();
  }
}
