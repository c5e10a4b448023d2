import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AnswerParser, type AnswerHead } from "../../../../src/store/s3/answer-parser.ts";

interface Read {
  readonly head: AnswerHead | undefined;
  readonly body: Buffer;
  readonly done: boolean;
  readonly reusable: boolean;
}

function read(pieces: readonly Buffer[], ended = false): Read {
  const body: Buffer[] = [];
  let head: AnswerHead | undefined;
  const parser = new AnswerParser({ head: (seen) => (head = seen), body: (bytes) => body.push(Buffer.from(bytes)) });
  for (const piece of pieces) parser.feed(piece);
  if (ended) parser.end();
  return { head, body: Buffer.concat(body), done: parser.done, reusable: parser.reusable };
}

const answer = (...parts: (string | Buffer)[]): Buffer => Buffer.concat(parts.map((part) => Buffer.from(part as string)));

/** Cuts bytes at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

const bodies = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const cuts = fc.array(fc.nat(2000), { maxLength: 8 });

describe("an answer", () => {
  it("of a known length is read, however its bytes are cut", () => {
    fc.assert(
      fc.property(bodies, cuts, fc.constantFrom(200, 206, 404, 503), (body, places, status) => {
        const bytes = answer(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 ${status} Any Reason\r\nETag: "x"\r\nContent-Length:  ${body.length} \r\n\r\n`, body);
        const seen = read(cut(bytes, places));
        expect(seen.head?.status).toBe(status);
        expect({ ...seen.head?.headers }).toEqual({ etag: '"x"', "content-length": String(body.length) });
        expect(seen).toMatchObject({ done: true, reusable: true });
        expect(seen.body.equals(body)).toBe(true);
      }),
    );
  });

  it("in chunks is read, however its bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(bodies.filter(({ length }) => length > 0)), cuts, fc.boolean(), (chunks, places, trailer) => {
        const coded = chunks.flatMap((chunk) => [`${chunk.length.toString(16)};x=y\r\n`, chunk, "\r\n"]);
        const bytes = answer("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", ...coded, "0\r\n", trailer ? "x: y\r\n" : "", "\r\n");
        const seen = read(cut(bytes, places));
        expect(seen).toMatchObject({ done: true, reusable: true });
        expect(seen.body.equals(Buffer.concat(chunks))).toBe(true);
      }),
    );
  });

  it("is not taken for whole before it is", () => {
    fc.assert(
      fc.property(bodies, fc.boolean(), fc.nat(), (body, chunked, place) => {
        const bytes = chunked
          ? answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ...(body.length > 0 ? [`${body.length.toString(16)}\r\n`, body, "\r\n"] : []), "0\r\n\r\n")
          : answer(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`, body);
        expect(read([bytes.subarray(0, place % bytes.length)], true)).toMatchObject({ done: false, reusable: false });
      }),
    );
  });

  it("may end with the connection, which then is of no use", () => {
    const bytes = answer("HTTP/1.1 200 OK\r\n\r\n", "all");
    expect(read([bytes])).toMatchObject({ done: false });
    expect(read([bytes], true)).toMatchObject({ done: true, reusable: false, body: Buffer.from("all") });
    for (const close of ["HTTP/1.1 200 OK\r\nConnection: Close\r\n", "HTTP/1.0 200 OK\r\n"]) expect(read([answer(close, "Content-Length: 0\r\n\r\n")])).toMatchObject({ done: true, reusable: false });
  });

  it("without a body has none", () => {
    for (const status of [204, 304]) expect(read([answer(`HTTP/1.1 ${status} None\r\n\r\n`)])).toMatchObject({ done: true, reusable: true });
  });

  it.each([
    ["another protocol", "SSH-2.0-x\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
    ["a length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
    ["a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"],
    ["a folded header", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"],
    ["a header without a name", "HTTP/1.1 200 OK\r\n: c\r\n\r\n"],
    ["a chunk of no size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n"],
    ["a chunk that is longer than it says", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"],
    ["more than one answer", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n"],
    ["a head without an end", `HTTP/1.1 200 OK\r\nA: ${"b".repeat(70_000)}`],
    ["a line without an end", `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;${"b".repeat(70_000)}`],
  ])("is refused: %s", (_what, text) => {
    expect(() => read([Buffer.from(text)])).toThrow(expect.objectContaining({ code: "HPE_INVALID_ANSWER" }));
    const size = Math.ceil(text.length / 100);
    const pieces = Array.from({ length: 100 }, (_, i) => Buffer.from(text.slice(i * size, (i + 1) * size)));
    expect(() => read(pieces)).toThrow(expect.objectContaining({ code: "HPE_INVALID_ANSWER" }));
  });

  it("of Node's own server is read as it was meant", async () => {
    const server = createServer((request, response) => {
      response.setHeader("X-Path", request.url!);
      if (request.url === "/chunks") for (const part of ["one", "two", "three"]) response.write(part);
      response.end(request.url === "/chunks" ? undefined : "whole");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    for (const [path, body] of [["/chunks", "onetwothree"], ["/whole", "whole"]] as const) {
      const seen = await new Promise<Read>((resolve, reject) => {
        const pieces: Buffer[] = [];
        const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
        socket.on("error", reject).on("data", (bytes) => pieces.push(bytes)).on("end", () => resolve(read(pieces)));
        socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      });
      expect(seen).toMatchObject({ done: true, reusable: false, body: Buffer.from(body) });
      expect(seen.head?.headers["x-path"]).toBe(path);
    }
    server.close();
  });
});
