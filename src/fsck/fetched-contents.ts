import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
import { Contents } from "../object/contents.ts";
import type { OpenBase } from "../object/encodings.ts";
import type { Oid } from "../object/oid.ts";
import type { DirectoryStore } from "../store/directory.ts";
import type { Scratch } from "../transfer/repack/scratch.ts";
import type { RandomAccess } from "../util/random-access.ts";
import { bring } from "./bring.ts";
import { openScratch } from "./inspect.ts";
import type { Source } from "./source.ts";

/**
 * The contents of directories, read where they are, and of stores elsewhere, by way of a scratch directory: what it takes to
 * decode one content is fetched, about 1 GiB of it is kept. The caller closes it.
 */
export class FetchedContents {
  readonly #context: Context;
  readonly #contents: Contents;
  readonly #scratch: Scratch;
  readonly #sources: readonly Source[];
  /** The end of the last fetch: one at a time, so that nothing goes which another one counts on. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(context: Context, directories: readonly DirectoryStore[], sources: readonly Source[], scratch: Scratch) {
    const { report, signal } = context;
    this.#context = { ...context, report: (event) => void (event.kind === "warning" && report(event)) };
    this.#sources = sources;
    this.#scratch = scratch;
    this.#contents = new Contents([scratch.store, ...directories], { temporaryIn: scratch.store, signal });
  }

  static async open(context: Context, directories: readonly DirectoryStore[], sources: readonly Source[]): Promise<FetchedContents> {
    return new FetchedContents(context, directories, sources, await openScratch(context));
  }

  /**
   * Opens a content as {@link Contents} does; one that no directory can give is fetched and verified.
   * @throws OBJECT_MISSING, OBJECT_CORRUPT, ENCODING_UNKNOWN; DISK_FULL; what the stores throw
   */
  readonly openContent: OpenBase = async (oid, options) => {
    try {
      return await this.#contents.open(oid, options);
    } catch (error) {
      if (!isBad(error)) throw error;
      const turn = this.#last.then(() => this.#fetch(oid));
      this.#last = turn.catch(() => {});
      return turn;
    }
  };

  close(): void {
    this.#contents.close();
    this.#scratch.close();
  }

  async #fetch(oid: Oid): Promise<RandomAccess> {
    const wanted = [{ oid, sizeBytes: NaN, path: "" }];
    const brought = await bring(this.#context, { op: "download", from: this.#sources, to: this.#scratch.store }, wanted);
    try {
      // What is open stays readable.
      return await this.#contents.open(oid, { verified: true });
    } finally {
      for (const { object } of brought) await this.#scratch.add(object);
    }
  }
}

function isBad(error: unknown): boolean {
  return isBallastError(error, "OBJECT_MISSING", "OBJECT_CORRUPT", "ENCODING_UNKNOWN");
}
