import { AddressWriter } from "./address-writer.ts";
import { InstructionWriter } from "./instruction-writer.ts";
import { withinReach } from "./reach.ts";
import { ADD, COPY_BASE, COPY_TARGET, GAP, RUN, Script } from "./script.ts";
import { adler32 } from "./vcdiff/adler32.ts";
import { VCD_ADLER32, VCD_SOURCE } from "./vcdiff/format.ts";
import { MAX_WINDOW_HEADER_BYTES } from "./vcdiff/window.ts";
import { varintSize, writeVarint } from "./vcdiff/varint.ts";

/** Source segment and target together must have addresses of 32 bits: xdelta3 reads no larger ones. */
const MAX_SOURCE_BYTES = 2 ** 32 - 1;
/** A shorter copy may take more than the bytes that it stands for, before gzip. */
const SAFE_COPY_BYTES = 16;

/**
 * Encodes a window as RFC 3284, section 4.3 says, with the checksum of its target.
 * @returns its parts, to be written one after the other; hardly more bytes than the window has
 */
export function writeWindow(window: Uint8Array, script: Script): Uint8Array[] {
  const reachable = withinReach(script, MAX_SOURCE_BYTES - window.length);
  const parts = write(window, reachable);
  if (bytesOf(parts) <= window.length) return parts;
  // Many tiny copies. gzip would make little of them, but nobody should have to read a window that grew.
  return write(window, withoutShortCopies(reachable));
}

function write(window: Uint8Array, script: Script): Uint8Array[] {
  const { sourcePosition, sourceBytes, dataBytes, copies } = measure(script);
  const data = Buffer.allocUnsafe(dataBytes);
  const instructions = new InstructionWriter(script.count);
  const addresses = new AddressWriter(copies);
  let added = 0;
  let made = 0;
  for (let i = 0; i < script.count; i++) {
    const kind = script.kind(i);
    const length = script.length(i);
    if (kind === ADD || kind === GAP) {
      data.set(window.subarray(made, made + length), added);
      added += length;
      instructions.add(length);
    } else if (kind === RUN) {
      data[added++] = window[made]!;
      instructions.run(length);
    } else {
      const address = kind === COPY_BASE ? script.from(i) - sourcePosition : sourceBytes + script.from(i);
      const here = sourceBytes + made;
      const repeats = kind === COPY_BASE && made - script.from(i) === nextDistance(script, i, made);
      instructions.copy(length, addresses.write(address, here, repeats));
    }
    made += length;
  }
  instructions.end();
  const sections = [data, instructions.bytes.subarray(0, instructions.length), addresses.bytes.subarray(0, addresses.length)];
  return [header(window, sourcePosition, sourceBytes, sections), ...sections];
}

interface Measures {
  readonly sourcePosition: number;
  readonly sourceBytes: number;
  readonly dataBytes: number;
  readonly copies: number;
}

function measure(script: Script): Measures {
  let low = Infinity;
  let high = 0;
  let dataBytes = 0;
  let copies = 0;
  for (let i = 0; i < script.count; i++) {
    const kind = script.kind(i);
    if (kind === COPY_BASE) {
      low = Math.min(low, script.from(i));
      high = Math.max(high, script.from(i) + script.length(i));
    }
    if (kind === COPY_BASE || kind === COPY_TARGET) copies++;
    else dataBytes += kind === RUN ? 1 : script.length(i);
  }
  return { sourcePosition: high === 0 ? 0 : low, sourceBytes: high === 0 ? 0 : high - low, dataBytes, copies };
}

/** How far the next copy from the base stands from its source, when at most an addition comes between; else NaN. */
function nextDistance(script: Script, i: number, made: number): number {
  let next = i + 1;
  let at = made + script.length(i);
  if (next < script.count && script.kind(next) === ADD) at += script.length(next++);
  return next < script.count && script.kind(next) === COPY_BASE ? at - script.from(next) : NaN;
}

function header(window: Uint8Array, sourcePosition: number, sourceBytes: number, sections: readonly Uint8Array[]): Uint8Array {
  const bytes = Buffer.alloc(MAX_WINDOW_HEADER_BYTES);
  let at = 0;
  bytes[at++] = VCD_ADLER32 | (sourceBytes > 0 ? VCD_SOURCE : 0);
  if (sourceBytes > 0) {
    at = writeVarint(bytes, at, sourceBytes);
    at = writeVarint(bytes, at, sourcePosition);
  }
  const numbers = [window.length, ...sections.map(({ length }) => length)];
  // Behind the length itself: the numbers, the delta indicator, the checksum, the sections.
  at = writeVarint(bytes, at, numbers.reduce((sum, number) => sum + varintSize(number), 0) + 1 + 4 + bytesOf(sections));
  at = writeVarint(bytes, at, window.length);
  bytes[at++] = 0;
  for (const { length } of sections) at = writeVarint(bytes, at, length);
  at = bytes.writeUInt32BE(adler32(window), at);
  return bytes.subarray(0, at);
}

function withoutShortCopies(script: Script): Script {
  const result = new Script();
  let made = 0;
  for (let i = 0; i < script.count; i++) {
    const kind = script.kind(i);
    const length = script.length(i);
    if (kind === ADD || kind === GAP || length < SAFE_COPY_BYTES) result.push(ADD, made, length);
    else result.push(kind, script.from(i), length);
    made += length;
  }
  return result;
}

function bytesOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}
