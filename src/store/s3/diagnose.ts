import { GetBucketLifecycleConfigurationCommand, GetBucketVersioningCommand, HeadBucketCommand, type LifecycleRule } from "@aws-sdk/client-s3";
import { isBallastError } from "../../errors.ts";
import type { Diagnosis } from "../port.ts";
import type { S3Connection } from "./client.ts";
import { RACERS, raceForOneKey, refusesToReplace } from "./conditions.ts";
import { s3Code } from "./errors.ts";

/** S3 refuses requests that are 15 minutes off. */
const MOST_SKEW_MS = 5 * 60 * 1000;

/** @see Store.diagnose */
export async function* diagnose(s3: S3Connection, signal?: AbortSignal): AsyncGenerator<Diagnosis> {
  const checks: readonly [string, (s3: S3Connection, signal?: AbortSignal) => Promise<Omit<Diagnosis, "name">>][] = [
    ["bucket", reachable],
    ["clock", clock],
    ["conditional writes", conditionalWrites],
    ["unfinished uploads", lifecycle],
    ["versioning", versioning],
  ];
  for (const [name, check] of checks) {
    try {
      yield { name, ...(await check(s3, signal)) };
    } catch (error) {
      signal?.throwIfAborted();
      if (!isBallastError(error)) throw error;
      const mend = error.hint === undefined ? {} : { mend: error.hint };
      // Rights to look at a bucket's settings are not needed for work.
      const ok = check === reachable || check === conditionalWrites ? false : "unknown";
      yield { name, ok, detail: error.message, ...mend };
      if (check === reachable) return;
    }
  }
}

async function reachable(s3: S3Connection, signal?: AbortSignal): Promise<Omit<Diagnosis, "name">> {
  const { BucketRegion } = await s3.request({ action: "look at" }, (client, options) => client.send(new HeadBucketCommand({ Bucket: s3.bucket }), options), signal);
  const region = await s3.region();
  if (BucketRegion === undefined || BucketRegion === "" || BucketRegion === region) {
    return { ok: true, detail: `${s3.bucket} answers; requests are signed for ${region}` };
  }
  if (!s3.isAws) return { ok: true, detail: `${s3.bucket} answers; it says it is in ${BucketRegion}, requests are signed for ${region}` };
  return {
    ok: false,
    detail: `${s3.bucket} is in ${BucketRegion}, but requests go to ${region} first`,
    mend: `git config ballast.store.region ${BucketRegion}`,
  };
}

async function clock(s3: S3Connection): Promise<Omit<Diagnosis, "name">> {
  const offsetMs = s3.clockOffsetMs;
  if (offsetMs === undefined) return { ok: "unknown", detail: "the store does not tell its time" };
  const detail = `the store's clock is ${Math.abs(offsetMs / 1000).toFixed(0)} s ${offsetMs < 0 ? "behind" : "ahead of"} this machine's`;
  return Math.abs(offsetMs) > MOST_SKEW_MS ? { ok: false, detail, mend: "set the clock of this machine" } : { ok: true, detail };
}

async function conditionalWrites(s3: S3Connection, signal?: AbortSignal): Promise<Omit<Diagnosis, "name">> {
  const winners = await raceForOneKey(s3, signal);
  if (winners <= 1 && (await refusesToReplace(s3, signal))) return { ok: true, detail: `of ${RACERS} writers of one object at most one is told that it made it, so locks hold` };
  return {
    ok: false,
    detail: winners > 1
      ? `${winners} of ${RACERS} writers of one object were told that they made it, though asked not to overwrite (If-None-Match: *), so locks do not hold`
      : "the provider overwrites objects even when asked not to (If-None-Match: *), so locks do not hold",
    mend: "use a provider or a newer version that enforces conditional writes; docs/s3.md lists some",
  };
}

async function lifecycle(s3: S3Connection, signal?: AbortSignal): Promise<Omit<Diagnosis, "name">> {
  let rules: LifecycleRule[];
  try {
    const { Rules = [] } = await s3.request(
      { action: "read the lifecycle rules of" },
      (client, options) => client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: s3.bucket }), options),
      signal,
    );
    rules = Rules;
  } catch (error) {
    if (s3Code(error) !== "NoSuchLifecycleConfiguration") throw error;
    rules = [];
  }
  const rule = rules.find((each) => each.Status === "Enabled" && each.AbortIncompleteMultipartUpload && covers(each, s3.location.prefix));
  if (rule) return { ok: true, detail: `a lifecycle rule aborts them after ${rule.AbortIncompleteMultipartUpload!.DaysAfterInitiation} days` };
  return {
    ok: false,
    detail: "no lifecycle rule aborts unfinished uploads, so those that nobody continues cost storage",
    mend: "docs/s3.md has the rule, and the aws command that adds it",
  };
}

function covers({ Filter, Prefix }: LifecycleRule, prefix: string): boolean {
  if (Filter?.Tag || Filter?.And || Filter?.ObjectSizeGreaterThan !== undefined || Filter?.ObjectSizeLessThan !== undefined) return false;
  return prefix.startsWith(Filter?.Prefix ?? Prefix ?? "");
}

async function versioning(s3: S3Connection, signal?: AbortSignal): Promise<Omit<Diagnosis, "name">> {
  const { Status } = await s3.request(
    { action: "read the versioning of" },
    (client, options) => client.send(new GetBucketVersioningCommand({ Bucket: s3.bucket }), options),
    signal,
  );
  if (Status !== "Enabled") return { ok: true, detail: "off: what cleanup removes is gone at once" };
  return { ok: true, detail: "on: what cleanup removes stays, and costs, until a lifecycle rule expires noncurrent versions" };
}
