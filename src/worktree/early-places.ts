import { rmSync } from "node:fs";
import type { Asset } from "../manifest/manifest.ts";
import type { Oid } from "../object/oid.ts";
import type { NewFile } from "../object/receive.ts";
import type { EarlyFiles } from "../transfer/receive-objects.ts";

/** Contents that are put into place as they come from a bucket. */
export class EarlyPlaces implements EarlyFiles {
  /** Those that are done. */
  readonly placed = new Set<Asset>();
  readonly #wanted: readonly Asset[];
  /** The first asset of each content, and where there are more, those. Made when the first content comes: mostly none does. */
  #first: ReadonlyMap<Oid, Asset> | undefined;
  readonly #further = new Map<Oid, Asset[]>();
  /** By temporary name, what was asked for and is not in place. */
  readonly #open = new Map<string, Asset>();
  readonly #temporary: (index: number) => string;
  readonly #place: (asset: Asset, temporary: string) => void;
  #asked = 0;
  #failure: { readonly error: unknown } | undefined;

  /** @param temporary the path of the n-th temporary file */
  constructor(wanted: readonly Asset[], temporary: (index: number) => string, place: (asset: Asset, temporary: string) => void) {
    this.#wanted = wanted;
    this.#temporary = temporary;
    this.#place = place;
  }

  filesFor(oid: Oid): NewFile[] {
    if (this.#failure !== undefined) return [];
    return this.#assetsOf(oid).filter((asset) => !this.placed.has(asset)).map((asset) => {
      const temporary = this.#temporary(this.#asked++);
      this.#open.set(temporary, asset);
      return { temporary, exec: asset.exec, label: asset.path, sizeBytes: asset.sizeBytes };
    });
  }

  #assetsOf(oid: Oid): Asset[] {
    const first = (this.#first ??= this.#byOid()).get(oid);
    return first ? [first, ...(this.#further.get(oid) ?? [])] : [];
  }

  #byOid(): Map<Oid, Asset> {
    const first = new Map<Oid, Asset>();
    for (const asset of this.#wanted) {
      const { oid } = asset;
      if (!first.has(oid)) first.set(oid, asset);
      else if (this.#further.has(oid)) this.#further.get(oid)!.push(asset);
      else this.#further.set(oid, [asset]);
    }
    return first;
  }

  /** The transfer goes on whatever happens here; what failed is thrown afterwards. */
  made(temporaries: readonly string[], failure: Error | undefined): void {
    if (failure) this.#failure ??= { error: failure };
    for (const temporary of temporaries) {
      if (this.#failure !== undefined) return;
      try {
        const asset = this.#open.get(temporary)!;
        this.#place(asset, temporary);
        this.#open.delete(temporary);
        this.placed.add(asset);
      } catch (error) {
        this.#failure = { error };
      }
    }
  }

  /** Removes what was made and not put into place, when the transfer has ended; throws what kept a content from its place. */
  close(): void {
    for (const temporary of this.#open.keys()) rmSync(temporary, { force: true });
    if (this.#failure) throw this.#failure.error;
  }
}
