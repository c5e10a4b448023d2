import { BallastError, isBallastError, systemCode, type ErrorCode } from "../../errors.ts";
import type { Verdict } from "../retry.ts";

/** What was being done when a request failed. */
export interface About {
  readonly bucket: string;
  /** The whole key in the bucket. */
  readonly key?: string;
  readonly action: string;
}

/**
 * What is kept of an error of the SDK. The error itself may carry the request with its credentials, so it is not kept.
 */
export class S3Cause extends Error {
  /** The error code that S3 documents, or the SDK's or Node's name for it. */
  readonly code: string;
  readonly status: number | undefined;
  readonly again: Verdict["again"];
  readonly afterMs: number | undefined;

  constructor(code: string, status: number | undefined, again: Verdict["again"], afterMs: number | undefined) {
    super(status === undefined ? code : `${code} (HTTP ${status})`);
    this.code = code;
    this.status = status;
    this.again = again;
    this.afterMs = afterMs;
  }
}

/** The S3 error code behind a failure that {@link s3Failure} made, or undefined. */
export function s3Code(error: unknown): string | undefined {
  return causeOf(error)?.code;
}

/** The HTTP status behind a failure that {@link s3Failure} made, or undefined. */
export function s3Status(error: unknown): number | undefined {
  return causeOf(error)?.status;
}

/** Judges failures that {@link s3Failure} made. */
export function judgeS3(error: unknown): Verdict {
  const cause = causeOf(error);
  if (!cause) return { again: "no", reason: String(error) };
  return { again: cause.again, reason: cause.message, ...(cause.afterMs === undefined ? {} : { afterMs: cause.afterMs }) };
}

/** Turns an error of the SDK into ours; what is not one (a bug) is returned as it came. */
export function s3Failure(error: unknown, about: About): unknown {
  if (!(error instanceof Error) || isBallastError(error)) return error;
  const { code, status, afterMs, skewCorrected } = inspect(error);
  const rule = ruleFor(code, status, about);
  if (!rule) return error;
  const [ours, reason, hint, again = "no"] = rule;
  const cause = new S3Cause(code, status, skewCorrected ? "soon" : again, afterMs);
  const where = about.key === undefined ? `bucket ${about.bucket}` : `s3://${about.bucket}/${about.key}`;
  return new BallastError(ours, `cannot ${about.action} ${where}: ${reason}`, { ...(hint === undefined ? {} : { hint }), cause });
}

type Rule = readonly [ErrorCode, reason: string, hint?: string, again?: Verdict["again"]];

const CREDENTIALS_HINT = "run aws configure or set AWS_PROFILE; `git ballast doctor` shows what was found";
const DENIED_HINT = "the permissions that a store needs are listed in docs/s3.md; `git ballast doctor` shows who you are to the store";
const BUSY: Rule = ["STORE_BUSY", "the store asks for fewer requests", "wait a little, or lower ballast.concurrency", "busy"];
const FAILING: Rule = ["STORE_UNREACHABLE", "the store failed", "run the same command again; what was transferred is kept", "soon"];
const DAMAGED: Rule = ["STORE_UNREACHABLE", "the data arrived damaged", "the network corrupts data; use https", "soon"];
const REGION: Rule = ["CONFIG_INVALID", "the bucket is in another region", "set it with git config ballast.store.region"];
const EXPIRED: Rule = ["CREDENTIALS_MISSING", "the credentials have expired", "sign in again, e.g. with aws sso login"];
const NO_CREDENTIALS: Rule = ["CREDENTIALS_MISSING", "no credentials were found", CREDENTIALS_HINT];
const DENIED: Rule = ["STORE_DENIED", "access denied", DENIED_HINT];
const FULL: Rule = ["DISK_FULL", "the bucket's quota is used up", "raise the quota, or run git ballast cleanup"];
const MISSING: Rule = ["OBJECT_MISSING", "there is no such object"];
const NO_BUCKET: Rule = ["STORE_MISSING", "there is no such bucket", "check the store's URL and ballast.store.endpoint, or create the bucket"];
const CERTIFICATE: Rule = ["STORE_UNREACHABLE", "its certificate is not trusted", "set NODE_EXTRA_CA_CERTS to the file of your authority's certificate"];
const OFFLINE: Rule = ["STORE_UNREACHABLE", "no connection", "check the network and ballast.store.endpoint", "soon"];
const CONFLICT: Rule = ["STORE_BUSY", "someone else is writing it", "run the same command again", "soon"];

