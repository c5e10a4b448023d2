import { randomUUID } from "node:crypto";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { checksums, toBody } from "./body.ts";
import type { S3Connection } from "./client.ts";
import { s3Status } from "./errors.ts";
import { refusesCondition } from "./requests.ts";
import { removeObject } from "./write.ts";

/** Stays in the store, so that trying it out needs one request, and no right to remove anything. */
const PROBE_KEY = "locks/probe.json";
/** Writers that race for one object. */
export const RACERS = 8;

/** @see Store.refusesToReplace; asks the provider once, and nothing where the answer is known */
export async function refusesToReplace(s3: S3Connection, signal?: AbortSignal): Promise<boolean> {
  await s3.connect();
  if (s3.conditionalWrites === "unknown") {
    // The first may be the one that makes the object; the second must be refused.
    const refused = (await putIfAbsent(s3, PROBE_KEY, "{}", signal)) === "refused" || (await putIfAbsent(s3, PROBE_KEY, "{}", signal)) === "refused";
    s3.conditionalWrites = refused ? "enforced" : "ignored";
  }
  return s3.conditionalWrites === "enforced";
}

/** How many of several writers of one new object, at the same time, are told that they made it. */
export async function raceForOneKey(s3: S3Connection, signal?: AbortSignal): Promise<number> {
  await s3.connect();
  const key = `locks/probe-${randomUUID()}.json`;
  try {
    const answers = await Promise.all(Array.from({ length: RACERS }, (_, i) => putIfAbsent(s3, key, JSON.stringify({ writer: i }), signal)));
    return answers.filter((answer) => answer === "created").length;
  } finally {
    await removeObject(s3, key);
  }
}

async function putIfAbsent(s3: S3Connection, key: string, text: string, signal: AbortSignal | undefined): Promise<"created" | "refused" | "not known"> {
  const Body = Buffer.from(text);
  const input = { Bucket: s3.bucket, Key: s3.fullKey(key), Body, ...checksums(toBody(Body)), IfNoneMatch: "*" };
  try {
    await s3.request({ action: "write", key }, (client, options) => client.send(new PutObjectCommand(input), options), signal);
    return "created";
  } catch (error) {
    if (s3Status(error) === 412) return "refused";
    if (refusesCondition(error)) return "not known";
    throw error;
  }
}
