import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { AnswerParser, type AnswerHead } from "./answer-parser.ts";

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

export interface ConnectionTimes {
  readonly connectTimeoutMs: number;
  /** After so long without a byte in either direction a request has failed. */
  readonly stallTimeoutMs: number;
}

/** Idle connections are not kept for longer: servers end them after some seconds, and one that is just ending loses a request. */
const IDLE_MS = 4_000;

/**
 * Connections to one host that stay open, each for one request at a time, with little between the socket and whoever asks:
 * `node:http` takes two to three times as long for a small object.
 */
export class Connections {
  readonly #times: ConnectionTimes;
  readonly #idle: Connection[] = [];
  readonly #all = new Set<Connection>();

  constructor(times: ConnectionTimes) {
    this.#times = times;
  }

  /**
   * Sends a request and reads its answer to the end.
   * @param onBody gets the bytes of the body, which are valid during the call only
   * @throws errors of Node with their codes, also for what is no answer (`HPE_…`) and for one that breaks off (`ECONNRESET`);
   *   one named `TimeoutError`; the signal's reason
   */
  async ask(host: Host, message: Message, onBody: (bytes: Buffer, head: AnswerHead) => void, signal?: AbortSignal): Promise<AnswerHead> {
    signal?.throwIfAborted();
    const connection = this.#take(host);
    const abort = (): void => connection.destroy(signal!.reason as Error);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await connection.ask(message, onBody);
    } finally {
      signal?.removeEventListener("abort", abort);
      if (connection.free()) this.#idle.push(connection);
    }
  }

  close(): void {
    for (const connection of this.#all) connection.destroy();
  }

  #take(host: Host): Connection {
    const name = `${host.protocol}//${host.hostname}:${host.port}`;
    for (let next = this.#idle.pop(); next; next = this.#idle.pop()) if (next.take(name)) return next;
    const connection: Connection = new Connection(host, name, this.#times, () => {
      this.#all.delete(connection);
      const at = this.#idle.indexOf(connection);
      if (at >= 0) this.#idle.splice(at, 1);
    });
    this.#all.add(connection);
    return connection;
  }
}

/** What waits for an answer. */
interface Asking {
  readonly parser: AnswerParser;
  head: AnswerHead | undefined;
  readonly resolve: (head: AnswerHead) => void;
  readonly reject: (error: unknown) => void;
}

class Connection {
  readonly #name: string;
  readonly #times: ConnectionTimes;
  readonly #socket: Socket;
  #asking: Asking | undefined;
  #reusable = false;
  /** Writes that the system has not taken yet. */
  #writing = 0;

  constructor({ protocol, hostname, port }: Host, name: string, times: ConnectionTimes, onClose: () => void) {
    this.#name = name;
    this.#times = times;
    const host = hostname.replace(/^\[(.*)\]$/, "$1");
    const secure = protocol === "https:";
    this.#socket = secure
      ? connectTls({ host, port: port ?? 443, ALPNProtocols: ["http/1.1"], ...(isIP(host) === 0 ? { servername: host } : {}) })
      : connect({ host, port: port ?? 80 });
    this.#socket.setNoDelay(true);
    this.#socket.setTimeout(times.connectTimeoutMs);
    this.#socket.once(secure ? "secureConnect" : "connect", () => this.#socket.setTimeout(times.stallTimeoutMs));
    this.#socket.on("timeout", () => this.destroy(Object.assign(new Error("no byte came for too long"), { name: "TimeoutError" })));
    this.#socket.on("error", (error) => this.#failed(error));
    this.#socket.on("data", (bytes) => this.#received(bytes));
    this.#socket.on("end", () => this.#ended());
    this.#socket.on("close", () => {
      this.#ended();
      onClose();
    });
  }

  /** Whether it can be used again for this host; it is ended where not. */
  take(name: string): boolean {
    if (this.#socket.destroyed || this.#name !== name) {
      this.destroy();
      return false;
    }
    this.#socket.ref();
    this.#socket.setTimeout(this.#times.stallTimeoutMs);
    return true;
  }

  /** Whether it is ready for another request; it is ended where not. */
  free(): boolean {
    if (!this.#reusable || this.#writing > 0 || this.#socket.destroyed) {
      this.destroy();
      return false;
    }
    this.#socket.setTimeout(IDLE_MS);
    this.#socket.unref();
    return true;
  }

  ask({ method, path, headers, body }: Message, onBody: (bytes: Buffer, head: AnswerHead) => void): Promise<AnswerHead> {
    this.#reusable = false;
    let text = `${method} ${path} HTTP/1.1\r\n`;
    for (const name in headers) text += `${name}: ${headers[name]}\r\n`;
    return new Promise((resolve, reject) => {
      const parser = new AnswerParser({ head: (head) => (asking.head = head), body: (bytes) => onBody(bytes, asking.head!) });
      const asking: Asking = { parser, head: undefined, resolve, reject };
      this.#asking = asking;
      this.#socket.cork();
      this.#write(Buffer.from(`${text}\r\n`, "latin1"));
      if (body && body.length > 0) this.#write(body);
      this.#socket.uncork();
    });
  }

  destroy(reason?: Error): void {
    if (reason) this.#failed(reason);
    this.#socket.destroy();
  }

  #write(bytes: Uint8Array): void {
    this.#writing += 1;
    this.#socket.write(bytes, () => void (this.#writing -= 1));
  }

  #received(bytes: Buffer): void {
    const asking = this.#asking;
    // Nobody has asked for it.
    if (!asking) return this.destroy();
    try {
      asking.parser.feed(bytes);
    } catch (error) {
      return this.destroy(error as Error);
    }
    if (asking.parser.done) this.#answered(asking);
  }

  #ended(): void {
    const asking = this.#asking;
    if (asking?.parser.end()) this.#answered(asking);
    else this.#failed(Object.assign(new Error("the connection ended before the answer did"), { code: "ECONNRESET" }));
    this.#socket.destroy();
  }

  #answered({ parser, head, resolve }: Asking): void {
    this.#asking = undefined;
    this.#reusable = parser.reusable;
    resolve(head!);
  }

  #failed(error: unknown): void {
    const asking = this.#asking;
    this.#asking = undefined;
    asking?.reject(error);
  }
}
