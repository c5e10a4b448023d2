import { fileURLToPath } from "node:url";
import { beforeAll, expect, it } from "vitest";
import { decodeAll, objectNames, promised } from "../support/decodable.ts";
import { editions } from "../support/deltas.ts";
import { makeLane } from "../support/lane.ts";
import { sandbox, Sandbox, sha256 } from "../support/sandbox.ts";

/*
 * Kills the push of a chain, and a repack, at each of their writes (test/support/crash.cjs). At that moment every
 * content must be in the store, and no delta without its base; the next run ends the work.
 */
const PRELOAD = fileURLToPath(new URL("../support/crash.cjs", import.meta.url));
/** Every other write up to this one, and every eighth behind it. */
const EVERY = 12;
const STRIDE = 8;

const VERSIONS = editions(5, "hero", 20_000);
const OTHER = editions(2, "other", 9000);
const OIDS = [...VERSIONS, ...OTHER].map(sha256).sort();

let box: Sandbox;
beforeAll(async () => {
  box = await sandbox();
  await makeLane(box);
  for (const [i, version] of VERSIONS.entries()) {
    await box.write("lane/repo/hero.bin", version);
    if (OTHER[i]) await box.write("lane/repo/other.bin", OTHER[i]!);
    await box.git("lane/repo", "add", "-A");
    await box.git("lane/repo", "commit", "-qm", `version ${i}`);
  }
  await box.run(".", "cp", ["-a", "lane", "start-push"]);
  await box.git("lane/repo", "push", "-q", "origin", "main");
  await box.run(".", "cp", ["-a", "lane", "start-whole"]);
  await box.mustBallast("lane/repo", "repack", "--set", "delta=never");
  await box.run(".", "cp", ["-a", "lane", "start-deltas"]);
});

/** Runs something that dies at its write number `at`; tells how many writes there were when none was to die. */
async function crash(start: string, at: number, ...command: string[]): Promise<{ writes: number; died: boolean }> {
  await box.run(".", "rm", ["-rf", "lane", "counter", "counter.crashed"]);
  await box.run(".", "cp", ["-a", start, "lane"]);
  const env = { NODE_OPTIONS: `--require=${PRELOAD}`, BALLAST_CRASH_COUNTER: box.path("counter"), BALLAST_CRASH_AT: String(at) };
  await new Sandbox(box.root, { ...box.env, ...env }).run("lane/repo", "git", command);
  return { writes: (await box.read("counter")).length, died: await box.exists("counter.crashed") };
}

async function atEveryWrite(start: string, command: string[], check: (at: number) => Promise<void>): Promise<void> {
  const { writes } = await crash(start, 0, ...command);
  expect(writes).toBeGreaterThan(5);
  let deaths = 0;
  for (let at = 1; at <= writes; at += at < EVERY ? 2 : STRIDE) {
    if (!(await crash(start, at, ...command)).died) continue;
    deaths += 1;
    await check(at).catch((error: unknown) => {
      throw new Error(`killed at write ${at} of ${writes}`, { cause: error });
    });
  }
  expect(deaths).toBeGreaterThan(5);
}

const store = (): string => box.path("lane/store");

/** No delta is there whose chain does not end in a whole object. */
function expectClosed(): string[] {
  const names = objectNames(store());
  const oids = [...promised(names)].sort();
  expect([...new Set(names.map((name) => name.slice(0, 64)))].sort()).toEqual(oids);
  return oids;
}

it("a push of a chain: no delta comes before its base, and the next push ends it", { timeout: 600_000 }, async () => {
  expect(objectNames(box.path("start-push/repo/.git/ballast")).filter((name) => name.includes(".xd3")).length).toBe(5);
  await atEveryWrite("start-push", ["push", "-q", "origin", "main"], async () => {
    expectClosed();
    await box.git("lane/repo", "push", "-q", "origin", "main");
    expect([...(await decodeAll(store()))].sort()).toEqual(OIDS);
    expectClosed();
  });
});

const COMMANDS: [string, string, string[]][] = [
  ["to deltas", "start-deltas", []],
  ["to whole objects", "start-whole", ["--set", "delta=never"]],
];
for (const [name, start, args] of COMMANDS) {
  it(`a repack ${name}: every content is there at every moment, and the next run ends it as an undisturbed one`, { timeout: 600_000 }, async () => {
    const repack = ["ballast", "repack", ...args];
    await crash(start, 0, ...repack);
    const undisturbed = objectNames(store());
    expect(undisturbed).not.toEqual(objectNames(box.path(start, "store")));
    expect(undisturbed).toHaveLength(OIDS.length);
    await atEveryWrite(start, repack, async (at) => {
      expect(expectClosed()).toEqual(OIDS);
      if (at % 5 === 0) expect([...(await decodeAll(store()))].sort()).toEqual(OIDS);
      await box.mustBallast("lane/repo", "repack", ...args);
      expect(objectNames(store())).toEqual(undisturbed);
      // The last record; and for two hours that of the run which died, if it had asked for removals, and no other.
      const records = (await box.run("lane/store", "find", ["gc", "-maxdepth", "1", "-type", "f"])).stdout.split("\n").filter(Boolean);
      expect(records.every((name) => /^gc\/removal\.\d+\.json$/.test(name))).toBe(true);
      const numbers = records.map((name) => Number(name.split(".")[1])).sort((x, y) => x - y);
      const pending = await Promise.all(numbers.map(async (number) => (JSON.parse((await box.read(`lane/store/gc/removal.${number}.json`)).toString()) as { pending: string[] }).pending.length));
      expect(pending.at(-1)).toBe(0);
      expect(pending.slice(0, -1).every((count) => count > 0) && pending.length <= 2, `${pending.join()}`).toBe(true);
    });
    await decodeAll(store());
  });
}
