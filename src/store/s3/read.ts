import { setMaxListeners } from "node:events";
import { Readable } from "node:stream";
import { HeadObjectCommand } from "@aws-sdk/client-s3";
import type { ByteRange } from "../port.ts";
import { Backoff } from "../retry.ts";
import { Budget } from "../../util/budget.ts";
import { collectBuffers } from "../../util/collect-garbage.ts";
import { IdleBuffers } from "../../util/idle-buffers.ts";
import { isSending } from "./body.ts";
import type { RequestAbout, S3Connection } from "./client.ts";
import { s3Status } from "./errors.ts";
import { getObject, getWhole, type Described } from "./object-requests.ts";

const MIB = 1024 * 1024;
/** What the first request asks for: most objects are smaller, and one request reads them whole. */
const FIRST_BYTES = 32 * MIB;
/** What is beyond is read in ranges of this size, so many at a time. */
const RANGE_BYTES = 8 * MIB;
const RANGES_AHEAD = 4;
/** While something is sent, which takes as much again, and cannot be sent sooner than it is read one way or the other. */
const RANGES_AHEAD_OF_SENDING = 1;
/** The ranges that are in memory, of all reads of this process together. */
const aheadBudget = new Budget(64 * MIB);
/** Buffers for whole ranges. New ones would cost a page fault for each 4 KiB, and be garbage for V8 to look for. */
const slabs = new IdleBuffers();

/** @see Store.read */
export async function* readObject(s3: S3Connection, key: string, range?: ByteRange, outer?: AbortSignal, chunks?: "lent"): AsyncGenerator<Uint8Array> {
  outer?.throwIfAborted();
  const start = range?.start ?? 0;
  const wantedEnd = range?.end ?? Infinity;
  if (wantedEnd <= start) return checkThere(s3, key, outer);

  const inner = new AbortController();
  setMaxListeners(0, inner.signal);
  const stop = (): void => inner.abort(outer?.reason);
  outer?.addEventListener("abort", stop, { once: true });
  const reading: Reading = { s3, key, signal: inner.signal, totalBytes: undefined, etag: undefined };
  const firstEnd = Math.min(wantedEnd, start + FIRST_BYTES);
  const ahead = new RangesAhead(reading, firstEnd, chunks === "lent");
  try {
    for await (const chunk of readRange(reading, start, firstEnd)) {
      // Since the first chunk came, the object's size is known.
      ahead.fill(Math.min(wantedEnd, reading.totalBytes ?? 0));
      yield chunk;
    }
    yield* ahead.read();
  } finally {
    outer?.removeEventListener("abort", stop);
    inner.abort();
  }
}

/** @see Store.readWhole */
export async function readWhole(s3: S3Connection, key: string, sizeBytes: number, signal?: AbortSignal): Promise<Buffer | undefined> {
  const reading: Reading = { s3, key, signal, totalBytes: undefined, etag: undefined };
  const about: RequestAbout = { action: "read", key };
  const backoff = new Backoff(s3.retryOptions(about, signal));
  const bytes = Buffer.allocUnsafeSlow(sizeBytes);
  for (let at = 0; at < sizeBytes; ) {
    const from = at;
    // Where the next bytes that come belong; a provider that does not know ranges sends all of the object.
    let place: number | undefined;
    const take = (chunk: Buffer, object: Described): void => {
      place ??= learn(reading, object, from) ? from : 0;
      if (reading.totalBytes !== sizeBytes) return;
      chunk.copy(bytes, place);
      place += chunk.length;
      at = Math.max(at, Math.min(place, sizeBytes));
    };
    try {
      await s3.requestOnce(about, (client, options) => getWhole(s3, key, `bytes=${from}-${sizeBytes - 1}`, reading.etag, client, options, take), signal);
      if (reading.totalBytes !== sizeBytes) return undefined;
      if (at < sizeBytes) throw endedEarly();
    } catch (error) {
      if (s3Status(error) === 416) return undefined;
      signal?.throwIfAborted();
      if (at > from) backoff.progressed();
      await backoff.failed(s3.failure(error, about));
    }
  }
  return bytes;
}

function endedEarly(): Error {
  return Object.assign(new Error("the answer ended early"), { code: "ECONNRESET" });
}

interface Reading {
  readonly s3: S3Connection;
  readonly key: string;
  readonly signal: AbortSignal | undefined;
  /** The object's size and version, once an answer has told. */
  totalBytes: number | undefined;
  etag: string | undefined;
}

