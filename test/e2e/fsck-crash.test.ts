import { fileURLToPath } from "node:url";
import { beforeAll, expect, it } from "vitest";
import { decodeAll, objectNames } from "../support/decodable.ts";
import { editions } from "../support/deltas.ts";
import { makeLane } from "../support/lane.ts";
import { asset } from "../support/project.ts";
import { sandbox, Sandbox, sha256 } from "../support/sandbox.ts";

/*
 * Kills a repair and a prune at their writes (test/support/crash.cjs): nothing is lost at any moment, and the next run
 * ends the work.
 */
const PRELOAD = fileURLToPath(new URL("../support/crash.cjs", import.meta.url));
const CHAIN = editions(3, "hero", 12_000);
const LONE = asset("lone");
const OIDS = [...CHAIN, LONE].map(sha256).sort();
const BAD = Buffer.from("this is what was damaged");
/** Deaths in each test: every write up to this one, and then every so many. */
const EVERY = 6;

let box: Sandbox;
let whole: string[];

beforeAll(async () => {
  box = await sandbox();
  await makeLane(box);
  await box.write("lane/repo/lone.bin", LONE);
  for (const version of CHAIN) {
    await box.write("lane/repo/hero.bin", version);
    await box.git("lane/repo", "add", "-A");
    await box.git("lane/repo", "commit", "-qm", "version");
  }
  await box.git("lane/repo", "push", "-q", "-u", "origin", "main");
  await box.settled("lane/repo");
  whole = objectNames(box.path("lane/store"));
  await box.run(".", "cp", ["-a", "lane", "start-prune"]);
  const key = (oid: string): string => `lane/store/objects/${oid.slice(0, 2)}/${oid}`;
  for (const oid of [OIDS.find((one) => one === sha256(CHAIN[0]!))!, sha256(LONE)]) {
    await box.run(".", "rm", [key(oid)]);
    await box.write(key(oid), BAD);
  }
  await box.write("lane/store/objects/junk", "junk");
  await box.run(".", "cp", ["-a", "lane", "start-repair"]);
});

/** Runs something that dies at its write number `at`; tells how many writes there were when none was to die. */
async function crash(start: string, at: number, ...command: string[]): Promise<{ writes: number; died: boolean }> {
  await box.run(".", "rm", ["-rf", "lane", "counter", "counter.crashed"]);
  await box.run(".", "cp", ["-a", start, "lane"]);
  const env = { NODE_OPTIONS: `--require=${PRELOAD}`, BALLAST_CRASH_COUNTER: box.path("counter"), BALLAST_CRASH_AT: String(at) };
  await new Sandbox(box.root, { ...box.env, ...env }).run("lane/repo", "git", ["ballast", ...command]);
  return { writes: (await box.read("counter")).length, died: await box.exists("counter.crashed") };
}

async function atWrites(start: string, command: string[], check: () => Promise<void>): Promise<void> {
  const { writes } = await crash(start, 0, ...command);
  expect(writes).toBeGreaterThan(5);
  await check();
  let deaths = 0;
  for (let at = 2; at <= writes; at += Math.max(1, Math.floor(writes / EVERY))) {
    if (!(await crash(start, at, ...command)).died) continue;
    deaths += 1;
    await check().catch((error: unknown) => {
      throw new Error(`killed at write ${at} of ${writes}`, { cause: error });
    });
  }
  expect(deaths).toBeGreaterThan(3);
}

it("a repair that dies has lost nothing, and the next one ends it", async () => {
  await atWrites("start-repair", ["fsck", "--deep", "--repair"], async () => {
    // Of the damaged bytes there is a copy at every moment, and the local store is untouched.
    const kept = await box.run("lane/store", "grep", ["-rlF", BAD.toString(), "."]);
    expect(new Set(kept.stdout.split("\n").filter(Boolean).map((path) => path.split("/").at(-1)!.slice(0, 64))).size).toBe(2);
    expect(await decodeAll(box.path("lane/repo/.git/ballast"))).toEqual(new Set(OIDS));
    expect((await box.ballast("lane/repo", "fsck", "--deep", "--repair")).status).toBe(0);
    expect(objectNames(box.path("lane/store"))).toEqual(whole);
    expect([...(await decodeAll(box.path("lane/store")))].sort()).toEqual(OIDS);
    expect((await box.run("lane/store", "ls", ["quarantine"])).stdout.split("\n").filter(Boolean)).toHaveLength(3);
  });
});

it("a prune that dies leaves no object without its base, and the next one ends it", async () => {
  await atWrites("start-prune", ["prune", "--recent", "0", "--set", "cache.limit=0"], async () => {
    await decodeAll(box.path("lane/repo/.git/ballast"));
    await box.mustBallast("lane/repo", "prune", "--recent", "0", "--set", "cache.limit=0");
    expect(objectNames(box.path("lane/repo/.git/ballast"))).toEqual([]);
    expect(objectNames(box.path("lane/store"))).toEqual(whole);
  });
});
