import { rmSync } from "node:fs";
import type { Asset } from "../manifest/manifest.ts";
import { materialiseContent } from "../object/materialise.ts";
import type { Oid } from "../object/oid.ts";
import type { OnContent } from "../transfer/copy-objects.ts";

/** Small contents that are put into place as they come from a bucket: from the bytes in memory, that were verified just now. */
export class EarlyPlaces {
  /** Those that are done. */
  readonly placed = new Set<Asset>();
  readonly #wanted = new Map<Oid, Asset[]>();
  readonly #temporary: (index: number) => string;
  readonly #place: (asset: Asset, temporary: string) => void;
  #failure: { readonly error: unknown } | undefined;

  /** @param temporary the path of the n-th temporary file */
  constructor(wanted: readonly Asset[], temporary: (index: number) => string, place: (asset: Asset, temporary: string) => void) {
    for (const asset of wanted) {
      const same = this.#wanted.get(asset.oid);
      if (same) same.push(asset);
      else this.#wanted.set(asset.oid, [asset]);
    }
    this.#temporary = temporary;
    this.#place = place;
  }

  /** The transfer goes on whatever happens here; what failed is thrown afterwards. */
  readonly onContent: OnContent = (oid, content) => {
    for (const asset of this.#wanted.get(oid) ?? []) {
      if (this.#failure !== undefined || this.placed.has(asset) || asset.sizeBytes !== content.length) continue;
      try {
        this.#put(asset, content);
        this.placed.add(asset);
      } catch (error) {
        this.#failure = { error };
      }
    }
  };

  /** Throws what kept a content from being put into place. */
  throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }

  #put(asset: Asset, content: Buffer): void {
    const temporary = this.#temporary(this.placed.size);
    materialiseContent(content, temporary, { exec: asset.exec, label: asset.path });
    try {
      this.#place(asset, temporary);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }
}