/** The bytes from `from` up to and without `to`, or to the object's end; goes on where a transfer broke. */
async function* readRange(reading: Reading, from: number, to: number): AsyncGenerator<Uint8Array> {
  const { s3, key, signal } = reading;
  const about: RequestAbout = { action: "read", key };
  const backoff = new Backoff(s3.retryOptions(about, signal));
  let at = from;
  while (at < Math.min(to, reading.totalBytes ?? Infinity)) {
    try {
      for await (const chunk of await get(reading, at, to)) {
        at += chunk.length;
        collectBuffers(chunk.length);
        backoff.progressed();
        yield chunk;
      }
      if (at < Math.min(to, reading.totalBytes ?? 0)) throw endedEarly();
    } catch (error) {
      // Nothing is there from here on.
      if (s3Status(error) === 416) return;
      signal?.throwIfAborted();
      await backoff.failed(s3.failure(error, about));
    }
  }
}

async function get(reading: Reading, from: number, to: number): Promise<Readable> {
  const { s3, key, signal } = reading;
  // By its ETag: another encoding of the same content may have come meanwhile.
  const got = await s3.requestOnce({ action: "read", key }, (client, options) => getObject(s3, key, `bytes=${from}-${to - 1}`, reading.etag, client, options), signal);
  // A provider that does not know ranges, or a proxy, sends all of it.
  return learn(reading, got, from) ? got.body : Readable.from(slice(got.body, from, to), { objectMode: false });
}

/** Notes what the object is. @returns whether its bytes are those of the range that begins at `from`, and not all of them */
function learn(reading: Reading, { etag, contentRange, sizeBytes }: Described, from: number): boolean {
  reading.etag ??= etag;
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(contentRange ?? "");
  const ranged = range?.[1] !== undefined && Number(range[1]) === from;
  reading.totalBytes ??= ranged ? Number(range[2]) : (sizeBytes ?? 0);
  return ranged;
}

async function* slice(body: Readable, from: number, to: number): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    const piece = chunk.subarray(Math.max(0, from - at), Math.max(0, to - at));
    at += chunk.length;
    if (piece.length > 0) yield piece;
    if (at >= to) return;
  }
}

/** Reads the ranges after the first into memory while what is before them is consumed. */
class RangesAhead {
  readonly #reading: Reading;
  readonly #queue: { readonly chunks: Promise<Uint8Array[]>; readonly release: () => void }[] = [];
  readonly #lends: boolean;
  #next: number;
  #end: number;

  constructor(reading: Reading, start: number, lends: boolean) {
    this.#reading = reading;
    this.#lends = lends;
    this.#next = this.#end = start;
  }

  /** Starts as many ranges as there is room for. */
  fill(end: number = this.#end): void {
    this.#end = end;
    const most = isSending() ? RANGES_AHEAD_OF_SENDING : RANGES_AHEAD;
    while (this.#next < end && this.#queue.length < most) {
      const to = Math.min(end, this.#next + RANGE_BYTES);
      const giveBack = aheadBudget.tryTake(to - this.#next);
      if (!giveBack) return;
      const slab = this.#lends && to - this.#next === RANGE_BYTES ? slabs.take(RANGE_BYTES) : undefined;
      const bytes = readRange(this.#reading, this.#next, to);
      const chunks = slab ? gatherInto(slab, bytes) : gather(bytes);
      // It is awaited when its turn comes.
      chunks.catch(() => {});
      const release = (): void => {
        if (slab) slabs.give(slab);
        giveBack();
      };
      this.#queue.push({ chunks, release });
      this.#next = to;
    }
  }

  async *read(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        this.fill();
        const range = this.#queue[0];
        if (range) {
          yield* await range.chunks;
          this.#queue.shift();
          range.release();
        } else if (this.#next < this.#end) {
          // No memory for more: what others hold does not keep this read from going on.
          const from = this.#next;
          this.#next = Math.min(this.#end, from + RANGE_BYTES);
          yield* readRange(this.#reading, from, this.#next);
        } else {
          return;
        }
      }
    } finally {
      this.#abandon();
    }
  }

  /** Gives the memory back, each share when its transfer has ended. */
  #abandon(): void {
    for (const { chunks, release } of this.#queue.splice(0)) void chunks.then(release, release);
  }
}

/** The same in one buffer: what the socket was read into is free at once. */
async function gatherInto(slab: Buffer, bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  let filled = 0;
  for await (const chunk of bytes) {
    // More than was asked for is not needed.
    const part = chunk.subarray(0, slab.length - filled);
    slab.set(part, filled);
    filled += part.length;
  }
  return [slab.subarray(0, filled)];
}

async function gather(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return chunks;
}

async function checkThere(s3: S3Connection, key: string, signal: AbortSignal | undefined): Promise<void> {
  await s3.request(
    { action: "read", key },
    (client, options) => client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key: s3.fullKey(key) }), options),
    signal,
  );
}
