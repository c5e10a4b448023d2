import { Agent, request, type ClientRequest } from "node:http";
import { Agent as SecureAgent, request as requestSecurely } from "node:https";

/** Where a request goes. */
export interface Host {
  readonly protocol: string;
  readonly hostname: string;
  readonly port: number | undefined;
}

/** A request whose headers say all: `host`, and `content-length` with a body. */
export interface Message {
  readonly method: string;
  /** Percent-encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

/** Status and headers of an answer; names in lower case. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface ConnectionTimes {
  readonly connectTimeoutMs: number;
  /** After so long without a byte in either direction a request has failed. */
  readonly stallTimeoutMs: number;
}

/** Idle connections are not kept for longer: servers end them after some seconds, and one that is just ending loses a request. */
const IDLE_MS = 4_000;
/** The caller bounds how many there are. */
const KEPT = { keepAlive: true, maxSockets: Infinity, maxFreeSockets: Infinity, timeout: IDLE_MS };

/**
 * Node's own requests over connections that stay open, with little around them: the SDK's handler, with its streams and its
 * timers, takes a sixth more CPU time for a small object.
 */
export class Connections {
  readonly #times: ConnectionTimes;
  readonly #plain = new Agent(KEPT);
  readonly #secure = new SecureAgent(KEPT);

  constructor(times: ConnectionTimes) {
    this.#times = times;
  }

  /**
   * Sends a request and reads its answer to the end.
   * @param onBody gets the bytes of the body
   * @throws Node's errors; one with the code `ECONNRESET` for an answer that breaks off; one named `TimeoutError`; the signal's reason
   */
  async ask(host: Host, message: Message, onBody: (bytes: Buffer, head: AnswerHead) => void, signal?: AbortSignal): Promise<AnswerHead> {
    signal?.throwIfAborted();
    const sent = this.#request(host, message);
    const abort = (): void => void sent.destroy(signal!.reason as Error);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await answerOf(sent, message.body, onBody);
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  close(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }

  #request({ protocol, hostname, port }: Host, { method, path, headers }: Message): ClientRequest {
    const { connectTimeoutMs, stallTimeoutMs } = this.#times;
    const secure = protocol === "https:";
    const options = { host: hostname.replace(/^\[(.*)\]$/, "$1"), port, method, path, headers, setHost: false, timeout: stallTimeoutMs };
    const sent = secure ? requestSecurely({ ...options, agent: this.#secure }) : request({ ...options, agent: this.#plain });
    const tooLong = (): void => void sent.destroy(Object.assign(new Error("no byte came for too long"), { name: "TimeoutError" }));
    sent.on("timeout", tooLong);
    sent.on("socket", (socket) => {
      if (!socket.connecting) return;
      const timer = setTimeout(tooLong, connectTimeoutMs);
      const stop = (): void => clearTimeout(timer);
      socket.once(secure ? "secureConnect" : "connect", stop);
      socket.once("close", stop);
    });
    return sent;
  }
}

function answerOf(sent: ClientRequest, body: Uint8Array | undefined, onBody: (bytes: Buffer, head: AnswerHead) => void): Promise<AnswerHead> {
  return new Promise((resolve, reject) => {
    sent.on("error", reject);
    sent.on("response", (answer) => {
      const head = { status: answer.statusCode!, headers: answer.headers as AnswerHead["headers"] };
      answer.on("data", (bytes: Buffer) => onBody(bytes, head));
      answer.on("error", reject);
      answer.on("end", () => resolve(head));
    });
    sent.end(body);
  });
}
