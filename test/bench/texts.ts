import { createHash } from "node:crypto";
import { mkdirSync, openSync, writeSync, closeSync } from "node:fs";
import { join } from "node:path";

const WORDS = 30_000;
const PIECE_BYTES = 1 << 20;

/**
 * Writes files of made-up prose that compresses to about a third, as English does; always the same ones, and no two alike:
 * words of 2 to 11 letters, the n-th of which is used 1/n as often as the first.
 */
export function writeTexts(directory: string, count: number, bytesEach: number): void {
  const words = vocabulary();
  const next = randomNumbers(1);
  mkdirSync(directory, { recursive: true });
  for (let i = 0; i < count; i++) {
    const file = openSync(join(directory, `chapter-${String(i + 1).padStart(2, "0")}.txt`), "wx");
    for (let left = bytesEach; left > 0; ) {
      const piece = prose(words, next, Math.min(left, PIECE_BYTES));
      writeSync(file, piece);
      left -= piece.length;
    }
    closeSync(file);
  }
}

function prose(words: readonly string[], next: () => number, bytes: number): Buffer {
  const parts: string[] = [];
  let length = 0;
  while (length < bytes) {
    // With a harmonic distribution the rank is the size of the vocabulary to the power of an even number.
    const word = words[Math.floor(WORDS ** next()) - 1]!;
    const end = next();
    const text = word + (end < 0.01 ? ".\n" : end < 0.08 ? ". " : end < 0.16 ? ", " : " ");
    parts.push(text);
    length += text.length;
  }
  return Buffer.from(parts.join("").slice(0, bytes), "latin1");
}

function vocabulary(): string[] {
  const syllables = ["ba", "con", "de", "e", "fin", "gra", "ho", "in", "ka", "lo", "mer", "na", "o", "per", "qui", "ra", "sto", "ti", "un", "ver"];
  return Array.from({ length: WORDS }, (_, i) => {
    const digest = createHash("sha256").update(`word ${i}`).digest();
    return Array.from({ length: 1 + (digest[0]! % 4) }, (_, j) => syllables[digest[j + 1]! % syllables.length]!).join("");
  });
}

/** Numbers from 0 to below 1, always the same: xorshift32, Marsaglia 2003. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
