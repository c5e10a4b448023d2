import * as crypto from "node:crypto";
import { BallastError } from "../errors.ts";

declare const brand: unique symbol;
/** The SHA-256 of an asset's whole content: 64 lower-case hex digits. Minted only here. */
export type Oid = string & { readonly [brand]: "Oid" };

const OID = /^[0-9a-f]{64}$/;

export function isOid(text: unknown): text is Oid {
  return typeof text === "string" && OID.test(text);
}

/** What a pattern has just matched as 64 lower-case hex digits: {@link isOid} is not asked again. */
export function matchedOid(digits: string): Oid {
  return digits as Oid;
}

/** @throws BallastError USAGE when `text` is not 64 lower-case hex digits */
export function parseOid(text: string): Oid {
  if (!isOid(text)) throw new BallastError("USAGE", `not an object id: ${JSON.stringify(text)}`);
  return text;
}

/** Hashes content that is in memory. Node has `hash` since 20.12. */
export function oidOf(content: Uint8Array): Oid {
  return (crypto.hash ? crypto.hash("sha256", content, "hex") : crypto.createHash("sha256").update(content).digest("hex")) as Oid;
}

/** Hashes content that streams by. */
export class OidHasher {
  readonly #hash = crypto.createHash("sha256");

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  digest(): Oid {
    return this.#hash.digest("hex") as Oid;
  }
}

/** The same oid in a text of its own: one that is a part of a larger text holds on to all of that. */
export function ownText(oid: Oid): Oid {
  return Buffer.from(oid, "latin1").toString("latin1") as Oid;
}

/** The 32 bytes of an oid. */
export function oidBytes(oid: Oid): Buffer {
  return Buffer.from(oid, "hex");
}

/** The oid whose 32 bytes stand in `buffer` at `offset`. */
export function oidAt(buffer: Buffer, offset: number): Oid {
  return buffer.toString("hex", offset, offset + 32) as Oid;
}

export const EMPTY_OID = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" as Oid;
