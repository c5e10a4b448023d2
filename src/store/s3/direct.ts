import type { IncomingMessage } from "node:http";
import type { S3Client } from "@aws-sdk/client-s3";
import { encodeKey, routeOf, type Route, type SentRequest } from "./route.ts";
import { EMPTY_SHA256, Signer } from "./signature.ts";

/** A request for one object. */
export interface DirectRequest {
  readonly method: "GET" | "PUT";
  /** The whole key in the bucket. */
  readonly key: string;
  /** In lower case, without those that sign. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: { readonly bytes: Uint8Array; readonly sha256: string };
}

/** A success; the caller reads the body or destroys it. */
export interface DirectAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: IncomingMessage;
}

/**
 * Sends requests for objects without the layers that the SDK puts around each, which take several times as long as the
 * request itself. All that has to be known comes from the SDK: the way to the bucket is the one that a request of its
 * own has just gone; credentials, the clock's correction, connections and time limits are its client's. And whatever
 * has to do with the way (a redirect, another region, a clock that is off, a signature that is not understood) is left
 * to it: the request is then sent again, by the SDK, which shows the way anew. docs/decisions/0025-direct-requests.md
 */
export class Direct {
  readonly #client: S3Client;
  #way: { readonly route: Route; readonly signer: Signer } | undefined;
  readonly #onAnswer: (headers: DirectAnswer["headers"]) => void;
  #astray = 0;

  /** @param onAnswer told the headers of every answer */
  constructor(client: S3Client, onAnswer: (headers: DirectAnswer["headers"]) => void) {
    this.#client = client;
    this.#onAnswer = onAnswer;
  }

  /** Takes the way of a request for the object `key` that the store has answered with a success. */
  learn(request: SentRequest, key: string): void {
    if (this.#way !== undefined || this.#astray >= MOST_ASTRAY) return;
    const route = routeOf(request, key);
    if (route) this.#way = { route, signer: new Signer(route.region) };
  }

  /**
   * Sends a request once.
   * @returns undefined where the SDK has to send it
   * @throws an error of the form that the SDK's have, for answers other than successes; what the SDK's handler throws
   */
  async send(request: DirectRequest, abortSignal: AbortSignal | undefined): Promise<DirectAnswer | undefined> {
    const way = this.#way;
    if (way === undefined) return undefined;
    const { requestHandler } = this.#client.config;
    const sent = await this.#signed(request, way);
    const { response } = await requestHandler.handle(sent as Parameters<typeof requestHandler.handle>[0], abortSignal ? { abortSignal } : {});
    const { statusCode: status, headers } = response;
    const body = response.body as IncomingMessage;
    this.#onAnswer(headers);
    if (status >= 200 && status < 300) return { status, headers, body };
    const code = errorCode(await text(body));
    if ((status >= 300 && status < 400) || ASTRAY.has(code ?? "")) {
      if (this.#way === way) this.#way = undefined;
      this.#astray += 1;
      return undefined;
    }
    throw Object.assign(new Error(code ?? `HTTP ${status}`), { name: code ?? "UnknownError", Code: code, $metadata: { httpStatusCode: status }, $response: { statusCode: status, headers } });
  }

  async #signed({ method, key, headers, body }: DirectRequest, { route, signer }: { route: Route; signer: Signer }): Promise<Record<string, unknown>> {
    const { config } = this.#client;
    const credentials = await config.credentials();
    const path = route.before + encodeKey(key);
    const own = { host: route.host, ...headers, ...(body ? { "content-length": String(body.bytes.length) } : {}) };
    const signed = signer.sign({ method, path, headers: own, sha256: body?.sha256 ?? EMPTY_SHA256 }, credentials, Date.now() + config.systemClockOffset);
    if (route.userAgent !== undefined) signed["user-agent"] = route.userAgent;
    const { protocol, hostname, port } = route;
    return { method, protocol, hostname, port, path, query: {}, headers: signed, body: body?.bytes };
  }
}

/** After so many answers that say that the way is wrong, the SDK is left to go it alone. */
const MOST_ASTRAY = 3;

/** What says that the way is wrong, besides redirects. */
const ASTRAY = new Set(["AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "TemporaryRedirect"]);

const MOST_ERROR_BYTES = 64 * 1024;

/** What an answer says, as far as it comes. */
async function text(body: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > MOST_ERROR_BYTES) break;
    }
  } catch {
    // The status tells enough.
  }
  return Buffer.concat(chunks).toString();
}

/** The code of an error as S3 writes it: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
function errorCode(xml: string): string | undefined {
  return /<Error>.*?<Code>([^<]+)<\/Code>/s.exec(xml)?.[1];
}
