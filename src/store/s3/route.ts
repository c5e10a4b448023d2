/** Where requests for the objects of a bucket go, and what they are signed for. */
export interface Route {
  readonly protocol: string;
  readonly hostname: string;
  readonly port: number | undefined;
  /** As the `Host` header has it. */
  readonly host: string;
  /** What stands before the key in the path; ends with "/". */
  readonly before: string;
  readonly region: string;
  readonly userAgent: string | undefined;
}

/** A request as the SDK sent it, of which this is what matters here. */
export interface SentRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html */
const SIGNED = /^AWS4-HMAC-SHA256 Credential=[^,]+\/\d{8}\/([^/,]+)\/s3\/aws4_request,/;

/**
 * What a request of the SDK for the object `key` (the whole key in the bucket) shows of the way to its bucket: so its
 * rules of endpoints, its redirects and its signing regions need not be known here.
 * @returns undefined where other keys may go another way, or are not signed by Signature Version 4 for `s3`
 */
export function routeOf({ protocol, hostname, port, path, headers }: SentRequest, key: string): Route | undefined {
  const region = SIGNED.exec(headers["authorization"] ?? "")?.[1];
  const tail = `/${encodeKey(key)}`;
  const host = headers["host"];
  if (region === undefined || host === undefined || !path.endsWith(tail)) return undefined;
  return { protocol, hostname, port, host, before: path.slice(0, path.length - tail.length + 1), region, userAgent: headers["user-agent"] };
}

/** A key in a path: everything but unreserved characters (RFC 3986) and slashes is percent-encoded. */
export function encodeKey(key: string): string {
  return key.split("/").map(encodePart).join("/");
}

function encodePart(part: string): string {
  return encodeURIComponent(part).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
