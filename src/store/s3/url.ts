import { BallastError } from "../../errors.ts";

/** Where in S3 a store is. */
export interface S3Location {
  readonly bucket: string;
  /** "" or ends with "/". */
  readonly prefix: string;
}

/** Names of buckets as the older rules have them, aliases of access points included. */
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/;
const PREFIX_PART = /^[^\u0000-\u001f\u007f/?#\\]+$/;

/** @throws CONFIG_INVALID; the message does not repeat a URL that may hold credentials */
export function parseS3Url(url: string): S3Location {
  const match = /^s3:\/\/([^/]*)(?:\/(.*))?$/s.exec(url);
  if (!match) throw invalid(`not an S3 URL: ${JSON.stringify(url)}`);
  const [, bucket = "", path = ""] = match;
  if (bucket.includes("@") || bucket.includes(":")) {
    throw new BallastError("CONFIG_INVALID", "an S3 URL holds a bucket and a prefix, neither credentials nor a host", {
      hint: "keep credentials where the AWS tools look for them, and set another provider's host with git config ballast.store.endpoint",
    });
  }
  if (!BUCKET.test(bucket)) throw invalid(`not the name of a bucket: ${JSON.stringify(bucket)}`);
  const prefix = path.replace(/\/$/, "");
  const parts = prefix === "" ? [] : prefix.split("/");
  if (!parts.every((part) => PREFIX_PART.test(part) && part !== "." && part !== "..")) {
    throw invalid(`not a prefix for a store: ${JSON.stringify(path)}`);
  }
  return { bucket, prefix: parts.length === 0 ? "" : `${prefix}/` };
}

/** The one way to write a location: without a slash at the end. */
export function formatS3Url({ bucket, prefix }: S3Location): string {
  return prefix === "" ? `s3://${bucket}` : `s3://${bucket}/${prefix.slice(0, -1)}`;
}

function invalid(message: string): BallastError {
  return new BallastError("CONFIG_INVALID", message, { hint: "a store in S3 is written s3://bucket or s3://bucket/prefix" });
}
