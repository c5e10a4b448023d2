import type { Oid } from "../object/oid.ts";

/** Content that a path needs. */
export interface Wanted {
  readonly oid: Oid;
  readonly sizeBytes: number;
  readonly path: string;
  /** The full id of the commit that asks for it, for messages; none when the manifest file does. */
  readonly commit?: string;
}
