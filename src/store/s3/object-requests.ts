import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { checksums, sendBody, toBase64, type Body } from "./body.ts";
import type { S3Connection, SendOptions } from "./client.ts";
import { keeping } from "./requests.ts";

/** An object's bytes, or a range of them. */
export interface Got {
  readonly body: Readable;
  readonly etag: string | undefined;
  readonly contentRange: string | undefined;
  readonly sizeBytes: number | undefined;
}

/** One try to read a range, its end included; {@link Direct} sends it where it can. @param etag the only version to be read */
export async function getObject(s3: S3Connection, key: string, range: string, etag: string | undefined, client: S3Client, options: SendOptions): Promise<Got> {
  const headers = { range, ...(etag === undefined ? {} : { "if-match": etag }), ...payer(s3) };
  const answer = await s3.direct?.send({ method: "GET", key: s3.fullKey(key), headers }, options.abortSignal);
  if (answer) {
    const length = answer.headers["content-length"];
    return { body: answer.body, etag: answer.headers["etag"], contentRange: answer.headers["content-range"], sizeBytes: length === undefined ? undefined : Number(length) };
  }
  const command = new GetObjectCommand({ Bucket: s3.bucket, Key: s3.fullKey(key), Range: range, ...(etag === undefined ? {} : { IfMatch: etag }) });
  const response = await client.send(command, options);
  return { body: response.Body as IncomingMessage, etag: response.ETag, contentRange: response.ContentRange, sizeBytes: response.ContentLength };
}

/** The SDK asks first whether larger bodies are welcome (`Expect: 100-continue`). */
const MOST_DIRECT_BYTES = 2 * 1024 * 1024 - 1;

/** One try to write an object in one request; {@link Direct} sends it where it can. @param conditional that it must not be there */
export async function putObject(s3: S3Connection, key: string, body: Body, conditional: boolean, client: S3Client, { abortSignal }: SendOptions): Promise<void> {
  if (body.bytes && body.sizeBytes <= MOST_DIRECT_BYTES) {
    const headers = { ...putHeaders(s3, key, body), ...(conditional ? { "if-none-match": "*" } : {}) };
    const answer = await s3.direct?.send({ method: "PUT", key: s3.fullKey(key), headers, body: { bytes: body.bytes, sha256: body.sha256 } }, abortSignal);
    if (answer) return void answer.body.resume();
  }
  await sendBody(body, abortSignal, (Body, options) =>
    client.send(
      new PutObjectCommand({
        Bucket: s3.bucket,
        Key: s3.fullKey(key),
        Body,
        ContentLength: body.sizeBytes,
        ...checksums(body),
        ...keeping(s3, key),
        ...(conditional ? { IfNoneMatch: "*" } : {}),
      }),
      options,
    ),
  );
}

/** No MD5: the signature covers the body's SHA-256, by which every server verifies what it receives. */
function putHeaders(s3: S3Connection, key: string, body: Body): Record<string, string> {
  const { ServerSideEncryption: sse, SSEKMSKeyId: kmsKey, StorageClass: storageClass } = keeping(s3, key);
  return {
    "x-amz-checksum-sha256": toBase64(body.sha256),
    ...(sse === undefined ? {} : { "x-amz-server-side-encryption": sse }),
    ...(kmsKey === undefined ? {} : { "x-amz-server-side-encryption-aws-kms-key-id": kmsKey }),
    ...(storageClass === undefined ? {} : { "x-amz-storage-class": storageClass }),
    ...payer(s3),
  };
}

function payer({ settings }: S3Connection): Record<string, string> {
  return settings.requesterPays ? { "x-amz-request-payer": "requester" } : {};
}
