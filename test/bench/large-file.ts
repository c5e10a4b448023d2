import { createCipheriv, createHash, type Hash } from "node:crypto";
import { open } from "node:fs/promises";

/** Replaces `removeBytes` bytes at a position of the unedited content. */
export interface Edit {
  readonly at: number;
  readonly removeBytes: number;
  readonly insert: Uint8Array;
}

const PIECE_BYTES = 1 << 20;
const ZEROS = Buffer.alloc(PIECE_BYTES);

/**
 * Writes a file that no compression makes smaller, always the same, with some edits.
 * @param edits by position; none reaches into the next one
 * @param hash takes up what is written
 * @returns its size
 */
export async function writeLargeFile(path: string, sizeBytes: number, edits: readonly Edit[] = [], hash?: Hash): Promise<number> {
  const file = await open(path, "wx");
  let written = 0;
  const put = async (bytes: Uint8Array): Promise<void> => {
    if (bytes.length === 0) return;
    hash?.update(bytes);
    written += bytes.length;
    await file.writeFile(bytes);
  };
  try {
    const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 7), Buffer.alloc(16));
    let next = 0;
    let skip = 0;
    for (let start = 0; start < sizeBytes; start += PIECE_BYTES) {
      let piece: Uint8Array = cipher.update(ZEROS.subarray(0, Math.min(PIECE_BYTES, sizeBytes - start)));
      let at = start;
      const drop = (bytes: number): void => {
        const here = Math.min(bytes, piece.length);
        [piece, at, skip] = [piece.subarray(here), at + here, bytes - here];
      };
      drop(skip);
      for (let edit; (edit = edits[next]) !== undefined && edit.at < at + piece.length; next++) {
        await put(piece.subarray(0, edit.at - at));
        drop(edit.at - at);
        await put(edit.insert);
        drop(edit.removeBytes);
      }
      await put(piece);
    }
  } finally {
    await file.close();
  }
  return written;
}

/** Edits all over a content, by turns 100 bytes overwritten, put in and taken out. */
export function scatteredEdits(count: number, sizeBytes: number): Edit[] {
  const stride = Math.floor(sizeBytes / count);
  return Array.from({ length: count }, (_, i) => {
    const digest = createHash("sha512").update(`edit ${i}`).digest();
    const insert = Buffer.concat([digest, digest]).subarray(0, i % 3 === 2 ? 0 : 100);
    return { at: i * stride + (digest.readUInt32LE(0) % Math.max(1, stride - 100)), removeBytes: i % 3 === 1 ? 0 : 100, insert };
  });
}
