import { describe, expect, it } from "vitest";
import { exitStatus, renderError } from "../../../src/cli/render-error.ts";
import { PLAIN, styleFor } from "../../../src/cli/style.ts";
import { changeLine, porcelainLines } from "../../../src/cli/lines.ts";
import { BallastError, EXIT_BUG, EXIT_STATUS, type ErrorCode } from "../../../src/errors.ts";
import { count, formatBytes, formatDuration, formatPath, plainText } from "../../../src/util/format.ts";
import { suggest } from "../../../src/util/suggest.ts";

const QUIET = { verbose: false, json: false, style: PLAIN };
const STORE = new BallastError("STORE_DENIED", "s3://bucket refused", { hint: "check the policy", cause: new Error("403", { cause: new Error("AccessDenied") }) });

describe("an error", () => {
  it("is one line, and one with what to do", () => {
    expect(renderError(STORE, QUIET)).toBe("ballast: s3://bucket refused\n  → check the policy\n");
  });

  it("shows its causes when asked", () => {
    expect(renderError(STORE, { ...QUIET, verbose: true })).toBe("ballast: s3://bucket refused\n  → check the policy\n  because: Error: 403\n  because: Error: AccessDenied\n");
  });

  it("is one line of JSON for a program", () => {
    expect(JSON.parse(renderError(STORE, { ...QUIET, json: true }))).toEqual({ kind: "error", code: "STORE_DENIED", message: "s3://bucket refused", hint: "check the policy", status: 9 });
  });

  it("that is not ours is called a bug, with its stack", () => {
    const text = renderError(new TypeError("x is undefined"), QUIET);
    expect(text).toMatch(/^ballast: this is a bug in Ballast: x is undefined\n/);
    expect(text).toContain("render.test.ts");
  });

  it("cannot play tricks on the terminal", () => {
    expect(renderError(new BallastError("USAGE", "no \u001b[2J\u202eevil"), QUIET)).toBe("ballast: no \\u001b[2J\\u202eevil\n");
  });

  it("has a documented exit status", () => {
    for (const code of Object.keys(EXIT_STATUS) as ErrorCode[]) expect(exitStatus(new BallastError(code, "x"))).toBe(EXIT_STATUS[code]);
    expect(exitStatus(new Error("x"))).toBe(EXIT_BUG);
    expect(exitStatus("thrown")).toBe(EXIT_BUG);
  });
});

describe("colours", () => {
  it("are for terminals only, and not where NO_COLOR is set", () => {
    expect(styleFor({ isTTY: true }, {}).error("x")).toBe("\u001b[31mx\u001b[39m");
    for (const [tty, env] of [[false, {}], [true, { NO_COLOR: "1" }], [true, { TERM: "dumb" }]] as const) expect(styleFor({ isTTY: tty }, env)).toBe(PLAIN);
  });
});

describe("numbers", () => {
  it.each([
    [0, "0 B"], [999, "999 B"], [1000, "0.98 KiB"], [1024, "1 KiB"], [1536, "1.5 KiB"], [10_240, "10 KiB"], [1_048_575, "1 MiB"],
    [3_000_000, "2.86 MiB"], [2 ** 40, "1 TiB"], [2 ** 53, "8 PiB"],
  ])("%d bytes are %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [0, "0 ms"], [999, "999 ms"], [1000, "1 s"], [4250, "4.3 s"], [59_949, "60 s"], [60_000, "1 min"], [200_000, "3 min 20 s"],
    [3_600_000, "1 h"], [7_500_000, "2 h 5 min"], [273_600_000, "3 d 4 h"],
  ])("%d ms are %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

  it("count what they count", () => {
    expect([count(0, "object"), count(1, "object"), count(2, "entry", "entries")]).toEqual(["0 objects", "1 object", "2 entries"]);
  });
});

describe("paths", () => {
  it("are quoted only where they must be", () => {
    expect(formatPath("art/héro 🎨.psd")).toBe("art/héro 🎨.psd");
    expect(formatPath('a"b')).toBe('"a\\"b"');
    expect(formatPath("a\nb\u001b")).toBe('"a\\nb\\u001b"');
    expect(formatPath("a\u202egnp.exe")).toBe('"a\\u202egnp.exe"');
    expect(plainText("a\tb\nc")).toBe("a\\tb\nc");
  });
});

describe("status for programs", () => {
  const entry = { staged: false, explanation: "" };
  const unpushed = [{ path: "z", oid: "0".repeat(64), sizeBytes: 1 }] as never;
  const entries = [
    { ...entry, path: "b\nc", state: "renamed", from: "a", staged: true },
    { ...entry, path: "d", state: "missing" },
  ] as const;

  it("is one entry a line, quoted", () => {
    expect(porcelainLines({ entries: [...entries], unpushed }, false)).toBe('R  a -> "b\\nc"\n X d\nP  z\n');
  });

  it("is not quoted with NUL", () => {
    expect(porcelainLines({ entries: [...entries], unpushed }, true)).toBe("R  b\nc\0a\0 X d\0P  z\0");
  });
});

it("a change shows both sizes", () => {
  expect(changeLine({ kind: "modified", path: "a", sizeBytes: 2048, oldSizeBytes: 1024 })).toBe("modified  a  1 KiB → 2 KiB");
  expect(changeLine({ kind: "renamed", path: "b", from: "a", sizeBytes: 1 })).toBe("renamed   a → b  1 B");
});

it("what was probably meant is found, and nothing far-fetched", () => {
  const verbs = ["status", "store", "checkout", "track", "trust"];
  expect(suggest("stauts", verbs)).toBe("status");
  expect(suggest("chekcout", verbs)).toBe("checkout");
  expect(suggest("stat", verbs)).toBe("status");
  expect(suggest("frobnicate", verbs)).toBeUndefined();
});
