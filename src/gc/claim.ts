import { isBallastError } from "../errors.ts";
import type { RepositoryId } from "../git/identity.ts";
import type { Oid } from "../object/oid.ts";
import type { Store } from "../store/port.ts";
import { CLAIMS_PREFIX, writeRecords } from "./records.ts";
import type { ThisRun } from "./this-run.ts";

export interface ClaimOptions {
  /** Where the commits will be published. */
  readonly repository: RepositoryId;
  /** What they need, with the bases of what may be sent for them. */
  readonly oids: ReadonlySet<Oid>;
  readonly run: ThisRun;
  readonly signal: AbortSignal;
}

/**
 * Says in the store what a push needs, before it looks what is there: no cleanup that begins afterwards removes it
 * (docs/cleanup.md, P1 and P5).
 */
export class Claim {
  readonly #store: Store;
  readonly #options: ClaimOptions;
  #keys: readonly string[] = [];

  private constructor(store: Store, options: ClaimOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** @throws what the store throws */
  static async make(store: Store, options: ClaimOptions): Promise<Claim> {
    const claim = new Claim(store, options);
    claim.#keys = await claim.#write();
    return claim;
  }

  /** When the claim was written, by the store's clock; undefined when it is not there any more. */
  async writtenMs(): Promise<number | undefined> {
    for await (const { key, modifiedMs } of this.#store.list(this.#keys[0]!, this.#options.signal)) if (key === this.#keys[0]) return modifiedMs;
    return undefined;
  }

  /**
   * Claims the same again, under a new name.
   * @returns whether the old claim lasted until the new one was there; if not, a cleanup may have removed what it named
   */
  async renew(): Promise<boolean> {
    const { signal } = this.#options;
    const old = this.#keys;
    this.#keys = await this.#write();
    const there = new Set<string>();
    for await (const { key } of this.#store.list(old[0]!, signal)) there.add(key);
    const lasted = old.every((key) => there.has(key));
    for (const key of old) {
      await this.#store.remove(key, signal).catch((error: unknown) => {
        // It stays until a cleanup removes it.
        if (!isBallastError(error, "STORE_DENIED", "STORE_READ_ONLY")) throw error;
      });
    }
    return lasted;
  }

  #write(): Promise<string[]> {
    const { repository, oids, run, signal } = this.#options;
    return writeRecords(this.#store, `${CLAIMS_PREFIX}${repository.id}/push-${run.newId()}`, { ballast: "claim", version: 1, repository: repository.label, processes: [run.process, ...run.parents] }, oids, signal);
  }
}
