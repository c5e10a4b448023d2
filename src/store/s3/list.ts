import { ListObjectsV2Command, type _Object as S3Object } from "@aws-sdk/client-s3";
import { BallastError } from "../../errors.ts";
import type { Entry } from "../port.ts";
import type { S3Connection } from "./client.ts";

/** Keys relative to the store's root, in the order of their bytes. */
export interface Page {
  readonly entries: readonly Entry[];
  /** More keys follow. */
  readonly truncated: boolean;
}

/** At most 1,000 keys that start with `prefix` and come after `after`. */
export async function listPage(s3: S3Connection, prefix: string, after: string | undefined, signal?: AbortSignal): Promise<Page> {
  const { bucket } = s3;
  await s3.connect();
  const { Contents = [], IsTruncated = false } = await s3.request(
    { action: "list" },
    (client, options) =>
      client.send(
        new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: s3.fullKey(prefix),
          ...(after === undefined ? {} : { StartAfter: s3.fullKey(after) }),
          // Only AWS tells in a listing that an archived object has been restored; others may refuse the question.
          ...(s3.isAws ? { OptionalObjectAttributes: ["RestoreStatus"] } : {}),
        }),
        options,
      ),
    signal,
  );
  const entries: Entry[] = [];
  for (const object of Contents) {
    const entry = toEntry(object, s3.location.prefix.length);
    if (after === undefined || entry.key > after) entries.push(entry);
  }
  if (IsTruncated && entries.length === 0) {
    throw new BallastError("STORE_UNREACHABLE", `cannot list bucket ${bucket}: the provider does not go on after a key (StartAfter)`, {
      hint: "docs/s3.md lists what a provider must have",
    });
  }
  return { entries, truncated: IsTruncated };
}

/** Every key that starts with `prefix`. */
export async function* listAll(s3: S3Connection, prefix: string, signal?: AbortSignal): AsyncGenerator<Entry> {
  let after: string | undefined;
  for (;;) {
    const { entries, truncated } = await listPage(s3, prefix, after, signal);
    yield* entries;
    if (!truncated) return;
    after = entries.at(-1)!.key;
    signal?.throwIfAborted();
  }
}

/** Storage classes whose objects must be restored before they can be read; GLACIER_IR is not one. */
const ARCHIVES = new Set(["GLACIER", "DEEP_ARCHIVE"]);

function toEntry({ Key = "", Size = 0, LastModified, StorageClass, RestoreStatus }: S3Object, prefixLength: number): Entry {
  const readable = RestoreStatus?.RestoreExpiryDate !== undefined && !RestoreStatus.IsRestoreInProgress;
  return {
    key: Key.slice(prefixLength),
    sizeBytes: Size,
    modifiedMs: LastModified?.getTime() ?? 0,
    ...(ARCHIVES.has(StorageClass ?? "") && !readable ? { archived: true } : {}),
  };
}
