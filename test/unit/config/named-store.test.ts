import { describe, expect, test } from "vitest";
import { parseNamedStore } from "../../../src/config/named-store.ts";
import { DEFAULTS, type Settings } from "../../../src/config/settings.ts";
import { isBallastError } from "../../../src/errors.ts";

const OURS: Settings = { ...DEFAULTS, storeUrl: "s3://team/game", s3: { ...DEFAULTS.s3, region: "eu-central-1", endpoint: "https://minio.example", pathStyle: true, attempts: 3 } };
const parse = (text: string) => parseNamedStore(text, { settings: OURS, cwd: "/work/here", option: "--from" });

describe("a store that is named for one run", () => {
  test("is opened as the repository's own one is, unless something is said about it", () => {
    expect(parse("s3://backup/game")).toEqual({ url: "s3://backup/game", settings: OURS });
    expect(parse("s3://backup/game region=us-west-2 profile=old%20one requesterPays=true")).toEqual({
      url: "s3://backup/game",
      settings: { ...OURS, s3: { ...OURS.s3, region: "us-west-2", profile: "old one", requesterPays: true } },
    });
  });

  test("takes the default for an empty value", () => {
    expect(parse("s3://backup/game endpoint= pathStyle= region=").settings.s3).toEqual({ ...OURS.s3, endpoint: undefined, pathStyle: false, region: undefined });
  });

  test("may have blanks in its name", () => {
    expect(parse("s3://backup/the whole game noSignRequest=true")).toMatchObject({ url: "s3://backup/the whole game", settings: { s3: { noSignRequest: true } } });
    expect(parse("../My Backup region=x").url).toBe("file:///work/My%20Backup%20region=x");
    expect(parse("embedded").url).toBe("embedded");
  });

  test.each(["s3://backup/game regoin=x", "s3://backup/game pathStyle=perhaps", "s3://backup/game endpoint=https://key:secret@host", "s3://key:secret@backup/game", "https://backup", "", "s3://backup/game sse=AES256"])("is refused: %s", (text) => {
    expect.assertions(2);
    try {
      parse(text);
    } catch (error) {
      expect(isBallastError(error, "USAGE")).toBe(true);
      expect(String(error)).not.toContain("secret");
    }
  });
});
