import { isBallastError } from "../errors.ts";
import type { DirectoryStore } from "../store/directory.ts";
import type { StoredObject } from "../store/port.ts";
import { publish, wrongSize } from "./copy-small.ts";
import { decodeWhole, isDecodable } from "./encodings.ts";
import { materialiseContent } from "./materialise.ts";
import { toPlain, type PlainError } from "./plain-error.ts";

/** A small whole object that has come from elsewhere; plain data. */
export interface ReceiveJob {
  /** With no base. */
  readonly object: StoredObject;
  /** Not verified yet. */
  readonly bytes: Uint8Array;
  /** Files to be made of its content besides. */
  readonly files: readonly NewFile[];
}

/** A file to be made; plain data. */
export interface NewFile {
  /** A path where nothing is yet. */
  readonly temporary: string;
  readonly exec: boolean;
  /** How errors name the file. */
  readonly label: string;
  /** No file is made of a content of another size. */
  readonly sizeBytes: number;
}

/** What came of it: a failure that concerns this object alone is an answer. */
export type Received =
  | {
      readonly outcome: "created" | "exists";
      /** Of the files, the temporary names of those that are there. */
      readonly made: readonly string[];
      /** Why some could not be made. */
      readonly fileFailure?: PlainError;
    }
  | { readonly failure: PlainError };

/**
 * Verifies the object and writes it to a store, without making its new name durable; then makes the files. Only the size is
 * checked of an encoding that this version cannot decode.
 * @throws what does not concern this object alone, such as DISK_FULL
 */
export async function receiveObject({ object, bytes, files }: ReceiveJob, to: DirectoryStore): Promise<Received> {
  const encoded = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let content: Buffer | undefined;
  try {
    if (encoded.length !== object.sizeBytes) throw wrongSize(object, encoded.length);
    if (isDecodable(object.name)) content = decodeWhole(object.name, encoded);
  } catch (error) {
    if (!isBallastError(error, "OBJECT_CORRUPT", "ENCODING_UNKNOWN")) throw error;
    return { failure: toPlain(error) };
  }
  const outcome = await publish(to, object.key, encoded, true);
  const made: string[] = [];
  try {
    for (const { temporary, exec, label, sizeBytes } of files) {
      if (content?.length !== sizeBytes) continue;
      materialiseContent(content, temporary, { exec, label });
      made.push(temporary);
    }
  } catch (error) {
    return { outcome, made, fileFailure: toPlain(error) };
  }
  return { outcome, made };
}
