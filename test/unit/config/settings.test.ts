import { describe, expect, it } from "vitest";
import { ballastError } from "../../support/errors.ts";
import { gitSettings } from "../../../src/config/git-settings.ts";
import { parseEntries } from "../../../src/git/config.ts";
import { environmentName, findKey, KEYS, KEY_NAMES, requireKey, type Key } from "../../../src/config/keys.ts";
import { defaultText, resolveSettings, type RawSources } from "../../../src/config/load.ts";
import { DEFAULTS } from "../../../src/config/settings.ts";

const NOTHING: RawSources = { flags: {}, env: {}, git: new Map(), committed: new Map(), warnings: [] };

describe("precedence", () => {
  const sources: RawSources = {
    ...NOTHING,
    flags: { "compression.level": "1" },
    env: { BALLAST_COMPRESSION_LEVEL: "2" },
    git: new Map([["compression.level", { value: "3", scope: "local" }]]),
    committed: new Map([["compression.level", "4"]]),
  };
  const cases: [string, RawSources, number, string][] = [
    ["the command line first", sources, 1, "flag"],
    ["then the environment", { ...sources, flags: {} }, 2, "env BALLAST_COMPRESSION_LEVEL"],
    ["then git config, with its scope", { ...sources, flags: {}, env: {} }, 3, "git config (local)"],
    ["then the committed file", { ...NOTHING, committed: sources.committed }, 4, ".ballast/config"],
    ["then the default", NOTHING, DEFAULTS.compression.level, "default"],
  ];
  it.each(cases)("%s", (_name, given, level, origin) => {
    const { settings, origins } = resolveSettings(given);
    expect(settings.compression.level).toBe(level);
    expect(origins.get("compression.level")).toEqual({ value: String(level), origin });
  });

  it("takes an empty variable for none", () => {
    expect(resolveSettings({ ...NOTHING, env: { BALLAST_CONCURRENCY: "" } }).settings.concurrency).toBe(DEFAULTS.concurrency);
  });

  it("gives exactly the defaults when nothing is set", () => {
    expect(resolveSettings(NOTHING).settings).toEqual(DEFAULTS);
  });

  it("knows which keys of the store are the user's own", () => {
    const { settings } = resolveSettings({ ...NOTHING, env: { BALLAST_STORE_REGION: "eu-west-1" }, committed: new Map([["store.url", "s3://b12/p"]]) });
    expect(settings.ownStoreKeys).toEqual(["store.region"]);
    expect(settings.storeUrl).toBe("s3://b12/p");
  });
});

describe("a value that is not valid", () => {
  it("on the command line is a usage error", () => {
    expect(() => resolveSettings({ ...NOTHING, flags: { concurrency: "many" } })).toThrow(ballastError("USAGE", /command line: concurrency must be a whole number/));
  });

  it("elsewhere is an invalid configuration that names the place and the key", () => {
    expect(() => resolveSettings({ ...NOTHING, env: { BALLAST_STORE_PART_SIZE: "1k" } })).toThrow(ballastError("CONFIG_INVALID", /BALLAST_STORE_PART_SIZE: store\.partSize must be a size/));
    const git = new Map([["store.stallTimeout", { value: "soon", scope: "global" }]]) as RawSources["git"];
    expect(() => resolveSettings({ ...NOTHING, git })).toThrow(ballastError("CONFIG_INVALID", /git config \(global\): store\.stallTimeout/));
  });

  it("does not show what an endpoint or a URL held", () => {
    const env = { BALLAST_STORE_ENDPOINT: "https://user:secret@example.com" };
    expect(() => resolveSettings({ ...NOTHING, env })).toThrow(/^(?!.*secret).*store\.endpoint/);
  });
});

