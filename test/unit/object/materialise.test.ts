import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeVerified, decodeWhole, verify } from "../../../src/object/encodings.ts";
import { ingestFile } from "../../../src/object/ingest.ts";
import { materialise, materialiseFile, materialiseFrom } from "../../../src/object/materialise.ts";
import { objectKey, type ObjectName } from "../../../src/object/name.ts";
import { EMPTY_OID, oidOf } from "../../../src/object/oid.ts";
import type { DirectoryStore } from "../../../src/store/directory.ts";
import { AUTO, collect, failure, GZIP, newFile, newStore, pieces, RAW, temporaryDirectory } from "./support.ts";

const LARGE = 9_000_000;
const SHAPES = {
  empty: Buffer.alloc(0),
  small: Buffer.from("words and words ".repeat(1000)),
  large: Buffer.from("words and words ".repeat(LARGE / 16)),
  "large and random": randomBytes(LARGE),
};

async function stored(store: DirectoryStore, content: Buffer, compression = AUTO): Promise<ObjectName> {
  const { oid, encoding } = await ingestFile(newFile(content), store, compression);
  return { oid, encoding };
}

const target = (): string => join(temporaryDirectory(), ".target.tmp");

describe("materialising an object", () => {
  for (const [what, content] of Object.entries(SHAPES)) {
    for (const compression of [RAW, GZIP]) {
      it(`restores ${what} content, compression ${compression.mode}`, async () => {
        const store = await newStore();
        const name = await stored(store, content, compression);
        for (const exec of [false, true]) {
          const path = target();
          let counted = 0;
          const stat = await materialise(store, name, path, { expectedSize: content.length, exec, onBytes: (bytes) => (counted += bytes) });
          expect(readFileSync(path).equals(content)).toBe(true);
          expect(counted).toBe(content.length);
          expect(stat.mtimeNs).toBe(statSync(path, { bigint: true }).mtimeNs);
          expect(Number(stat.mode) & 0o777).toBe((exec ? 0o777 : 0o666) & ~process.umask());
          const other = target();
          await materialiseFrom(store.read(objectKey(name)), name, other, { exec });
          expect(readFileSync(other).equals(content)).toBe(true);
        }
      });

      it(`leaves nothing of damaged ${what} content, compression ${compression.mode}`, async () => {
        const store = await newStore();
        const name = await stored(store, content, compression);
        const file = store.pathOf(objectKey(name));
        const good = readFileSync(file);
        const middle = Math.floor(good.length / 2);
        const damages: Buffer[] = [Buffer.concat([good, Buffer.from("!")])];
        if (good.length > 0) damages.push(good.subarray(0, -1), Buffer.alloc(0), flip(good, good.length - 1), flip(good, middle));
        for (const damaged of damages) {
          writeFileSync(file, damaged);
          const path = target();
          const error = await failure(materialise(store, name, path, { expectedSize: content.length, exec: false }), "OBJECT_CORRUPT");
          expect(error.message).toContain(name.oid);
          expect(existsSync(path)).toBe(false);
          await failure(materialiseFrom(pieces(damaged, 1_000_000), name, path, { exec: false }), "OBJECT_CORRUPT");
          expect(existsSync(path)).toBe(false);
        }
      });
    }
  }

  it("refuses content of another size than the manifest says", async () => {
    const store = await newStore();
    for (const content of [SHAPES.small, SHAPES["large and random"]]) {
      const name = await stored(store, content);
      for (const expectedSize of [content.length - 1, content.length + 1, 0]) {
        const path = target();
        await failure(materialise(store, name, path, { expectedSize, exec: false }), "OBJECT_CORRUPT");
        expect(existsSync(path)).toBe(false);
      }
    }
  });

  it("never replaces a file", async () => {
    const store = await newStore();
    const name = await stored(store, SHAPES.small);
    const path = newFile("mine");
    await expect(materialise(store, name, path, { exec: false })).rejects.toThrow(/EEXIST/);
    expect(readFileSync(path, "utf8")).toBe("mine");
  });

  it("tells an absent object, an absent store and an unknown encoding apart", async () => {
    const store = await newStore();
    const name: ObjectName = { oid: oidOf(Buffer.from("absent")), encoding: "gzip" };
    await failure(materialise(store, name, target(), { exec: false }), "OBJECT_MISSING");
    const future = { oid: EMPTY_OID, encoding: "zstd" } as unknown as ObjectName;
    await failure(collect(decodeVerified(future, pieces(Buffer.alloc(1), 1))), "ENCODING_UNKNOWN");
    execFileSync("rm", ["-r", store.root]);
    await failure(materialise(store, name, target(), { exec: false }), "STORE_MISSING");
  });

  it("ends with the signal's reason and leaves nothing", async () => {
    const store = await newStore();
    for (const name of [await stored(store, SHAPES["large and random"], RAW), await stored(store, SHAPES.large, GZIP)]) {
      const controller = new AbortController();
      const reason = new Error("the user has gone");
      const path = target();
      const options = { exec: false, signal: controller.signal, onBytes: () => controller.abort(reason) };
      await expect(materialise(store, name, path, options)).rejects.toBe(reason);
      expect(existsSync(path)).toBe(false);
    }
  });
});

