import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BallastError } from "../../../src/errors.ts";
import { formatManifest, parseManifest, EMPTY_MANIFEST, type Asset, type Manifest } from "../../../src/manifest/manifest.ts";
import { comparePaths, refusal } from "../../../src/manifest/path.ts";
import { oidOf } from "../../../src/object/oid.ts";

const component = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((text) => !text.includes("/"));
const path = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")).filter((text) => refusal(text) === undefined);
const asset: fc.Arbitrary<Asset> = fc.record({
  path,
  oid: fc.uint8Array({ maxLength: 4 }).map(oidOf),
  sizeBytes: fc.nat(),
  exec: fc.boolean(),
}, { noNullPrototype: true });
const manifest = fc.uniqueArray(asset, { selector: ({ path }) => path, maxLength: 30 }).map((assets): Manifest => new Map(assets.map((one) => [one.path, one])));

const LINE = `{"path":"a.psd","oid":"${"0".repeat(64)}","size":1}\n`;
const refused = (text: string | Uint8Array): BallastError => {
  try {
    parseManifest(text, "m");
  } catch (error) {
    expect(error).toBeInstanceOf(BallastError);
    return error as BallastError;
  }
  throw new Error("it was accepted");
};

describe("a manifest", () => {
  it("reads back what was written, in byte order of the paths", () => {
    fc.assert(
      fc.property(manifest, (assets) => {
        const text = formatManifest(assets.values());
        const read = parseManifest(text, "m");
        expect(read).toEqual(assets);
        const paths = [...read.keys()];
        expect(paths).toEqual(paths.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
    );
  });

  it("has one encoding only: whatever is accepted is written back byte for byte", () => {
    fc.assert(
      fc.property(manifest, fc.nat(), fc.integer({ min: 0, max: 255 }), (assets, where, byte) => {
        const bytes = Buffer.from(formatManifest(assets.values()));
        bytes[where % bytes.length] = byte;
        let read: Manifest;
        try {
          read = parseManifest(bytes, "m");
        } catch (error) {
          expect(error).toBeInstanceOf(BallastError);
          return;
        }
        expect(Buffer.from(formatManifest(read.values()))).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it("refuses an unknown version, naming it", () => {
    const error = refused('{"ballast":"manifest","version":2}\n');
    expect(error.code).toBe("MANIFEST_VERSION");
    expect(error.message).toContain("version 2");
  });

  it.each([
    ["an empty file", ""],
    ["no line feed at the end", EMPTY_MANIFEST + LINE.trimEnd()],
    ["a path twice", EMPTY_MANIFEST + LINE + LINE],
    ["paths out of order", EMPTY_MANIFEST + LINE.replace("a.psd", "b.psd") + LINE],
    ["another key order", EMPTY_MANIFEST + `{"oid":"${"0".repeat(64)}","path":"a","size":1}\n`],
    ["an unknown key", EMPTY_MANIFEST + LINE.replace("}", ',"x":1}')],
    ["exec false", EMPTY_MANIFEST + LINE.replace("}", ',"exec":false}')],
    ["a negative size", EMPTY_MANIFEST + LINE.replace(":1}", ":-1}")],
    ["a size beyond exact integers", EMPTY_MANIFEST + LINE.replace(":1}", ":9999999999999999}")],
    ["upper-case digits", EMPTY_MANIFEST + LINE.replace("000", "ABC")],
    ["a needless escape", EMPTY_MANIFEST + LINE.replace("a.psd", "\\u0061.psd")],
    ["a provisional line", EMPTY_MANIFEST + '{"path":"a","provisional":true,"size":1,"mtime":"1"}\n'],
    ["an overlong line", EMPTY_MANIFEST + LINE.replace("a.psd", "a".repeat(40_000))],
    ["carriage returns", (EMPTY_MANIFEST + LINE).replaceAll("\n", "\r\n")],
    ["bytes that are no UTF-8", Buffer.concat([Buffer.from(EMPTY_MANIFEST), Buffer.from(LINE.replace("a.psd", "\u00ff"), "latin1")])],
  ])("refuses %s", (_what, text) => {
    expect(["MANIFEST_INVALID", "PATH_REFUSED"]).toContain(refused(text).code);
  });

  it("takes conflict markers for what they are", () => {
    const text = `${EMPTY_MANIFEST}<<<<<<< HEAD\n${LINE}=======\n${LINE}>>>>>>> other\n`;
    expect(refused(text).code).toBe("CONFLICT");
  });
});

describe("a path", () => {
  it.each([
    "", "/etc/passwd", "../x", "a/../b", "a/./b", "a//b", "a/", "./a", ".git/hooks/pre-commit", "a/.git/config", ".GIT/x", ".Git/x",
    "git~1/x", "GIT~1/x", ".git./x", ".git /x", ".git::$INDEX_ALLOCATION/x", ".g\u200cit/x", ".gi\ufefft/x", "a\\..\\b", "a\\.git\\x",
    ".ballast/manifest.jsonl", ".BALLAST/x", ".ballast", "C:/x", "c:\\x", "a\0b", "\ud800", "x".repeat(5000),
  ])("%j is refused", (name) => {
    expect(refusal(name)).toBeTypeOf("string");
  });

  it.each(["a", "a b/c d.psd", "-rf", "--help", "é/ü.png", "emoji 🎨.png", "line\nfeed", 'quo"te', "back\\slash", ".gitignored", ".github/x", "git", ".hidden", "a.git", "...", "x".repeat(255)])(
    "%j is accepted",
    (name) => {
      expect(refusal(name)).toBeUndefined();
    },
  );

  it("is ordered as Git orders it: by UTF-8 bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        expect(Math.sign(comparePaths(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 2000 },
    );
  });
});
