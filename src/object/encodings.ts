/*
 * How each encoding that a name can carry is decoded. A new encoding is a suffix in name.ts and an entry here.
 */
import { BallastError } from "../errors.ts";
import type { ByteSource } from "../store/port.ts";
import { gunzip, gunzipWhole } from "./gzip.ts";
import { formatName, type Encoding, type ObjectName } from "./name.ts";
import { OidHasher, oidOf, type Oid } from "./oid.ts";

/** What an encoding may need beside the encoded bytes. */
export interface DecodeOptions {
  /** What the content may be at most, in bytes; decoding ends with OBJECT_CORRUPT beyond it. */
  readonly limitBytes?: number | undefined;
  /** Gives the content of a delta's base, readable at any offset. Needed by encodings whose name has a base. */
  readonly openBase?: ((base: Oid) => Promise<ByteSource>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Decodes one encoding. Both forms throw OBJECT_CORRUPT for bytes that are not of this encoding. */
export interface Codec {
  decode(encoded: AsyncIterable<Uint8Array>, name: ObjectName, options: DecodeOptions): AsyncIterable<Uint8Array>;
  /** For small content, without a turn of the event loop; absent where decoding cannot be synchronous. */
  decodeWhole?(encoded: Buffer, name: ObjectName, options: DecodeOptions): Buffer;
}

const CODECS: { readonly [encoding in Encoding]?: Codec } = {
  raw: { decode: (encoded) => encoded, decodeWhole: (encoded) => encoded },
  gzip: {
    decode: (encoded, _name, { limitBytes }) => gunzip(encoded, limitBytes),
    decodeWhole: (encoded, _name, { limitBytes }) => gunzipWhole(encoded, limitBytes),
  },
};

/** Whether this version can decode objects of this encoding. */
export function isDecodable(name: ObjectName): boolean {
  return CODECS[name.encoding] !== undefined;
}

/** @throws ENCODING_UNKNOWN */
export function codecOf(name: ObjectName): Codec {
  const codec = CODECS[name.encoding];
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
  try {
    for await (const chunk of codecOf(name).decode(encoded, name, options)) {
      options.signal?.throwIfAborted();
      sizeBytes += chunk.length;
      if (sizeBytes > (options.limitBytes ?? Infinity)) throw corruptObject(name, "its content is too long");
      hasher.update(chunk);
      yield chunk;
    }
  } catch (error) {
    throw named(name, error);
  }
  const oid = hasher.digest();
  if (oid !== name.oid) throw corruptObject(name, `its content hashes to ${oid}`);
}

/** As {@link decodeVerified}, in memory and at once; undefined where this encoding cannot. */
export function decodeWhole(name: ObjectName, encoded: Buffer, options: DecodeOptions = {}): Buffer | undefined {
  const codec = codecOf(name);
  if (!codec.decodeWhole) return undefined;
  let content: Buffer;
  try {
    content = codec.decodeWhole(encoded, name, options);
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
  if (!(error instanceof BallastError) || error.code !== "OBJECT_CORRUPT" || error.message.startsWith("object ")) return error;
  return corruptObject(name, error.message, error);
}
