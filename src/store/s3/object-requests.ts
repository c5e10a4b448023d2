import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { checksums, sendBody, toBase64, type Body } from "./body.ts";
import type { S3Connection, SendOptions } from "./client.ts";
import type { DirectAnswer } from "./direct.ts";
import { keeping } from "./requests.ts";

/** What an answer says of an object, or a range of it. */
export interface Described {
  readonly etag: string | undefined;
  readonly contentRange: string | undefined;
  readonly sizeBytes: number | undefined;
}

export interface Got extends Described {
  readonly body: Readable;
}

/** One try to read a range, its end included; {@link Direct} sends it where it can. @param etag the only version to be read */
export async function getObject(s3: S3Connection, key: string, range: string, etag: string | undefined, client: S3Client, options: SendOptions): Promise<Got> {
  const answer = await s3.direct?.stream({ method: "GET", key: s3.fullKey(key), headers: getHeaders(s3, range, etag) }, options.abortSignal);
  if (answer) return { body: answer.body, ...described(answer) };
  const command = new GetObjectCommand({ Bucket: s3.bucket, Key: s3.fullKey(key), Range: range, ...(etag === undefined ? {} : { IfMatch: etag }) });
  const response = await client.send(command, options);
  return { body: response.Body as IncomingMessage, etag: response.ETag, contentRange: response.ContentRange, sizeBytes: response.ContentLength };
}

/**
 * As {@link getObject} for a small range, which is read to its end.
 * @param onBytes gets the bytes, which are valid during the call only, as they come
 */
export async function getWhole(
  s3: S3Connection,
  key: string,
  range: string,
  etag: string | undefined,
  client: S3Client,
  options: SendOptions,
  onBytes: (bytes: Buffer, object: Described) => void,
): Promise<void> {
  const request = { method: "GET", key: s3.fullKey(key), headers: getHeaders(s3, range, etag) } as const;
  let object: Described | undefined;
  if (await s3.direct?.send(request, (bytes, answer) => onBytes(bytes, (object ??= described(answer))), options.abortSignal)) return;
  const got = await getObject(s3, key, range, etag, client, options);
  for await (const bytes of got.body as AsyncIterable<Buffer>) onBytes(bytes, got);
}

/** The SDK asks first whether larger bodies are welcome (`Expect: 100-continue`). */
const MOST_DIRECT_BYTES = 2 * 1024 * 1024 - 1;

/** One try to write an object in one request; {@link Direct} sends it where it can. @param conditional that it must not be there */
export async function putObject(s3: S3Connection, key: string, body: Body, conditional: boolean, client: S3Client, { abortSignal }: SendOptions): Promise<void> {
  if (body.bytes && body.sizeBytes <= MOST_DIRECT_BYTES) {
    const headers = { ...putHeaders(s3, key, body), ...(conditional ? { "if-none-match": "*" } : {}) };
    const request = { method: "PUT", key: s3.fullKey(key), headers, body: { bytes: body.bytes, sha256: body.sha256 } } as const;
    if (await s3.direct?.send(request, () => {}, abortSignal)) return;
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

function getHeaders(s3: S3Connection, range: string, etag: string | undefined): Record<string, string> {
  return { range, ...(etag === undefined ? {} : { "if-match": etag }), ...payer(s3) };
}

function described({ headers }: DirectAnswer): Described {
  const length = headers["content-length"];
  return { etag: headers["etag"], contentRange: headers["content-range"], sizeBytes: length === undefined ? undefined : Number(length) };
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
