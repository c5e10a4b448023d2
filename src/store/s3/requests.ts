import { HeadObjectCommand, type HeadObjectCommandOutput, type ServerSideEncryption, type StorageClass } from "@aws-sdk/client-s3";
import { OBJECTS_PREFIX } from "../../object/name.ts";
import { isAbsent, type S3Connection } from "./client.ts";
import { s3Code, s3Status } from "./errors.ts";

/** What the store says about an object, or undefined when there is none. */
export async function head(s3: S3Connection, key: string, signal?: AbortSignal): Promise<HeadObjectCommandOutput | undefined> {
  try {
    return await s3.request(
      { action: "look at", key },
      (client, options) => client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key: s3.fullKey(key), ChecksumMode: "ENABLED" }), options),
      signal,
    );
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** How the settings want an object to be kept. Control files stay in the standard class: they are short and often read. */
export function keeping(s3: S3Connection, key: string): { ServerSideEncryption?: ServerSideEncryption; SSEKMSKeyId?: string; StorageClass?: StorageClass } {
  const { sse, sseKmsKeyId, storageClass } = s3.settings;
  return {
    ...(sse === undefined ? {} : { ServerSideEncryption: sse }),
    ...(sse !== "aws:kms" || sseKmsKeyId === undefined ? {} : { SSEKMSKeyId: sseKmsKeyId }),
    ...(storageClass === undefined || !key.startsWith(OBJECTS_PREFIX) ? {} : { StorageClass: storageClass as StorageClass }),
  };
}

/** Whether the provider says that it does not know conditional writes. */
export function refusesCondition(error: unknown): boolean {
  return s3Status(error) === 501 || s3Code(error) === "NotImplemented";
}
