/*
 * Large objects go up in parts. A killed upload stays in the bucket with the parts that it finished; the next write of
 * the same key finds it (ListMultipartUploads, ListParts), compares each part's checksum with that of its own bytes,
 * sends what is missing or differs, and completes it. The object appears when, and only when, the upload is completed
 * with exactly the parts that this writer has read: should two writers share one upload and send different bytes (two
 * gzip files of the same content), S3 refuses the one whose parts were replaced, and it begins anew.
 */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  type CompletedPart,
} from "@aws-sdk/client-s3";
import { isBallastError } from "../../errors.ts";
import { forEachParallel } from "../../util/pool.ts";
import type { ByteSource } from "../port.ts";
import { checksums, readBodies, sendBody, toBase64, withMemory, type Body } from "./body.ts";
import type { S3Connection } from "./client.ts";
import { s3Code, s3Status } from "./errors.ts";
import { abortExpired, findUpload, type FoundPart, type Upload } from "./unfinished.ts";
import { head, keeping, refusesCondition } from "./requests.ts";

const MIB = 1024 * 1024;
const LEAST_PART_BYTES = 5 * MIB;
const MOST_PARTS = 10_000;
const PARTS_AT_A_TIME = 4;
const ROUNDS = 3;

/** @see Store.write */
export async function writeInParts(s3: S3Connection, key: string, source: ByteSource, signal?: AbortSignal): Promise<"created" | "exists"> {
  const partBytes = partSize(source.sizeBytes, s3.settings.partSizeBytes);
  await abortExpired(s3, signal);
  for (let round = 1; ; round++) {
    if (await head(s3, key, signal)) return "exists";
    const found = round === 1 ? await findUpload(s3, key, signal) : undefined;
    const upload = found && isCutAlike(found, source.sizeBytes, partBytes) ? found : await begin(s3, key, signal);
    try {
      const parts = await sendParts(s3, key, source, partBytes, upload, signal);
      return await complete(s3, key, source.sizeBytes, upload, parts, signal);
    } catch (error) {
      if (isBallastError(error, "OBJECT_CORRUPT")) await abort(s3, key, upload.id, signal);
      if (!OVERTAKEN.has(s3Code(error) ?? "") || round === ROUNDS) throw error;
    }
  }
}

/** The upload is no longer what we took it for: completed, aborted or written to by someone else. */
const OVERTAKEN = new Set(["NoSuchUpload", "InvalidPart", "InvalidPartOrder", "EntityTooSmall"]);

/** Bytes of one part: as set, but within what S3 allows. */
export function partSize(sizeBytes: number, wantedBytes: number): number {
  const least = Math.ceil(sizeBytes / MOST_PARTS / MIB) * MIB;
  return Math.max(LEAST_PART_BYTES, wantedBytes, least);
}

/** Whether all its parts are as large as ours would be: some providers want all parts of an upload to be of one size. */
function isCutAlike({ parts }: Upload, sizeBytes: number, partBytes: number): boolean {
  return [...parts].every(([number, part]) => part.sizeBytes === Math.min(partBytes, sizeBytes - (number - 1) * partBytes));
}

async function begin(s3: S3Connection, key: string, signal: AbortSignal | undefined): Promise<Upload> {
  const { UploadId } = await s3.request(
    { action: "begin to write", key },
    (client, options) =>
      client.send(
        new CreateMultipartUploadCommand({ Bucket: s3.bucket, Key: s3.fullKey(key), ChecksumAlgorithm: "SHA256", ...keeping(s3, key) }),
        options,
      ),
    signal,
  );
  return { id: UploadId!, parts: new Map() };
}

