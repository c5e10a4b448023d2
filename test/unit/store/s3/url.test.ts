import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BallastError } from "../../../../src/errors.ts";
import { formatS3Url, parseS3Url } from "../../../../src/store/s3/url.ts";

describe("an S3 URL", () => {
  it("names a bucket and a prefix", () => {
    expect(parseS3Url("s3://assets")).toEqual({ bucket: "assets", prefix: "" });
    expect(parseS3Url("s3://assets/")).toEqual({ bucket: "assets", prefix: "" });
    expect(parseS3Url("s3://assets/team/game")).toEqual({ bucket: "assets", prefix: "team/game/" });
    expect(parseS3Url("s3://assets/team/game/")).toEqual({ bucket: "assets", prefix: "team/game/" });
  });

  it.each(["", "assets", "https://assets", "s3://", "s3:///prefix", "s3://a", "s3://assets//x", "s3://assets/../x", "s3://assets/./x", "s3://assets/x?y", "s3://assets/a\nb", "s3://-assets"])(
    "is not %j",
    (url) => {
      expect(() => parseS3Url(url)).toThrow(BallastError);
    },
  );

  it("holds no credentials, and those that it holds are not repeated", () => {
    for (const url of ["s3://AKIAEXAMPLE:hush@assets/x", "s3://hush@assets", "s3://hush:9000/x"]) {
      try {
        parseS3Url(url);
        expect.unreachable();
      } catch (error) {
        expect((error as BallastError).code).toBe("CONFIG_INVALID");
        expect(String(error)).not.toContain("hush");
      }
    }
  });

  it("is written in one way", () => {
    const component = fc.stringMatching(/^[A-Za-z0-9_ +-]{1,12}$/);
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]{3,20}$/), fc.array(component, { maxLength: 4 }), (bucket, components) => {
        const url = ["s3:/", bucket, ...components].join("/");
        expect(formatS3Url(parseS3Url(url))).toBe(url);
        expect(formatS3Url(parseS3Url(`${url}/`))).toBe(url);
      }),
    );
  });
});
