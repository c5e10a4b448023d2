import { createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { Connections, type AnswerHead, type Message } from "../../../../src/store/s3/connections.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GET: Message = { method: "GET", path: "/x", headers: { host: "h" } };

describe("connections", () => {
  const ends: (() => void)[] = [];
  afterEach(() => ends.splice(0).forEach((end) => end()));

  /** A server that does this with each request, and with what comes of its body. */
  async function serve(onData: (socket: Socket, bytes: Buffer, nth: number) => void, stallTimeoutMs = 60_000): Promise<{ ask(message?: Message, signal?: AbortSignal): Promise<{ head: AnswerHead; text: string }>; sockets: Socket[]; connections: Connections }> {
    const sockets: Socket[] = [];
    let nth = 0;
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => {});
      socket.on("data", (bytes) => onData(socket, bytes, ++nth));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const connections = new Connections({ connectTimeoutMs: 60_000, stallTimeoutMs });
    ends.push(() => (connections.close(), server.close()));
    const host = { protocol: "http:", hostname: "127.0.0.1", port: (server.address() as AddressInfo).port };
    return {
      sockets,
      connections,
      async ask(message = GET, signal) {
        let text = "";
        const head = await connections.ask(host, message, (bytes) => void (text += bytes.toString()), signal);
        return { head, text };
      },
    };
  }

  it("serve one request after the other, and several at once", async () => {
    const { ask, sockets } = await serve((socket) => void setTimeout(() => socket.write(OK), 5));
    for (let i = 0; i < 3; i++) expect(await ask()).toMatchObject({ head: { status: 200 }, text: "ok" });
    expect(sockets).toHaveLength(1);
    await Promise.all([ask(), ask(), ask()]);
    expect(sockets).toHaveLength(3);
    await Promise.all([ask(), ask(), ask()]);
    expect(sockets).toHaveLength(3);
  });

  it("that the server has ended are not used again", async () => {
    const { ask, sockets } = await serve((socket) => socket.write(OK));
    await ask();
    sockets[0]!.end();
    await new Promise((resolve) => sockets[0]!.once("close", resolve));
    expect(await ask()).toMatchObject({ text: "ok" });
    expect(sockets).toHaveLength(2);
  });

  it("whose server says what nobody asked for are not used again", async () => {
    const { ask, sockets } = await serve((socket) => socket.write(OK));
    await ask();
    sockets[0]!.write(OK);
    await new Promise((resolve) => sockets[0]!.once("close", resolve));
    expect(await ask()).toMatchObject({ text: "ok" });
    expect(sockets).toHaveLength(2);
  });

  it("over which a body was still on its way when the answer came are not used again", async () => {
    let paused: Socket | undefined;
    const { ask, sockets } = await serve((socket, _bytes, nth) => {
      if (nth === 1) paused = socket.pause();
      socket.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    });
    const body = Buffer.alloc(20_000_000);
    expect((await ask({ ...GET, method: "PUT", headers: { "content-length": String(body.length) }, body })).head.status).toBe(403);
    paused!.resume();
    expect((await ask()).head.status).toBe(403);
    expect(sockets).toHaveLength(2);
  });

  it("over which nothing comes end their request after a while, and so do those that break off", async () => {
    const silent = await serve((socket) => socket.write(OK.slice(0, -1)), 300);
    await expect(silent.ask()).rejects.toMatchObject({ name: "TimeoutError" });
    const breaking = await serve((socket) => socket.end(OK.slice(0, -1)));
    await expect(breaking.ask()).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("end with what nobody wants any more, and all when they are closed", async () => {
    const { ask, sockets, connections } = await serve(() => {});
    const abort = new AbortController();
    const asked = ask(GET, abort.signal);
    await pause(50);
    abort.abort(new Error("enough"));
    await expect(asked).rejects.toThrow("enough");
    await expect(ask(GET, abort.signal)).rejects.toThrow("enough");
    const last = ask();
    await pause(50);
    connections.close();
    await expect(last).rejects.toMatchObject({ code: "ECONNRESET" });
    for (const socket of sockets) if (!socket.destroyed) await new Promise((resolve) => socket.once("close", resolve));
  });

  it("that cannot be made say why", async () => {
    const connections = new Connections({ connectTimeoutMs: 60_000, stallTimeoutMs: 60_000 });
    await expect(connections.ask({ protocol: "http:", hostname: "127.0.0.1", port: 1 }, GET, () => {})).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