const RULES: Readonly<Record<string, Rule>> = {
  CredentialsProviderError: NO_CREDENTIALS,
  TokenProviderError: NO_CREDENTIALS,
  ExpiredToken: EXPIRED,
  ExpiredTokenException: EXPIRED,
  TokenRefreshRequired: EXPIRED,
  InvalidToken: ["CREDENTIALS_MISSING", "the session token is not valid", CREDENTIALS_HINT],
  InvalidAccessKeyId: ["STORE_DENIED", "the store does not know the access key", CREDENTIALS_HINT],
  SignatureDoesNotMatch: ["STORE_DENIED", "the store does not accept the secret key", CREDENTIALS_HINT],
  RequestTimeTooSkewed: ["STORE_DENIED", "this machine's clock is wrong", "set the clock of this machine"],
  AccessDenied: DENIED,
  Forbidden: DENIED,
  NoSuchBucket: NO_BUCKET,
  NoSuchKey: MISSING,
  InvalidObjectState: ["OBJECT_ARCHIVED", "it is in an archive", "ask for it with git ballast checkout --restore-archived"],
  SlowDown: BUSY,
  ServiceUnavailable: BUSY,
  TooManyRequests: BUSY,
  RequestLimitExceeded: BUSY,
  Throttling: BUSY,
  ThrottlingException: BUSY,
  RestoreAlreadyInProgress: ["STORE_BUSY", "the archive is already bringing it back", "wait, and run the same command again"],
  OperationAborted: CONFLICT,
  ConditionalRequestConflict: CONFLICT,
  PreconditionFailed: ["STORE_BUSY", "it has changed meanwhile", "run the same command again"],
  RequestTimeout: ["STORE_UNREACHABLE", "the transfer stalled", "run the same command again; what was transferred is kept", "soon"],
  TimeoutError: ["STORE_UNREACHABLE", "the transfer stalled", "run the same command again; what was transferred is kept", "soon"],
  InternalError: FAILING,
  BadDigest: DAMAGED,
  XAmzContentSHA256Mismatch: DAMAGED,
  XAmzContentChecksumMismatch: DAMAGED,
  IncompleteBody: DAMAGED,
  QuotaExceeded: FULL,
  XMinioStorageFull: FULL,
  InsufficientStorage: FULL,
  PermanentRedirect: REGION,
  TemporaryRedirect: FAILING,
  AuthorizationHeaderMalformed: REGION,
  IllegalLocationConstraintException: REGION,
  InvalidBucketName: ["CONFIG_INVALID", "not the name of a bucket", "check the store's URL"],
  InvalidStorageClass: ["CONFIG_INVALID", "the provider does not know the storage class", "check ballast.store.storageClass"],
};

const SYSTEM: Readonly<Record<string, Rule>> = {
  ECONNREFUSED: OFFLINE,
  ECONNRESET: OFFLINE,
  ECONNABORTED: OFFLINE,
  EPIPE: OFFLINE,
  ETIMEDOUT: OFFLINE,
  ENOTFOUND: OFFLINE,
  EAI_AGAIN: OFFLINE,
  EAI_FAIL: OFFLINE,
  EHOSTUNREACH: OFFLINE,
  ENETUNREACH: OFFLINE,
  ENETDOWN: OFFLINE,
  EADDRNOTAVAIL: OFFLINE,
  ERR_STREAM_PREMATURE_CLOSE: OFFLINE,
  EPROTO: OFFLINE,
  CERT_HAS_EXPIRED: CERTIFICATE,
  DEPTH_ZERO_SELF_SIGNED_CERT: CERTIFICATE,
  SELF_SIGNED_CERT_IN_CHAIN: CERTIFICATE,
  UNABLE_TO_GET_ISSUER_CERT: CERTIFICATE,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: CERTIFICATE,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: CERTIFICATE,
  ERR_TLS_CERT_ALTNAME_INVALID: CERTIFICATE,
};

function ruleFor(code: string, status: number | undefined, about: About): Rule | undefined {
  const rule = RULES[code] ?? SYSTEM[code] ?? (code.startsWith("HPE_") ? DAMAGED : undefined);
  if (rule) return rule;
  if (code.startsWith("KMS.")) return ["STORE_DENIED", `the encryption key was refused (${code})`, "check ballast.store.sseKmsKeyId and your rights to the key"];
  if (status === undefined) return undefined;
  // What follows covers answers without a code that we know, as HEAD has none at all.
  if (status === 404) return about.key === undefined ? NO_BUCKET : MISSING;
  if (status === 401 || status === 403) return DENIED;
  if (status === 409) return CONFLICT;
  if (status === 301 || status === 307) return REGION;
  if (status === 429 || status === 503) return BUSY;
  if (status === 501) return ["CONFIG_INVALID", `the provider does not implement it (${code})`, "docs/s3.md lists what a provider must have"];
  if (status === 507) return FULL;
  if (status >= 500) return FAILING;
  // A success whose body cannot be read as XML.
  if (status < 300) return DAMAGED;
  return ["CONFIG_INVALID", `the provider refuses it (${code}, HTTP ${status})`, "check the settings ballast.store.*; docs/s3.md explains them"];
}

function inspect(error: Error): { code: string; status: number | undefined; afterMs: number | undefined; skewCorrected: boolean } {
  const { Code, $metadata, $response } = error as {
    Code?: unknown;
    $metadata?: { httpStatusCode?: number; clockSkewCorrected?: boolean };
    $response?: { statusCode?: number; headers?: Record<string, string> };
  };
  const seconds = Number($response?.headers?.["retry-after"]);
  return {
    code: typeof Code === "string" ? Code : error.name in RULES ? error.name : (systemCode(error) ?? error.name),
    status: $metadata?.httpStatusCode ?? $response?.statusCode,
    afterMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined,
    skewCorrected: $metadata?.clockSkewCorrected === true,
  };
}

function causeOf(error: unknown): S3Cause | undefined {
  return isBallastError(error) && error.cause instanceof S3Cause ? error.cause : undefined;
}
