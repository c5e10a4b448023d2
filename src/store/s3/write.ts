import { DeleteObjectCommand } from "@aws-sdk/client-s3";
import { OBJECTS_PREFIX } from "../../object/name.ts";
import type { ByteSource } from "../port.ts";
import { readBody, toBase64, toBody, withMemory, type Body } from "./body.ts";
import { isAbsent, type S3Connection } from "./client.ts";
import { s3Status } from "./errors.ts";
import { writeInParts } from "./multipart.ts";
import { putObject } from "./object-requests.ts";
import { head, refusesCondition } from "./requests.ts";

/** Larger objects cost too much to be written again only to learn how the provider answers. */
const TRIAL_BYTES = 256 * 1024;

/** @see Store.write */
export async function writeObject(s3: S3Connection, key: string, source: ByteSource, signal?: AbortSignal): Promise<"created" | "exists"> {
  signal?.throwIfAborted();
  if (source.sizeBytes > s3.settings.partSizeBytes) return writeInParts(s3, key, source, signal);
  return withMemory(source.sizeBytes, signal, async () => putNew(s3, key, await readBody(source, key, signal), signal));
}

/** @see Store.replace */
export async function replaceObject(s3: S3Connection, key: string, content: Uint8Array, signal?: AbortSignal): Promise<void> {
  const body = toBody(Buffer.from(content));
  await s3.request({ action: "write", key }, (client, options) => putObject(s3, key, body, false, client, options), signal);
}

/** @see Store.remove */
export async function removeObject(s3: S3Connection, key: string, signal?: AbortSignal, beforeTry?: () => void): Promise<void> {
  try {
    await s3.request({ action: "remove", key }, (client, options) => client.send(deletion(s3, key, beforeTry), options), signal);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}

/** @param beforeSending called once the request is signed: so no signature is younger than what it finds out */
function deletion(s3: S3Connection, key: string, beforeSending: (() => void) | undefined): DeleteObjectCommand {
  const command = new DeleteObjectCommand({ Bucket: s3.bucket, Key: s3.fullKey(key) });
  if (beforeSending) {
    command.middlewareStack.add(
      (next) => (args) => {
        beforeSending();
        return next(args);
      },
      { step: "deserialize", name: "ballastBeforeSending", priority: "low" },
    );
  }
  return command;
}

async function putNew(s3: S3Connection, key: string, body: Body, signal: AbortSignal | undefined): Promise<"created" | "exists"> {
  await s3.connect();
  // Once: where the trial fails, all go on by themselves, and do not wait for each other's retries.
  if (s3.conditionalWrites === "unknown" && s3.findingOut) await s3.findingOut;
  const writing = putOne(s3, key, body, signal);
  if (s3.conditionalWrites === "unknown" && !s3.findingOut && isTrial(key, body)) {
    const known = (): void => void (s3.findingOut = undefined);
    s3.findingOut = writing.then(known, known);
  }
  return writing;
}

/** Whether writing this finds out how the provider answers. */
function isTrial(key: string, { sizeBytes }: Body): boolean {
  return key.startsWith(OBJECTS_PREFIX) && sizeBytes <= TRIAL_BYTES;
}

async function putOne(s3: S3Connection, key: string, body: Body, signal: AbortSignal | undefined): Promise<"created" | "exists"> {
  if (s3.conditionalWrites !== "enforced" && (await head(s3, key, signal))) return "exists";
  const conditional = s3.conditionalWrites !== "ignored";
  let tries = 0;
  try {
    await s3.request(
      { action: "write", key },
      (client, options) => {
        tries += 1;
        return putObject(s3, key, body, conditional, client, options);
      },
      signal,
    );
  } catch (error) {
    if (s3Status(error) === 412) {
      s3.conditionalWrites = "enforced";
      // After a try whose answer was lost, what stands in the way may be what we wrote.
      return tries > 1 && (await holds(s3, key, body, signal)) ? "created" : "exists";
    }
    if (!conditional || !refusesCondition(error)) throw error;
    s3.conditionalWrites = "ignored";
    return putOne(s3, key, body, signal);
  }
  if (s3.conditionalWrites === "unknown" && isTrial(key, body)) await tryCondition(s3, key, body, signal);
  return "created";
}

/** Writes the same bytes to the same key again, which must fail: so it is known from now on what the provider does. */
async function tryCondition(s3: S3Connection, key: string, body: Body, signal: AbortSignal | undefined): Promise<void> {
  try {
    await s3.requestOnce({ action: "write", key }, (client, options) => putObject(s3, key, body, true, client, options), signal);
    s3.conditionalWrites = "ignored";
  } catch (error) {
    signal?.throwIfAborted();
    // Any other failure tells nothing, and the object is written.
    if (s3Status(error) === 412) s3.conditionalWrites = "enforced";
  }
}

async function holds(s3: S3Connection, key: string, body: Body, signal: AbortSignal | undefined): Promise<boolean> {
  const there = await head(s3, key, signal);
  if (!there) return false;
  return there.ChecksumSHA256 === undefined ? there.ETag?.replaceAll('"', "") === body.md5 : there.ChecksumSHA256 === toBase64(body.sha256);
}
