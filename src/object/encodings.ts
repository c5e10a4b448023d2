/*
 * How each encoding that a name can carry is decoded. A new encoding is a suffix in name.ts and an entry here.
 */
import { decodeDelta, decodeDeltaWhole } from "../delta/decode.ts";
import { BallastError, isBallastError } from "../errors.ts";
import type { RandomAccess } from "../util/random-access.ts";
import { gunzip, gunzipWhole } from "./gzip.ts";
import { formatName, type Encoding, type ObjectName } from "./name.ts";
import { OidHasher, oidOf, type Oid } from "./oid.ts";

/** What an encoding may need beside the encoded bytes. */
export interface DecodeOptions {
  /** What the content may be at most, in bytes; decoding ends with OBJECT_CORRUPT beyond it. */
  readonly limitBytes?: number | undefined;
  /** Gives the content of a delta's base, which is closed after use. Needed for names with a base: {@link needsBase}. */
  readonly openBase?: OpenBase | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a content that a delta is based on.
 * @param verified that it is what its oid says; else a base that rotted shows only in what is made of it
 */
export type OpenBase = (base: Oid, options?: { readonly verified?: boolean }) => Promise<RandomAccess>;

/** What {@link decodeWhole} may need: a base that is open already, and stays so. */
export interface DecodeWholeOptions extends Pick<DecodeOptions, "limitBytes"> {
  readonly base?: RandomAccess | undefined;
}

/** Decodes one encoding. Both forms throw OBJECT_CORRUPT for bytes that are not of this encoding. */
export interface Codec {
  decode(encoded: AsyncIterable<Uint8Array>, name: ObjectName, options: DecodeOptions): AsyncIterable<Uint8Array>;
  /** For small content, without a turn of the event loop. */
  decodeWhole(encoded: Buffer, name: ObjectName, options: DecodeWholeOptions): Buffer;
}

const CODECS: { readonly [encoding in Encoding]: Codec } = {
  raw: { decode: (encoded) => encoded, decodeWhole: (encoded) => encoded },
  gzip: {
    decode: (encoded, _name, { limitBytes }) => gunzip(encoded, limitBytes),
    decodeWhole: (encoded, _name, { limitBytes }) => gunzipWhole(encoded, limitBytes),
  },
  delta: { decode: undelta, decodeWhole: undeltaWhole },
  "delta+gzip": {
    decode: (encoded, name, options) => undelta(gunzip(encoded), name, options),
    decodeWhole: (encoded, name, options) => undeltaWhole(gunzipWhole(encoded, maxDeltaBytes(options.limitBytes)), name, options),
  },
};

/** The windows' checksums are not computed: every content is held against its oid. */
async function* undelta(encoded: AsyncIterable<Uint8Array>, { oid, base }: ObjectName, { openBase, limitBytes, signal }: DecodeOptions): AsyncGenerator<Uint8Array> {
  if (base === undefined || !openBase) throw new Error("a delta is decoded without its base");
  const access = await openBase(base);
  try {
    yield* decodeDelta(encoded, access, { limitBytes, expect: { oid, base }, checksums: false, signal });
  } finally {
    access.close();
  }
}

function undeltaWhole(encoded: Uint8Array, { oid, base }: ObjectName, { base: access, limitBytes }: DecodeWholeOptions): Buffer {
  if (base === undefined || !access) throw new Error("a delta is decoded without its base");
  return decodeDeltaWhole(encoded, access, { limitBytes, expect: { oid, base }, checksums: false });
}

/** What the delta of so much content may take at most: as much as windows of VCDIFF may, and some for headers. */
function maxDeltaBytes(contentBytes = Infinity): number {
  return 2 * contentBytes + 1024 * 1024;
}

/** Whether this version can decode objects of this encoding. */
export function isDecodable(name: ObjectName): boolean {
  return Object.hasOwn(CODECS, name.encoding);
}

/** Whether an object is decoded by means of another content: `openBase`, or `base`, must be given then. */
export function needsBase(name: ObjectName): name is ObjectName & { base: Oid } {
  return name.base !== undefined;
}

/** @throws ENCODING_UNKNOWN */
export function codecOf(name: ObjectName): Codec {
  const codec = isDecodable(name) ? CODECS[name.encoding] : undefined;
  if (codec) return codec;
  throw new BallastError("ENCODING_UNKNOWN", `this Ballast cannot decode ${formatName(name)} (${name.encoding})`, {
    hint: "install a newer git-ballast",
  });
}

/**
 * The content of an object, verified against the oid in its name. The verdict comes at the end: what was yielded is to
 * be trusted only when the iteration ends without an error. Chunks of raw objects are the source's own.
 * @throws OBJECT_CORRUPT, ENCODING_UNKNOWN, and what `encoded` throws
 */
export async function* decodeVerified(
  name: ObjectName,
  encoded: AsyncIterable<Uint8Array>,
  options: DecodeOptions = {},
): AsyncGenerator<Uint8Array> {
  const hasher = new OidHasher();
  let sizeBytes = 0;
  let baseOpened = false;
  const openBase = options.openBase && (async (base: Oid) => {
    const access = await options.openBase!(base);
    baseOpened = true;
    return access;
  });
  try {
    for await (const chunk of codecOf(name).decode(encoded, name, { ...options, openBase })) {
      options.signal?.throwIfAborted();
      sizeBytes += chunk.length;
      if (sizeBytes > (options.limitBytes ?? Infinity)) throw corruptObject(name, "its content is too long");
      hasher.update(chunk);
      yield chunk;
    }
    const oid = hasher.digest();
    if (oid !== name.oid) throw corruptObject(name, `its content hashes to ${oid}`);
  } catch (error) {
    // A base that could not even be opened has said so.
    throw baseOpened ? await blamed(name, named(name, error), options) : named(name, error);
  }
}

/** As {@link decodeVerified}, in memory and at once. */
export function decodeWhole(name: ObjectName, encoded: Buffer, options: DecodeWholeOptions = {}): Buffer {
  let content: Buffer;
  try {
    content = codecOf(name).decodeWhole(encoded, name, options);
  } catch (error) {
    throw named(name, error);
  }
  if (content.length > (options.limitBytes ?? Infinity)) throw corruptObject(name, "its content is too long");
  const oid = oidOf(content);
  if (oid !== name.oid) throw corruptObject(name, `its content hashes to ${oid}`);
  return content;
}

/**
 * Reads an encoded object to its end and checks that it decodes to its oid.
 * @returns the size of the content, in bytes
 * @throws as {@link decodeVerified}
 */
export async function verify(name: ObjectName, encoded: AsyncIterable<Uint8Array>, options: DecodeOptions = {}): Promise<number> {
  let sizeBytes = 0;
  for await (const chunk of decodeVerified(name, encoded, options)) sizeBytes += chunk.length;
  return sizeBytes;
}

/** The object is not what its name says. */
export function corruptObject(name: ObjectName, reason: string, cause?: unknown): BallastError {
  return new BallastError("OBJECT_CORRUPT", `object ${formatName(name)} is damaged: ${reason}`, {
    hint: "run git ballast fsck to find damaged objects and good copies of them",
    cause,
  });
}

/** Says which object it was that a codec could not decode. */
function named(name: ObjectName, error: unknown): unknown {
  if (!isBallastError(error, "OBJECT_CORRUPT", "ENCODING_UNKNOWN") || error.message.startsWith("object ")) return error;
  if (error.code === "OBJECT_CORRUPT") return corruptObject(name, error.message, error);
  return new BallastError(error.code, `object ${formatName(name)}: ${error.message}`, { ...(error.hint && { hint: error.hint }), cause: error });
}

/** Where a delta gave the wrong content: the error of its base, if that is where the damage is. */
async function blamed(name: ObjectName, error: unknown, { openBase }: DecodeOptions): Promise<unknown> {
  if (!needsBase(name) || !openBase || !isBallastError(error, "OBJECT_CORRUPT")) return error;
  try {
    (await openBase(name.base, { verified: true })).close();
    return error;
  } catch (cause) {
    if (!isBallastError(cause, "OBJECT_CORRUPT")) return error;
    return new BallastError("OBJECT_CORRUPT", `object ${formatName(name)} cannot be decoded, for its base is damaged: ${cause.message}`, { ...(cause.hint && { hint: cause.hint }), cause });
  }
}
