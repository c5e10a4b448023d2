/*
 * Git's pkt-line framing, as the long-running filter protocol uses it (gitprotocol-common, gitattributes):
 *
 *   4 hex digits: length of the packet with these four, then the payload
 *   "0000": flush
 */
import { readSync, writeSync } from "node:fs";

/** A packet's payload; Git sends no longer one. */
export const MAX_PAYLOAD = 65516;

/** Reads packets from a file descriptor, blocking: a filter has nothing else to do meanwhile. */
export class PktReader {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(256 * 1024);
  #start = 0;
  #end = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** The next payload, "flush", or undefined at the end of the input. The payload is valid until the next call. */
  next(): Buffer | "flush" | undefined {
    if (!this.#fill(4)) return undefined;
    const length = Number.parseInt(this.#buffer.toString("latin1", this.#start, this.#start + 4), 16);
    this.#start += 4;
    if (length === 0) return "flush";
    if (!(length >= 4 && length <= MAX_PAYLOAD + 4)) throw new Error(`bad pkt-line length ${length}`);
    if (!this.#fill(length - 4)) return undefined;
    const payload = this.#buffer.subarray(this.#start, this.#start + length - 4);
    this.#start += length - 4;
    return payload;
  }

  /** Text packets up to the next flush, without line feeds; undefined at the end of the input. */
  texts(): string[] | undefined {
    const all: string[] = [];
    for (;;) {
      const packet = this.next();
      if (packet === undefined) return undefined;
      if (packet === "flush") return all;
      all.push(packet.toString().replace(/\n$/, ""));
    }
  }

  /** Content packets up to the next flush, joined. */
  content(): Buffer {
    let all = Buffer.allocUnsafeSlow(MAX_PAYLOAD);
    let length = 0;
    for (;;) {
      const packet = this.next();
      if (packet === undefined || packet === "flush") return all.subarray(0, length);
      if (length + packet.length > all.length) {
        const larger = Buffer.allocUnsafeSlow(2 * (length + packet.length));
        all.copy(larger, 0, 0, length);
        all = larger;
      }
      length += packet.copy(all, length);
    }
  }

  #fill(bytes: number): boolean {
    if (this.#start + bytes > this.#buffer.length) {
      this.#buffer.copy(this.#buffer, 0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    while (this.#end - this.#start < bytes) {
      const read = readBlocking(this.#fd, this.#buffer, this.#end);
      if (read === 0) return false;
      this.#end += read;
    }
    return true;
  }
}

function readBlocking(fd: number, buffer: Buffer, offset: number): number {
  for (;;) {
    try {
      return readSync(fd, buffer, offset, buffer.length - offset, null);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN" && code !== "EINTR") throw error;
      Atomics.wait(PAUSE, 0, 0, 2);
    }
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4));

/** Text packets, then a flush, as one buffer. */
export function texts(...lines: string[]): Buffer {
  return Buffer.concat([...lines.map((line) => packet(Buffer.from(`${line}\n`))), FLUSH]);
}

/** Content packets, then a flush, one after the other: content may be large, and is not held twice. */
export function* content(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += MAX_PAYLOAD) yield packet(bytes.subarray(at, at + MAX_PAYLOAD));
  yield FLUSH;
}

const FLUSH = Buffer.from("0000");

function packet(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from((payload.length + 4).toString(16).padStart(4, "0")), payload]);
}

/** Writes all of `bytes`, waiting while the pipe is full. */
export function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(PAUSE, 0, 0, 2);
    }
  }
}
