import { RestoreObjectCommand } from "@aws-sdk/client-s3";
import { BallastError } from "../../errors.ts";
import type { RestoreRequest } from "../port.ts";
import type { S3Connection } from "./client.ts";
import { s3Code } from "./errors.ts";
import { head } from "./requests.ts";

/** Hours of the Standard tier, the upper of the documented ones (S3 User Guide, "Understanding archive retrieval options"). */
const HOURS: Readonly<Record<string, number>> = {
  GLACIER: 5,
  DEEP_ARCHIVE: 12,
  ARCHIVE_ACCESS: 5,
  DEEP_ARCHIVE_ACCESS: 12,
};

/** @see Store.requestRestore @throws OBJECT_MISSING */
export async function requestRestore(s3: S3Connection, key: string, days: number, signal?: AbortSignal): Promise<RestoreRequest> {
  const object = await head(s3, key, signal);
  if (!object) throw new BallastError("OBJECT_MISSING", `cannot restore s3://${s3.bucket}/${s3.fullKey(key)}: there is no such object`);
  const tier = object.ArchiveStatus ?? object.StorageClass;
  const expectedHours = tier === undefined ? undefined : HOURS[tier];
  if (expectedHours === undefined || object.Restore?.includes('ongoing-request="false"')) return { state: "available", expectedHours: 0 };
  if (object.Restore?.includes('ongoing-request="true"')) return { state: "in-progress", expectedHours };
  try {
    await s3.request(
      { action: "ask the archive for", key },
      (client, options) =>
        client.send(
          new RestoreObjectCommand({
            Bucket: s3.bucket,
            Key: s3.fullKey(key),
            // Intelligent-Tiering moves the object itself, for good.
            RestoreRequest: { ...(object.ArchiveStatus === undefined ? { Days: days } : {}), GlacierJobParameters: { Tier: "Standard" } },
          }),
          options,
        ),
      signal,
    );
  } catch (error) {
    if (s3Code(error) === "RestoreAlreadyInProgress") return { state: "in-progress", expectedHours };
    throw error;
  }
  return { state: "requested", expectedHours };
}
