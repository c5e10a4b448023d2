import fc from "fast-check";

/** Bytes that do not compress, the same for the same seed. */
export function noise(sizeBytes: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return Buffer.from(words.buffer, 0, sizeBytes);
}

export interface Edited {
  readonly base: Buffer;
  readonly target: Buffer;
}

/** A content and what became of it by inserting, removing, moving, overwriting, repeating, cutting and appending. */
export function edited(maxBytes: number): fc.Arbitrary<Edited> {
  const edit = fc.record({
    kind: fc.constantFrom("insert", "remove", "move", "overwrite", "repeat", "cut", "append", "run"),
    at: fc.nat(),
    to: fc.nat(),
    length: fc.oneof(fc.nat(50), fc.nat(maxBytes)),
    seed: fc.nat(1000),
  });
  const content = fc.record({ sizeBytes: fc.oneof(fc.nat(300), fc.nat(maxBytes)), seed: fc.nat(1000), text: fc.boolean() }).map(({ sizeBytes, seed, text }) => {
    const bytes = noise(sizeBytes, seed);
    // Few different bytes in short words: what a text or a program is like.
    return text ? bytes.map((byte) => 97 + ((byte & 7) * (byte >> 5)) % 13) : bytes;
  });
  return fc.record({ content, edits: fc.array(edit, { maxLength: 12 }) }).map(({ content, edits }) => {
    const base = Buffer.from(content);
    let target = base;
    for (const { kind, at: anywhere, to, length, seed } of edits) {
      const at = anywhere % (target.length + 1);
      const piece = target.subarray(at, at + length);
      const [before, after] = [target.subarray(0, at), target.subarray(at + piece.length)];
      const elsewhere = to % (target.length + 1);
      if (kind === "insert") target = Buffer.concat([before, noise(length, seed), target.subarray(at)]);
      else if (kind === "remove") target = Buffer.concat([before, after]);
      else if (kind === "overwrite") target = Buffer.concat([before, noise(piece.length, seed), after]);
      else if (kind === "repeat") target = Buffer.concat([before, piece, piece, after]);
      else if (kind === "cut") target = target.subarray(0, Math.max(at, target.length >> 1));
      else if (kind === "append") target = Buffer.concat([target, noise(length, seed)]);
      else if (kind === "run") target = Buffer.concat([before, Buffer.alloc(length, seed), after]);
      else {
        const rest = Buffer.concat([before, after]);
        target = Buffer.concat([rest.subarray(0, elsewhere), piece, rest.subarray(elsewhere)]);
      }
      if (target.length > 3 * maxBytes) target = target.subarray(0, 3 * maxBytes);
    }
    return { base, target: Buffer.from(target) };
  });
}
