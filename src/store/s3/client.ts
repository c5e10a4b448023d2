import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { setDefault } from "../../config/environment.ts";
import type { S3Settings } from "../../config/settings.ts";
import type { Report } from "../../events.ts";
import { retry, type RetryOptions } from "../retry.ts";
import { Direct } from "./direct.ts";
import { judgeS3, s3Code, s3Failure, s3Status, type About } from "./errors.ts";
import { Limiter } from "./limiter.ts";
import type { SentRequest } from "./route.ts";
import type { S3Location } from "./url.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const MOST_REQUESTS = 32;
/** Where S3 answers for a bucket of any region, with a redirect that the SDK follows. */
const DEFAULT_REGION = "us-east-1";

/** What a request needs besides its command. */
export interface SendOptions {
  readonly abortSignal?: AbortSignal;
}

/** Which request it is: what it does, in a verb, and with which key of the store. */
export interface RequestAbout {
  readonly action: string;
  readonly key?: string;
}

/** One store's connection to its bucket. The client is made, and credentials are looked for, at the first request. */
export class S3Connection {
  readonly location: S3Location;
  readonly settings: S3Settings;
  readonly report: Report;
  /**
   * Whether the provider refuses to overwrite when asked (`If-None-Match: *`). AWS does; of others it is found out;
   * `ignored` means that we look before we write.
   */
  conditionalWrites: "enforced" | "unknown" | "ignored" = "unknown";
  /** While one write finds that out, ends with it; the others wait instead of trying the same. */
  findingOut: Promise<void> | undefined;
  /** Whether no other provider's endpoint is set, be it for us or for all AWS tools. Known once connected. */
  isAws = false;
  /** The store's clock less ours, by its last answer. */
  clockOffsetMs: number | undefined;
  /** For the requests of which there are many. Known once connected; absent where requests are not signed. */
  direct: Direct | undefined;
  readonly #limiter = new Limiter(MOST_REQUESTS);
  readonly #agents = { httpAgent: new HttpAgent(AGENT), httpsAgent: new HttpsAgent(AGENT) };
  #client: Promise<S3Client> | undefined;

  constructor(location: S3Location, settings: S3Settings, report: Report) {
    this.location = location;
    this.settings = settings;
    this.report = report;
  }

  get bucket(): string {
    return this.location.bucket;
  }

  /** The key in the bucket of a key of the store. */
  fullKey(key: string): string {
    return this.location.prefix + key;
  }

  /**
   * Sends a request, and again after failures that may pass. `send` makes the command anew each time.
   * @throws BallastError by {@link s3Failure}, or the signal's reason
   */
  request<T>(about: RequestAbout, send: (client: S3Client, options: SendOptions) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return retry(() => this.requestOnce(about, send, signal), this.retryOptions(about, signal));
  }

  /** Sends a request once. */
  async requestOnce<T>(about: RequestAbout, send: (client: S3Client, options: SendOptions) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    try {
      const client = await this.connect();
      return await this.#limiter.run(() => send(client, signal ? { abortSignal: signal } : {}), signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw this.failure(error, about);
    }
  }

  /** What the failure of a request, or of reading its answer, means. */
  failure(error: unknown, { action, key }: RequestAbout): unknown {
    const about: About = { action, bucket: this.bucket, ...(key === undefined ? {} : { key: this.fullKey(key) }) };
    const failure = s3Failure(error, about);
    if (judgeS3(failure).again === "busy") this.#limiter.slowDown();
    return failure;
  }

  retryOptions({ action, key }: RequestAbout, signal: AbortSignal | undefined): RetryOptions {
    return { what: `${action} ${key ?? this.bucket}`, attempts: this.settings.attempts, judge: judgeS3, report: this.report, signal };
  }

