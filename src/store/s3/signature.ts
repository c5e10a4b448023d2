import { createHash, createHmac } from "node:crypto";

/** What a request is signed with. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** A request without a query. */
export interface Unsigned {
  readonly method: string;
  /** Percent-encoded, as it is sent. */
  readonly path: string;
  /** In lower case; all are signed. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body in lower-case hex: the server refuses any other body. */
  readonly sha256: string;
}

/** SHA-256 of an empty body. */
export const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/**
 * Signs requests to S3 for one region by AWS Signature Version 4. The key for a day is derived once.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export class Signer {
  readonly region: string;
  #key: { readonly secret: string; readonly day: string; readonly bytes: Buffer } | undefined;

  constructor(region: string) {
    this.region = region;
  }

  /** The headers of the request with those that sign it, at a time in milliseconds since 1970 by the server's clock. */
  sign({ method, path, headers, sha256 }: Unsigned, { accessKeyId, secretAccessKey, sessionToken }: Credentials, nowMs: number): Record<string, string> {
    const date = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
    const day = date.slice(0, 8);
    const scope = `${day}/${this.region}/s3/aws4_request`;
    const signed: Record<string, string> = { ...headers, "x-amz-content-sha256": sha256, "x-amz-date": date };
    if (sessionToken !== undefined) signed["x-amz-security-token"] = sessionToken;
    const names = Object.keys(signed).sort();
    const list = names.join(";");
    const lines = names.map((name) => `${name}:${signed[name]!.trim().replaceAll(/ +/g, " ")}\n`).join("");
    const canonical = createHash("sha256").update(`${method}\n${path}\n\n${lines}\n${list}\n${sha256}`).digest("hex");
    const signature = createHmac("sha256", this.#keyOf(secretAccessKey, day)).update(`AWS4-HMAC-SHA256\n${date}\n${scope}\n${canonical}`).digest("hex");
    signed["authorization"] = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${list}, Signature=${signature}`;
    return signed;
  }

  #keyOf(secret: string, day: string): Buffer {
    if (this.#key?.secret !== secret || this.#key.day !== day) {
      const bytes = [day, this.region, "s3", "aws4_request"].reduce<Buffer>((key, part) => createHmac("sha256", key).update(part).digest(), Buffer.from(`AWS4${secret}`));
      this.#key = { secret, day, bytes };
    }
    return this.#key.bytes;
  }
}
