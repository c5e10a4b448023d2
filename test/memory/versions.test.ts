import { cp, rm } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { sandbox, type Sandbox } from "../support/sandbox.ts";
import { damage, editLarge, makeRepository, objectsIn, writeLarge } from "./contents.ts";
import { EXHAUSTIVE, Meter } from "./meter.ts";

/* Six versions of a large asset, each stored as its difference from the one before: to look at one, those below it are decoded. */
const MIB = 1024 ** 2;
const SIZE_BYTES = EXHAUSTIVE ? 4096 * MIB : 96 * MIB;
const VERSIONS = 6;
const BOUND_MB = 200;
const TIMEOUT_MS = EXHAUSTIVE ? 3_600_000 : 240_000;

describe("versions of a large asset take bounded memory", { timeout: TIMEOUT_MS }, () => {
  let box: Sandbox;
  let meter: Meter;
  const stores = ["store", "repo/.git/ballast"];

  beforeAll(async () => {
    box = await sandbox();
    meter = new Meter(box);
    await makeRepository(box, `file://${box.path("store")}`, "*.mov");
    await writeLarge(box, "repo/film.mov", SIZE_BYTES);
    for (let version = 1; version <= VERSIONS; version++) {
      // Each at another place: the way from the first version gets longer.
      if (version > 1) await editLarge(box, "repo/film.mov", SIZE_BYTES, `version ${version}`, [0.1 * version, 0.1 * version + 0.05, 0.9]);
      await box.git("repo", "add", "--all");
      await box.git("repo", "commit", "-q", "-m", `version ${version}`);
      await box.settled("repo");
    }
    await box.git("repo", "push", "-q", "origin", "main");
    await cp(box.path("store"), box.path("backup"), { recursive: true });
  }, TIMEOUT_MS);

  it("when all are decoded", async () => {
    expect(await chain("store")).toHaveLength(VERSIONS);
    await meter.hold("fsck --deep, six versions", BOUND_MB, "repo", "git", "ballast", "fsck", "--deep");
  });

  it.each([
    ["a delta in the middle", 3, MIB / 2],
    ["what all stand on", 0, SIZE_BYTES / 4],
  ])("when %s is damaged in both stores and comes from a backup", async (what, place, position) => {
    for (const store of stores) await damage((await chain(store))[place]!, position);
    const told = await meter.hold(`fsck --deep --repair --from, ${what}`, BOUND_MB, "repo", "git", "ballast", "fsck", "--deep", "--repair", "--from", box.path("backup"));
    expect(told).toContain("nothing is wrong");
    for (const store of stores) {
      expect(await chain(store)).toHaveLength(VERSIONS);
      await rm(box.path(store, "quarantine"), { recursive: true });
    }
  });

  /** The paths of the objects of a store from the whole one that others stand on up. */
  async function chain(store: string): Promise<string[]> {
    const objects = await objectsIn(box.path(store));
    const paths: string[] = [];
    let next = objects.find(({ oid, base }) => base === undefined && objects.some((other) => other.base === oid));
    for (; next; next = objects.find(({ base }) => base !== undefined && base === next!.oid)) paths.push(next.path);
    return paths;
  }
});
