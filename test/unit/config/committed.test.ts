import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ballastError } from "../../support/errors.ts";
import { parseCommitted, readCommitted } from "../../../src/config/read-committed.ts";
import { editCommitted, writeCommitted } from "../../../src/config/write-committed.ts";
import type { Repository } from "../../../src/git/repository.ts";

describe("the committed file", () => {
  it("gives the values of allowed keys", () => {
    const { values, warnings } = parseCommitted("concurrency = 3\ncompression = never\n[store]\n; a comment\nurl = s3://bucket/prefix\npathStyle = true\n");
    expect(Object.fromEntries(values)).toEqual({ "store.url": "s3://bucket/prefix", "store.pathStyle": "true", "compression.mode": "never" });
    expect(warnings).toEqual([".ballast/config: concurrency is not allowed in a committed file and was ignored"]);
  });

  it("never sets a profile, whatever its spelling", () => {
    for (const text of ["[store]\nprofile = mine", "[STORE]\nPROFILE = mine", "store.profile = mine", '[store]\n"profile" = mine']) {
      const { values, warnings } = parseCommitted(text);
      expect([...values.keys()]).toEqual([]);
      expect(warnings).toHaveLength(1);
    }
  });

  it("may hold keys of later versions, which are reported and not obeyed", () => {
    const { values, warnings } = parseCommitted("[hooks]\ncommand = rm -rf /\n[store]\nurl = embedded\n");
    expect([...values.keys()]).toEqual(["store.url"]);
    expect(warnings[0]).toContain('"hooks.command" is unknown');
  });

  it.each([
    ["__proto__ as a section", "[__proto__]\nurl = s3://bucket/x", "__proto__"],
    ["__proto__ as a key", "[store]\n__proto__ = 1", "__proto__"],
    ["constructor in a section's path", "[constructor.prototype]\nx = 1", "constructor"],
    ["a quoted prototype key", '["__proto__"]\nx = 1', "__proto__"],
    ["control characters", "[store]\nurl = s3://bucket/\u001b[2J", "control characters"],
    ["a NUL", "[store]\nurl = embedded\0", "control characters"],
    ["an array", "[store]\nurl[] = embedded\nurl[] = embedded", "more than once"],
    ["a section without an end", "[store\nurl = embedded", "] is missing"],
    ["compression as value and section", "compression = auto\n[compression]\nlevel = 3", "mode = "],
    ["delta as value and section", "delta = never\n[delta]\nmaxDepth = 3", "mode = "],
    ["a very long name", `${"x".repeat(300)} = 1`, "characters"],
    ["a plain path, which means another place on each machine", "[store]\nurl = /mnt/x", "store.url"],
    ["a URL with credentials", "[store]\nurl = s3://key:word@bucket/x", "store.url"],
    ["an endpoint that is no URL", "[store]\nendpoint = javascript:alert(1)", "store.endpoint"],
    ["a level out of range", "[compression]\nlevel = 99", "compression.level"],
  ])("is refused whole with %s", (_name, text, said) => {
    expect(() => parseCommitted(text)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringMatching(/^\.ballast\/config/) }));
    expect(() => parseCommitted(text)).toThrow(said);
    expect(({} as Record<string, unknown>)["url"]).toBeUndefined();
  });
});

describe("on disk", () => {
  let top: string;
  let repository: Repository;
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), "ballast-config-"));
    mkdirSync(join(top, ".ballast"));
    repository = { top, gitDir: join(top, ".git"), commonDir: join(top, ".git") };
  });
  afterEach(() => rmSync(top, { recursive: true, force: true }));

  const file = (): string => join(top, ".ballast/config");

  it("an absent file says nothing", () => {
    expect(readCommitted(repository).values.size).toBe(0);
  });

  it("a link, a huge file and binary data are refused", () => {
    writeFileSync(join(top, "elsewhere"), "[store]\nurl = embedded\n");
    symlinkSync(join(top, "elsewhere"), file());
    expect(() => readCommitted(repository)).toThrow(ballastError("CONFIG_INVALID", /not a regular file/));
    rmSync(file());
    writeFileSync(file(), "# \n".repeat(100_000));
    expect(() => readCommitted(repository)).toThrow(ballastError("CONFIG_INVALID", /limit/));
    writeFileSync(file(), Buffer.from([0xff, 0xfe, 0x00]));
    expect(() => readCommitted(repository)).toThrow(ballastError("CONFIG_INVALID", /UTF-8/));
  });

  it("is written once, and not again for the same values", () => {
    expect(writeCommitted(repository, { "store.url": "s3://bucket/prefix" })).toBe(true);
    expect(writeCommitted(repository, { "store.url": "s3://bucket/prefix" })).toBe(false);
    expect(readFileSync(file(), "utf8")).toContain("\n[store]\nurl = s3://bucket/prefix\n");
  });
});

describe("an edit", () => {
  const TEXT = "# ours\nfuture = 1\n\n[store]\n# where\nurl = embedded\n\n[later]\nkey = value\n";

  it("changes one line and keeps comments and unknown lines", () => {
    expect(editCommitted(TEXT, { "store.url": "s3://bucket/p" })).toBe(TEXT.replace("embedded", "s3://bucket/p"));
  });

  it("adds a key at the end of its section, and a section at the end of the file", () => {
    expect(editCommitted(TEXT, { "store.region": "eu-west-1" })).toContain("url = embedded\nregion = eu-west-1\n");
    expect(editCommitted(TEXT, { "compression.level": "9" })).toMatch(/key = value\n\n\[compression\]\nlevel = 9\n$/);
  });

  it("removes a key, also one that is spelled twice", () => {
    expect(editCommitted("[store]\nurl = embedded\nregion = a\nREGION = b\n", { "store.region": undefined })).toBe("[store]\nurl = embedded\n");
  });

  it("is read back as it was meant, with characters that INI knows", () => {
    const url = "s3://bucket/a b;c=d";
    expect(parseCommitted(editCommitted("", { "store.url": url })).values.get("store.url")).toBe(url);
  });

  it("refuses what may not be committed", () => {
    expect(() => editCommitted(TEXT, { "store.profile": "mine" })).toThrow(ballastError("USAGE", /store\.profile/));
  });
});
