import { AbortMultipartUploadCommand, ListMultipartUploadsCommand, ListPartsCommand, type MultipartUpload } from "@aws-sdk/client-s3";
import { isBallastError } from "../../errors.ts";
import { OBJECTS_PREFIX } from "../../object/name.ts";
import { forEachParallel } from "../../util/pool.ts";
import type { Stray } from "../port.ts";
import type { S3Connection } from "./client.ts";
import { s3Code, s3Status } from "./errors.ts";

/** An upload that is under way, or was when its process ended. */
export interface Upload {
  readonly id: string;
  /** By part number, from 1. */
  readonly parts: ReadonlyMap<number, FoundPart>;
}

export interface FoundPart {
  readonly etag: string;
  readonly sizeBytes: number;
  /** In base64; only where the provider keeps it. */
  readonly sha256: string | undefined;
}

/** The youngest upload of `key` that has not expired, with its parts; undefined where there is none or we may not look. */
export async function findUpload(s3: S3Connection, key: string, signal?: AbortSignal): Promise<Upload | undefined> {
  return whereAllowed(async () => {
    const uploads = await listUploads(s3, key, signal);
    const mine = uploads.filter((upload) => upload.Key === s3.fullKey(key) && !isExpired(s3, upload)).sort((a, b) => startedMs(b) - startedMs(a));
    for (const { UploadId } of mine) {
      try {
        return { id: UploadId!, parts: await listParts(s3, key, UploadId!, signal) };
      } catch (error) {
        // It was completed or aborted since it was listed.
        if (s3Code(error) !== "NoSuchUpload") throw error;
      }
    }
    return undefined;
  });
}

/** Uploads that are abandoned at a time. */
const ABORTS = 8;

const cleaned = new WeakSet<S3Connection>();

/** Aborts the uploads below the store's root that nobody has continued in time, once for each connection. */
export async function abortExpired(s3: S3Connection, signal?: AbortSignal): Promise<void> {
  if (cleaned.has(s3)) return;
  cleaned.add(s3);
  await whereAllowed(async () => {
    const expired = (await listUploads(s3, OBJECTS_PREFIX, signal)).filter((upload) => isExpired(s3, upload));
    await forEachParallel(expired, ABORTS, async ({ Key, UploadId }, siblings) => {
      await s3.request(
        { action: "abandon an old upload of" },
        (client, options) => client.send(new AbortMultipartUploadCommand({ Bucket: s3.bucket, Key, UploadId }), options),
        siblings,
      );
    }, signal);
    return undefined;
  });
}

/** The uploads below the store's root that were begun and not ended; none where we may not look. */
export async function* unfinishedUploads(s3: S3Connection, signal?: AbortSignal): AsyncGenerator<Stray> {
  for (const upload of (await whereAllowed(() => listUploads(s3, OBJECTS_PREFIX, signal))) ?? []) {
    const ageMs = Date.now() + (s3.clockOffsetMs ?? 0) - startedMs(upload);
    yield { kind: "temporary", place: (upload.Key ?? "").slice(s3.location.prefix.length), detail: "an upload that was not ended", ageMs };
  }
}

/** The uploads of keys that start with `prefix`. */
async function listUploads(s3: S3Connection, prefix: string, signal: AbortSignal | undefined): Promise<MultipartUpload[]> {
  const found: MultipartUpload[] = [];
  for (let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}; ; ) {
    const { Uploads = [], IsTruncated, NextKeyMarker, NextUploadIdMarker } = await s3.request(
      { action: "list the unfinished uploads of" },
      (client, options) => client.send(new ListMultipartUploadsCommand({ Bucket: s3.bucket, Prefix: s3.fullKey(prefix), ...marker }), options),
      signal,
    );
    found.push(...Uploads);
    if (!IsTruncated || NextKeyMarker === undefined || NextUploadIdMarker === undefined || Uploads.length === 0) return found;
    marker = { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker };
  }
}

async function listParts(s3: S3Connection, key: string, UploadId: string, signal: AbortSignal | undefined): Promise<Map<number, FoundPart>> {
  const parts = new Map<number, FoundPart>();
  let marker: string | undefined;
  do {
    const page = await s3.request(
      { action: "list the parts of", key },
      (client, options) =>
        client.send(
          new ListPartsCommand({ Bucket: s3.bucket, Key: s3.fullKey(key), UploadId, ...(marker === undefined ? {} : { PartNumberMarker: marker }) }),
          options,
        ),
      signal,
    );
    for (const { PartNumber, ETag, Size = -1, ChecksumSHA256 } of page.Parts ?? []) {
      if (PartNumber !== undefined && ETag !== undefined) parts.set(PartNumber, { etag: ETag, sizeBytes: Size, sha256: ChecksumSHA256 });
    }
    marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
  } while (marker !== undefined);
  return parts;
}

/** To look for old uploads is a courtesy: without the right to it, or where it is not implemented, we do without. */
async function whereAllowed<T>(work: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isBallastError(error, "STORE_DENIED") || s3Status(error) === 501 || s3Code(error) === "NoSuchUpload") return undefined;
    throw error;
  }
}

/** By the store's clock. */
function isExpired(s3: S3Connection, upload: MultipartUpload): boolean {
  return Date.now() + (s3.clockOffsetMs ?? 0) - startedMs(upload) > s3.settings.uploadExpiryMs;
}

function startedMs({ Initiated }: MultipartUpload): number {
  return Initiated?.getTime() ?? Date.now();
}
