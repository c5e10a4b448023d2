import type { IncomingMessage } from "node:http";
import type { S3Client } from "@aws-sdk/client-s3";
import { Connections, type ConnectionTimes, type Message } from "./connections.ts";
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

/** A success. */
export interface DirectAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** A success whose body comes as a stream; the caller reads or destroys it. */
export interface StreamedAnswer extends DirectAnswer {
  readonly body: IncomingMessage;
}

/** For what is read by the chunk: the bytes are valid during the call only. */
export type OnBody = (bytes: Buffer, answer: DirectAnswer) => void;

/**
 * Sends requests for objects without the layers that the SDK puts around each, which take several times as long as the
 * request itself. All that has to be known comes from the SDK: the way to the bucket is the one that a request of its
 * own has just gone; credentials and the clock's correction are its client's. And whatever has to do with the way (a
 * redirect, another region, a clock that is off, a signature that is not understood) is left to it: the request is then
 * sent again, by the SDK, which shows the way anew. docs/decisions/0025-direct-requests.md
 */
export class Direct {
  readonly #client: S3Client;
  readonly #connections: Connections;
  readonly #onAnswer: (headers: DirectAnswer["headers"]) => void;
  #way: Way | undefined;
  #astray = 0;

  /** @param onAnswer told the headers of every answer */
  constructor(client: S3Client, times: ConnectionTimes, onAnswer: (headers: DirectAnswer["headers"]) => void) {
    this.#client = client;
    this.#connections = new Connections(times);
    this.#onAnswer = onAnswer;
  }

  /** Takes the way of a request for the object `key` that the store has answered with a success. */
  learn(request: SentRequest, key: string): void {
    if (this.#way !== undefined || this.#astray >= MOST_ASTRAY) return;
    const route = routeOf(request, key);
    if (route) this.#way = { route, signer: new Signer(route.region) };
  }

  /**
   * Sends a request once, and reads the answer to its end.
   * @param onBody gets the bytes of a success
   * @returns undefined where the SDK has to send it
   * @throws errors of the form that the SDK's have, for answers other than successes; Node's, and the signal's reason
   */
  async send(request: DirectRequest, onBody: OnBody, signal: AbortSignal | undefined): Promise<DirectAnswer | undefined> {
    const way = this.#way;
    const message = way && (await this.#signed(request, way));
    if (!message) return undefined;
    const text: Buffer[] = [];
    const answer = await this.#connections.ask(way.route, message, (bytes, head) => (isSuccess(head) ? onBody(bytes, head) : note(text, bytes)), signal);
    this.#onAnswer(answer.headers);
    return isSuccess(answer) ? answer : this.#refused(way, answer, text);
  }

  /** {@link send} for a body that may be large: it comes as a stream, over the SDK's connections. */
  async stream(request: DirectRequest, abortSignal: AbortSignal | undefined): Promise<StreamedAnswer | undefined> {
    const way = this.#way;
    const message = way && (await this.#signed(request, way));
    if (!message) return undefined;
    const { requestHandler } = this.#client.config;
    const { protocol, hostname, port } = way.route;
    const sent = { ...message, protocol, hostname, port, query: {} };
    const { response } = await requestHandler.handle(sent as unknown as Parameters<typeof requestHandler.handle>[0], abortSignal ? { abortSignal } : {});
    const answer: StreamedAnswer = { status: response.statusCode, headers: response.headers, body: response.body as IncomingMessage };
    this.#onAnswer(answer.headers);
    return isSuccess(answer) ? answer : this.#refused(way, answer, await noted(answer.body));
  }

  close(): void {
    this.#connections.close();
  }

  /** @returns undefined for a way that was the wrong one @throws for any other refusal */
  #refused(way: Way, { status, headers }: DirectAnswer, text: readonly Buffer[]): undefined {
    const code = errorCode(Buffer.concat(text).toString());
    if ((status >= 300 && status < 400) || ASTRAY.has(code ?? "")) {
      if (this.#way === way) this.#way = undefined;
      this.#astray += 1;
      return undefined;
    }
    throw Object.assign(new Error(code ?? `HTTP ${status}`), { name: code ?? "UnknownError", Code: code, $metadata: { httpStatusCode: status }, $response: { statusCode: status, headers } });
  }

  /** @returns undefined for what no header may hold: the SDK says what is wrong */
  async #signed({ method, key, headers, body }: DirectRequest, { route, signer }: Way): Promise<Message | undefined> {
    const { config } = this.#client;
    const credentials = await config.credentials();
    const path = route.before + encodeKey(key);
    const own = { host: route.host, ...headers, ...(body ? { "content-length": String(body.bytes.length) } : {}) };
    const signed = signer.sign({ method, path, headers: own, sha256: body?.sha256 ?? EMPTY_SHA256 }, credentials, Date.now() + config.systemClockOffset);
    if (route.userAgent !== undefined) signed["user-agent"] = route.userAgent;
    for (const name in signed) if (UNFIT.test(signed[name]!)) return undefined;
    return { method, path, headers: signed, body: body?.bytes };
  }
}

interface Way {
  readonly route: Route;
  readonly signer: Signer;
}

/** After so many answers that say that the way is wrong, the SDK is left to go it alone. */
const MOST_ASTRAY = 3;

/** What says that the way is wrong, besides redirects. */
const ASTRAY = new Set(["AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "TemporaryRedirect"]);

/** Ends of lines above all. */
const UNFIT = /[^\t\x20-\x7e]/;

const MOST_ERROR_BYTES = 64 * 1024;

function isSuccess({ status }: DirectAnswer): boolean {
  return status >= 200 && status < 300;
}

/** Keeps the beginning of what an answer says. */
function note(text: Buffer[], bytes: Buffer): void {
  if (text.length < MOST_ERROR_BYTES / 1024) text.push(Buffer.from(bytes.subarray(0, MOST_ERROR_BYTES)));
}

/** What an answer says, as far as it comes: the status tells enough. */
async function noted(body: IncomingMessage): Promise<Buffer[]> {
  const text: Buffer[] = [];
  try {
    for await (const bytes of body as AsyncIterable<Buffer>) note(text, bytes);
  } catch {
    // See above.
  }
  return text;
}

/** The code of an error as S3 writes it: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
function errorCode(xml: string): string | undefined {
  return /<Error>.*?<Code>([^<]+)<\/Code>/s.exec(xml)?.[1];
}
