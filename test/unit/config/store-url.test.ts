import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ballastError } from "../../support/errors.ts";
import { directoryOf, parseStoreUrl } from "../../../src/config/store-url.ts";

describe("a store as the user writes it", () => {
  it.each([
    ["s3://bucket/prefix", "s3://bucket/prefix"],
    ["s3://bucket/a/b/", "s3://bucket/a/b"],
    ["S3://bucket", "s3://bucket"],
    ["file:///srv/store", "file:///srv/store"],
    ["file:///srv/store/", "file:///srv/store"],
    ["file://localhost/srv/a%20b", "file:///srv/a%20b"],
    ["/srv/a b#c", "file:///srv/a%20b%23c"],
    ["../store", "file:///home/store"],
    ["store", "file:///home/me/store"],
    ["./s3:x", "file:///home/me/s3:x"],
    ["embedded", "embedded"],
  ])("%s is %s", (text, url) => {
    expect(parseStoreUrl(text, "/home/me")).toBe(url);
  });

  it("may be a bucket and a prefix in two words", () => {
    expect(parseStoreUrl(["team-assets", "game/art/"])).toBe("s3://team-assets/game/art");
    expect(parseStoreUrl(["team-assets"], "/home/me")).toBe("file:///home/me/team-assets");
  });

  it.each([
    ["s3://", /bucket/],
    ["s3:bucket", /not a store/],
    ["s3://b", /bucket/],
    ["s3://bucket/a//x", /prefix/],
    ["s3://bucket/../x", /prefix/],
    ["s3://bucket/x?y", /prefix/],
    ["https://example.com/x", /https URLs are not supported/],
    ["gs://bucket/x", /gs URLs/],
    ["file://server/share", /this machine/],
    ["file:relative", /absolute/],
    ["file:///a?b", /path only/],
    ["", /empty/],
    ["a\0b", /empty/],
  ])("%s is refused", (text, message) => {
    expect(() => parseStoreUrl(text, "/home/me")).toThrow(ballastError("USAGE", message));
  });

  it("with credentials is refused without repeating them", () => {
    expect(() => parseStoreUrl("s3://key:hush@bucket/x")).toThrow(/^(?!.*hush)/);
    expect(() => parseStoreUrl("s3://key:hush@bucket/x")).toThrow(ballastError("USAGE", /credentials/));
  });

  it("must be absolute where nobody stands anywhere", () => {
    expect(() => parseStoreUrl("../store")).toThrow(ballastError("USAGE", /not a store/));
  });

  it("is canonical: its own text again", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[^\0/]{1,20}$/), (name) => {
        const url = parseStoreUrl(`/srv/${name}`, "/");
        expect(parseStoreUrl(url)).toBe(url);
        if (name !== "." && name !== "..") expect(directoryOf(url)).toBe(`/srv/${name}`);
      }),
    );
  });
});