describe("decoding", () => {
  const encodings = fc.constantFrom("raw" as const, "gzip" as const);

  it("gives the content of the oid or an error, whatever happened to the bytes", async () => {
    const { gzipWhole } = await import("../../../src/object/gzip.ts");
    const change = fc.oneof(
      fc.record({ kind: fc.constant("flip" as const), at: fc.nat() }),
      fc.record({ kind: fc.constant("cut" as const), at: fc.nat() }),
      fc.record({ kind: fc.constant("insert" as const), at: fc.nat() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), encodings, change, async (content, encoding, { kind, at }) => {
        const name: ObjectName = { oid: oidOf(content), encoding };
        const encoded = Buffer.from(encoding === "raw" ? content : gzipWhole(content, { engine: "zlib", level: 6 }));
        const damaged =
          kind === "cut" ? encoded.subarray(0, at % (encoded.length + 1))
          : kind === "insert" ? Buffer.concat([encoded.subarray(0, at % (encoded.length + 1)), Buffer.from([at & 255]), encoded.subarray(at % (encoded.length + 1))])
          : flip(encoded, at % Math.max(1, encoded.length));
        const decoders = [async () => decodeWhole(name, damaged)!, () => collect(decodeVerified(name, pieces(damaged, 100)))];
        for (const decode of decoders) {
          const result = await decode().catch((error: unknown) => error);
          if (Buffer.isBuffer(result)) expect(result.equals(content)).toBe(true);
          else expect(result).toMatchObject({ code: "OBJECT_CORRUPT" });
        }
        expect(await verify(name, pieces(encoded, 100))).toBe(content.length);
      }),
      { numRuns: 300 },
    );
  });
});

function flip(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) copy[at]! ^= 0x10;
  return copy;
}

describe("materialiseFile", () => {
  it("copies a file with the mode that a new one gets, and makes none of another size", async () => {
    const content = randomBytes(5_000_000);
    const source = newFile(content);
    chmodSync(source, 0o400);
    const directory = temporaryDirectory();
    for (const exec of [false, true]) {
      const target = join(directory, `exec ${exec}`);
      expect(await materialiseFile(source, target, { exec, sizeBytes: content.length })).toBe(true);
      expect(readFileSync(target).equals(content)).toBe(true);
      expect(statSync(target).mode & 0o777).toBe((exec ? 0o777 : 0o666) & ~process.umask());
    }
    expect(await materialiseFile(source, join(directory, "shorter"), { exec: false, sizeBytes: content.length - 1 })).toBe(false);
    expect(existsSync(join(directory, "shorter"))).toBe(false);
  });

  it("replaces nothing", async () => {
    const taken = newFile("another's");
    await expect(materialiseFile(newFile("ours"), taken, { exec: false, sizeBytes: 4 })).rejects.toThrow("EEXIST");
    expect(readFileSync(taken, "utf8")).toBe("another's");
  });
});
