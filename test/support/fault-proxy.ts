import { createServer, request as forward, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Transform } from "node:stream";

/** A request as the proxy saw it. */
export interface Seen {
  readonly method: string;
  /** `/bucket/key`, as sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** From 1, of all requests. */
  readonly nth: number;
  /** What the server answered; undefined while it has not, or when it was not asked. */
  status?: number;
  /** Bytes of the body that came. */
  bodyBytes: number;
}

export type Fault =
  /** Is answered here, with an error as S3 writes it; the server does not see it. */
  | { readonly kind: "answer"; readonly status: number; readonly code?: string; readonly headers?: Record<string, string> }
  /** The connection breaks before the server sees the request. */
  | { readonly kind: "reset" }
  /** The server does what it is asked, but its answer is lost. */
  | { readonly kind: "lose answer" }
  /** The connection breaks after so many bytes of the answer's body. */
  | { readonly kind: "truncate"; readonly afterBytes: number }
  /** Nothing more comes after so many bytes of the answer's body. */
  | { readonly kind: "stall"; readonly afterBytes: number }
  /** The request is not read, and nothing is answered. */
  | { readonly kind: "ignore" }
  /** One bit of the body is wrong when it arrives. */
  | { readonly kind: "corrupt request" | "corrupt answer"; readonly atByte: number }
  | { readonly kind: "delay"; readonly ms: number };

export interface Rule {
  readonly when: (request: Seen) => boolean;
  readonly fault: Fault;
  /** How often it applies; 1 unless given. */
  readonly times?: number;
}

export interface FaultProxy {
  readonly endpoint: string;
  readonly requests: Seen[];
  /** The first rule that fits a request applies to it. */
  add(...rules: Rule[]): void;
  /** Forgets all rules, and the requests seen. */
  reset(): void;
  count(which: (request: Seen) => boolean): number;
  close(): Promise<void>;
}

/** A proxy before an S3 server that does wrong what it is told to. It keeps the Host header, which is signed. */
export async function faultProxy(endpoint: string): Promise<FaultProxy> {
  const { hostname, port } = new URL(endpoint);
  const requests: Seen[] = [];
  const rules: { rule: Rule; left: number }[] = [];
  const sockets = new Set<Socket>();

  function faultFor(seen: Seen): Fault | undefined {
    const match = rules.find(({ rule, left }) => left > 0 && rule.when(seen));
    if (!match) return undefined;
    match.left -= 1;
    return match.rule.fault;
  }

  function handle(req: IncomingMessage, res: ServerResponse): void {
    const url = new URL(req.url!, endpoint);
    const seen: Seen = { method: req.method!, path: url.pathname, query: url.searchParams, headers: req.headers, nth: requests.length + 1, bodyBytes: 0 };
    requests.push(seen);
    const fault = faultFor(seen);
    req.on("error", () => {});
    res.on("error", () => {});
    if (fault?.kind === "ignore") {
      req.pause();
    } else if (fault?.kind === "reset") {
      req.socket.resetAndDestroy();
    } else if (fault?.kind === "answer") {
      req.resume().once("end", () => answer(res, fault));
    } else if (fault?.kind === "delay") {
      setTimeout(() => pass(req, res, seen, undefined), fault.ms);
    } else {
      pass(req, res, seen, fault);
    }
  }

  function pass(req: IncomingMessage, res: ServerResponse, seen: Seen, fault: Fault | undefined): void {
    const headers: Record<string, string> = {};
    for (let i = 0; i < req.rawHeaders.length; i += 2) headers[req.rawHeaders[i]!] = req.rawHeaders[i + 1]!;
    const onward = forward({ hostname, port, method: req.method, path: req.url, headers, agent: false }, (answered) => {
      seen.status = answered.statusCode!;
      if (fault?.kind === "lose answer") {
        answered.resume().once("end", () => req.socket.resetAndDestroy());
        return;
      }
      res.writeHead(answered.statusCode!, answered.statusMessage, answered.rawHeaders);
      answered.on("error", () => res.destroy());
      if (fault?.kind === "truncate") answered.pipe(until(fault.afterBytes, () => res.socket?.destroy())).pipe(res);
      else if (fault?.kind === "stall") answered.pipe(until(fault.afterBytes, () => {})).pipe(res);
      else if (fault?.kind === "corrupt answer") answered.pipe(flipped(fault.atByte)).pipe(res);
      else answered.pipe(res);
    });
    onward.on("error", () => req.socket.destroy());
    res.once("close", () => onward.destroy());
    req.on("data", (chunk: Buffer) => (seen.bodyBytes += chunk.length));
    if (fault?.kind === "corrupt request") req.pipe(flipped(fault.atByte)).pipe(onward);
    else req.pipe(onward);
  }

  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, handle);
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    add: (...more) => rules.push(...more.map((rule) => ({ rule, left: rule.times ?? 1 }))),
    reset() {
      rules.length = 0;
      requests.length = 0;
    },
    count: (which) => requests.filter(which).length,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function answer(res: ServerResponse, { status, code = "InternalError", headers = {} }: Fault & { kind: "answer" }): void {
  const xml = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>by the proxy</Message><RequestId>1</RequestId></Error>`;
  const success = status < 300;
  res.writeHead(status, { ...headers, ...(success ? { ETag: '"0"' } : { "Content-Type": "application/xml" }) });
  res.end(success || res.req.method === "HEAD" ? "" : xml);
}

/** Passes so many bytes, then swallows the rest and calls `then` once what was passed has had time to leave. */
function until(bytes: number, then: () => void): Transform {
  let left = bytes;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      if (left < 0) return done();
      const piece = chunk.subarray(0, left);
      left -= chunk.length;
      if (left < 0) setTimeout(then, 50);
      done(null, piece);
    },
    // The end is swallowed too.
    flush() {},
  });
}

function flipped(atByte: number): Transform {
  let at = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      const copy = Buffer.from(chunk);
      if (atByte >= at && atByte < at + chunk.length) copy[atByte - at]! ^= 1;
      at += chunk.length;
      done(null, copy);
    },
  });
}