async function sendParts(
  s3: S3Connection,
  key: string,
  source: ByteSource,
  partBytes: number,
  upload: Upload,
  signal: AbortSignal | undefined,
): Promise<CompletedPart[]> {
  const completed: CompletedPart[] = [];
  // The source is read by one reader in order, whose parts the senders take as they come.
  const bodies = readBodies(source, partBytes, key, signal);
  let number = 0;
  async function next(): Promise<{ number: number; body: Body } | undefined> {
    const { value, done } = await bodies.next();
    return done ? undefined : { number: ++number, body: value };
  }
  try {
    await forEachParallel(
      Array.from({ length: Math.ceil(source.sizeBytes / partBytes) }),
      PARTS_AT_A_TIME,
      (_, siblings) =>
        withMemory(partBytes, siblings, async () => {
          const part = await next();
          if (!part) return;
          const ETag = sameBytes(upload.parts.get(part.number), part.body) ?? (await sendPart(s3, key, upload.id, part.number, part.body, siblings));
          completed[part.number - 1] = { PartNumber: part.number, ETag, ChecksumSHA256: toBase64(part.body.sha256) };
          part.body.release?.();
        }),
      signal,
    );
  } finally {
    await bodies.return(undefined);
  }
  return completed;
}

async function sendPart(s3: S3Connection, key: string, UploadId: string, PartNumber: number, body: Body, signal: AbortSignal): Promise<string> {
  const { ETag } = await s3.request(
    { action: `write part ${PartNumber} of`, key },
    (client, { abortSignal }) =>
      sendBody(body, abortSignal, (Body, options) =>
        client.send(
          new UploadPartCommand({ Bucket: s3.bucket, Key: s3.fullKey(key), UploadId, PartNumber, Body, ContentLength: body.sizeBytes, ...checksums(body) }),
          options,
        ),
      ),
    signal,
  );
  return ETag!;
}

/** The ETag of a part that is already there, if it is known to hold these bytes. */
function sameBytes(part: FoundPart | undefined, body: Body): string | undefined {
  if (!part || part.sizeBytes !== body.sizeBytes) return undefined;
  if (part.sha256 !== undefined) return part.sha256 === toBase64(body.sha256) ? part.etag : undefined;
  // Where it is not the MD5 (with a KMS key), it matches nothing, and the part is sent again.
  return part.etag.replaceAll('"', "") === body.md5 ? part.etag : undefined;
}

async function complete(
  s3: S3Connection,
  key: string,
  sizeBytes: number,
  upload: Upload,
  Parts: CompletedPart[],
  signal: AbortSignal | undefined,
): Promise<"created" | "exists"> {
  // Where completing is not conditional, this look keeps the time in which another writer can come between short.
  if (!s3.isAws && (await head(s3, key, signal))) return overtaken(s3, key, upload, signal);
  let conditional = s3.conditionalWrites !== "ignored";
  let tries = 0;
  for (;;) {
    try {
      await s3.request(
        { action: "finish writing", key },
        (client, options) => {
          tries += 1;
          return client.send(
            new CompleteMultipartUploadCommand({
              Bucket: s3.bucket,
              Key: s3.fullKey(key),
              UploadId: upload.id,
              MultipartUpload: { Parts },
              ...(conditional ? { IfNoneMatch: "*" } : {}),
            }),
            options,
          );
        },
        signal,
      );
      return "created";
    } catch (error) {
      if (s3Status(error) === 412) return overtaken(s3, key, upload, signal);
      if (conditional && refusesCondition(error)) {
        conditional = false;
        continue;
      }
      // The answer to an earlier try was lost: it had succeeded.
      if (tries > 1 && s3Code(error) === "NoSuchUpload" && (await head(s3, key, signal))?.ContentLength === sizeBytes) return "created";
      throw error;
    }
  }
}

async function overtaken(s3: S3Connection, key: string, upload: Upload, signal: AbortSignal | undefined): Promise<"exists"> {
  await abort(s3, key, upload.id, signal);
  return "exists";
}

/** Gives the parts' space back; what fails here is left to expire. */
async function abort(s3: S3Connection, key: string, UploadId: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await s3.request(
      { action: "abandon the upload of", key },
      (client, options) => client.send(new AbortMultipartUploadCommand({ Bucket: s3.bucket, Key: s3.fullKey(key), UploadId }), options),
      signal,
    );
  } catch {
    signal?.throwIfAborted();
  }
}
