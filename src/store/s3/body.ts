import { createHash } from "node:crypto";
import { BallastError } from "../../errors.ts";
import type { ByteSource } from "../port.ts";
import { Budget } from "./budget.ts";

const MIB = 1024 * 1024;
/** What is being sent and is held in memory, of all stores of this process together. */
export const bodyBudget = new Budget(64 * MIB);

/** Some bytes to send, with what a server verifies them by. */
export interface Body {
  readonly bytes: Buffer;
  /** In lower-case hex. */
  readonly sha256: string;
  readonly md5: string;
}

/** Cuts a source into bodies of `partBytes` (the last may be shorter; one empty body for an empty source), and checks it whole. */
export async function* readBodies(source: ByteSource, partBytes: number, key: string, signal?: AbortSignal): AsyncGenerator<Body> {
  const { sizeBytes } = source;
  const whole = source.sha256 === undefined || sizeBytes <= partBytes ? undefined : createHash("sha256");
  let part = Buffer.allocUnsafeSlow(Math.min(partBytes, sizeBytes));
  let filled = 0;
  let taken = 0;
  for await (let chunk of source.open({ start: 0, end: sizeBytes }, signal)) {
    signal?.throwIfAborted();
    whole?.update(chunk);
    if (taken + filled + chunk.length > sizeBytes) throw changed(key, `more than ${sizeBytes} bytes came`);
    while (chunk.length > 0) {
      const piece = chunk.subarray(0, part.length - filled);
      part.set(piece, filled);
      filled += piece.length;
      chunk = chunk.subarray(piece.length);
      if (filled < part.length || taken + filled === sizeBytes) continue;
      yield toBody(part);
      taken += filled;
      filled = 0;
      part = Buffer.allocUnsafeSlow(Math.min(partBytes, sizeBytes - taken));
    }
  }
  // The last body is given only when the whole is known to be right.
  if (taken + filled !== sizeBytes) throw changed(key, `${taken + filled} bytes came instead of ${sizeBytes}`);
  const last = toBody(part);
  if (source.sha256 !== undefined && (whole?.digest("hex") ?? last.sha256) !== source.sha256) {
    throw changed(key, "its bytes do not have the SHA-256 that was announced");
  }
  yield last;
}

/** The one body of a small source. */
export async function readBody(source: ByteSource, key: string, signal?: AbortSignal): Promise<Body> {
  for await (const body of readBodies(source, Math.max(1, source.sizeBytes), key, signal)) return body;
  throw new Error("a source has at least one body");
}

/** The body of bytes in memory. */
export function toBody(bytes: Buffer): Body {
  return { bytes, sha256: createHash("sha256").update(bytes).digest("hex"), md5: createHash("md5").update(bytes).digest("hex") };
}

/** The headers by which a server verifies a body. Ceph's gateway knows only the older one. */
export function checksums({ sha256, md5 }: Body): { ChecksumSHA256: string; ContentMD5: string } {
  return { ChecksumSHA256: toBase64(sha256), ContentMD5: toBase64(md5) };
}

/** Hex to base64. */
export function toBase64(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64");
}

function changed(key: string, reason: string): BallastError {
  return new BallastError("OBJECT_CORRUPT", `cannot write ${key}: ${reason}`, {
    hint: "its source changed or is damaged; run git ballast fsck",
  });
}