describe("keys", () => {
  it("have a default that their own kind accepts", () => {
    for (const name of KEY_NAMES) {
      const text = defaultText(name);
      if (text !== undefined) expect((KEYS[name] as Key).kind.parse(text), name).not.toBeUndefined();
    }
  });

  it("may not be committed where they name credentials, cost the reader money or change what this machine does", () => {
    const personal = KEY_NAMES.filter((name) => !KEYS[name].committed);
    expect(personal).toEqual(["store.profile", "store.requesterPays", "store.stallTimeout", "store.attempts", "store.uploadExpiry", "concurrency", "cache.dir", "cache.limit", "cache.auto", "cache.recent", "fetch.include", "fetch.exclude", "conflict.strategy"]);
  });

  it("are legal in git config", () => {
    for (const name of KEY_NAMES) expect(`ballast.${name}`).toMatch(/^ballast(\.[a-z]+)?\.[A-Za-z][A-Za-z0-9-]*$/);
  });

  it("are found in any case, and `compression` and `delta` are short for their modes", () => {
    expect(findKey("Delta")).toBe("delta.mode");
    expect(environmentName("delta.mode")).toBe("BALLAST_DELTA");
    expect(findKey("STORE.PATHSTYLE")).toBe("store.pathStyle");
    expect(findKey("compression")).toBe("compression.mode");
    expect(findKey("__proto__")).toBeUndefined();
  });

  it("have variables of their own", () => {
    expect(environmentName("store.sseKmsKeyId")).toBe("BALLAST_STORE_SSE_KMS_KEY_ID");
    expect(environmentName("compression.mode")).toBe("BALLAST_COMPRESSION");
    expect(new Set(KEY_NAMES.map(environmentName)).size).toBe(KEY_NAMES.length);
  });

  it("are suggested when misspelt", () => {
    expect(() => requireKey("store.regoin")).toThrow(expect.objectContaining({ hint: "did you mean store.region?" }));
  });
});

describe("units", () => {
  const level = (key: string, value: string): unknown => {
    const { settings } = resolveSettings({ ...NOTHING, flags: { [key]: value } });
    return { "store.stallTimeout": settings.s3.stallTimeoutMs, "store.partSize": settings.s3.partSizeBytes, "store.uploadExpiry": settings.s3.uploadExpiryMs }[key];
  };
  it.each([
    ["store.stallTimeout", "30s", 30_000],
    ["store.stallTimeout", "45", 45_000],
    ["store.stallTimeout", "1500ms", 1500],
    ["store.stallTimeout", "5min", 300_000],
    ["store.uploadExpiry", "12h", 43_200_000],
    ["store.uploadExpiry", "7d", 604_800_000],
    ["store.partSize", "16MiB", 16_777_216],
    ["store.partSize", "16m", 16_777_216],
    ["store.partSize", "0.5 GiB", 536_870_912],
  ])("%s = %s", (key, value, expected) => {
    expect(level(key, value)).toBe(expected);
  });
});

describe("deltas", () => {
  const delta = (key: string, value: string): unknown => resolveSettings({ ...NOTHING, flags: { [key]: value } }).settings.delta;
  it.each([
    ["delta", "never", { mode: "never" }],
    ["delta.maxRatio", "0.25", { maxRatio: 0.25 }],
    ["delta.maxRatio", ".5", { maxRatio: 0.5 }],
    ["delta.maxRatio", "1", { maxRatio: 1 }],
    ["delta.maxDepth", "1", { maxDepth: 1 }],
    ["delta.exclude", "*.zip", { exclude: ["*.zip"] }],
    ["delta.exclude", " *.zip , /renders/,, !keep.zip ", { exclude: ["*.zip", "/renders/", "!keep.zip"] }],
    ["delta.exclude", "", { exclude: [] }],
  ])("%s = %s", (key, value, expected) => {
    expect(delta(key, value)).toEqual({ ...DEFAULTS.delta, ...expected });
  });

  it.each([["delta.maxRatio", "0"], ["delta.maxRatio", "2"], ["delta.maxRatio", "half"], ["delta.maxDepth", "0"], ["delta.maxDepth", "65"], ["delta.exclude", "a\nb"], ["delta", "always"]])("cannot be %s = %s", (key, value) => {
    expect(() => delta(key, value)).toThrow(ballastError("USAGE", /command line: delta\./));
  });

  it("give their list of patterns as it is read back", () => {
    const { origins } = resolveSettings({ ...NOTHING, flags: { "delta.exclude": "*.zip,/renders/" } });
    expect(origins.get("delta.exclude")!.value).toBe("*.zip, /renders/");
  });
});

describe("git config's answer", () => {
  it("is read by scope, the last value counts, and a key without a value is true", () => {
    const text = "global\0ballast.store.pathstyle\0local\0ballast.concurrency\n2\0command\0ballast.concurrency\n3\0local\0ballast.pin\ns3://x\0";
    expect(gitSettings(parseEntries(text))).toEqual(new Map([
      ["store.pathStyle", { value: "true", scope: "global" }],
      ["concurrency", { value: "3", scope: "command" }],
    ]));
  });
});