  /** Makes the client; sends nothing. */
  connect(): Promise<S3Client> {
    return (this.#client ??= this.#connect());
  }

  /** The region that requests are signed for. */
  async region(): Promise<string> {
    return (await this.connect()).config.region();
  }

  close(): void {
    this.#client?.then((client) => client.destroy(), () => {});
    this.direct?.close();
    this.#agents.httpAgent.destroy();
    this.#agents.httpsAgent.destroy();
  }

  async #connect(): Promise<S3Client> {
    // The SDK would tell users which Node its later versions need; which version we come with is not their matter.
    setDefault("AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED", "true");
    let client = new S3Client(this.#config(this.settings.region));
    try {
      await client.config.region();
    } catch {
      client = new S3Client(this.#config(DEFAULT_REGION));
    }
    this.isAws = this.settings.endpoint === undefined && (await configuredEndpoint(client)) === undefined;
    if (this.isAws) this.conditionalWrites = "enforced";
    if (this.settings.requesterPays) addHeader(client, "x-amz-request-payer", "requester");
    const direct = this.settings.noSignRequest ? undefined : new Direct(client, { connectTimeoutMs: CONNECT_TIMEOUT_MS, stallTimeoutMs: this.settings.stallTimeoutMs }, (headers) => this.#noteClock(headers));
    client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        const { statusCode = 0, headers = {} } = result.response as { statusCode?: number; headers?: Record<string, string> };
        this.#noteClock(headers);
        const { Key } = args.input as { Key?: unknown };
        if (typeof Key === "string" && statusCode >= 200 && statusCode < 300) direct?.learn(args.request as SentRequest, Key);
        return result;
      },
      { step: "deserialize", name: "ballastAnswers", priority: "low" },
    );
    this.direct = direct;
    return client;
  }

  #noteClock(headers: Readonly<Record<string, string | undefined>>): void {
    const date = Date.parse(headers["date"] ?? "");
    if (!Number.isNaN(date)) this.clockOffsetMs = date - Date.now();
  }

  #config(region: string | undefined): S3ClientConfig {
    const { settings } = this;
    return {
      ...(region === undefined ? {} : { region }),
      ...(settings.profile === undefined ? {} : { profile: settings.profile }),
      ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
      ...(settings.noSignRequest ? UNSIGNED : {}),
      forcePathStyle: settings.pathStyle,
      useAccelerateEndpoint: settings.accelerate,
      followRegionRedirects: settings.endpoint === undefined,
      // What it would print, we report or throw.
      logger: QUIET,
      // Retries are ours, since the SDK's would not cover bodies that break.
      maxAttempts: 1,
      // So are checksums, since the SDK's are trailers that not every provider understands.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      // With agents that are instances the SDK keeps connections even for requests that expect 100-continue.
      requestHandler: new NodeHttpHandler({
        ...this.#agents,
        connectionTimeout: CONNECT_TIMEOUT_MS,
        socketTimeout: settings.stallTimeoutMs,
      }),
    };
  }
}

/** The limiter bounds requests, and what reads in parallel bounds itself. */
const AGENT = { keepAlive: true, maxSockets: Infinity };

const nothing = (): void => {};
const QUIET = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

const UNSIGNED: S3ClientConfig = {
  credentials: { accessKeyId: "", secretAccessKey: "" },
  signer: { sign: async (request) => request },
};

/** The endpoint that `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_S3` or the AWS configuration file names. */
async function configuredEndpoint(client: S3Client): Promise<unknown> {
  const { serviceConfiguredEndpoint } = client.config as { serviceConfiguredEndpoint?: () => Promise<unknown> };
  return serviceConfiguredEndpoint?.();
}

function addHeader(client: S3Client, name: string, value: string): void {
  client.middlewareStack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers[name] = value;
      return next(args);
    },
    { step: "build", name: `ballast-${name}` },
  );
}

/** Whether an object, or what a request needs, is not there. */
export function isAbsent(error: unknown): boolean {
  return s3Status(error) === 404 && s3Code(error) !== "NoSuchBucket";
}
