import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEFAULTS, type S3Settings } from "../../src/config/settings.ts";
import { hashOfPath, isLockNumber } from "../../src/locks/record.ts";
import { readLock, standingOf } from "../../src/locks/standing.ts";
import { openDirectoryStore } from "../../src/store/directory.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/port.ts";
import { buildRacer, Racer } from "../support/racer.ts";
import { testS3 } from "../support/s3.ts";

/*
 * Processes race for one lock, round after round, on real stores. BALLAST_TEST_LOCK_ROUNDS says how many rounds; the
 * default is what a run of all tests has time for.
 */
const PROCESSES = 16;
const ROUNDS = Number(process.env["BALLAST_TEST_LOCK_ROUNDS"] ?? 6);
/** A listing looks at all records of the last hour, so a row of thousands, which no hour of people makes, would be most of the work. */
const ROUNDS_OF_A_ROW = 25;
/** Rounds in which four of them are killed, wherever they are in taking the lock. */
const KILL_ROUNDS = Math.max(3, Math.ceil(ROUNDS / 20));
const PATIENCE_MS = 120_000 + ROUNDS * 5_000;

let directory: string;
let program: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ballast-locks-"));
  program = await buildRacer(directory);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function race(place: string, start: () => Promise<{ url: string; s3: S3Settings; store: Store }>): void {
  describe(`${PROCESSES} processes that race for one path in ${place}`, () => {
    let racers: Racer[];
    let store: Store;

    beforeAll(async () => {
      const { url, s3, store: opened } = await start();
      store = opened;
      racers = Array.from({ length: PROCESSES }, (_, i) => new Racer(program, `racer${i}`, [url, JSON.stringify(s3)]));
      await Promise.all(racers.map(({ ready }) => ready));
    });
    afterAll(() => {
      for (const racer of racers) racer.end();
      store.close();
    });

    /** Who holds the path, as the store says it. */
    async function holderOf(path: string): Promise<string | undefined> {
      const standing = await standingOf(store, hashOfPath(path));
      if (!standing || !isLockNumber(standing.number)) return undefined;
      const lock = await readLock(store, standing);
      return lock?.readable ? lock.owner.name : "unreadable";
    }

    it(`have one winner, whom all others name, in each of ${ROUNDS} rounds`, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const path = `art/hero-${Math.floor(round / ROUNDS_OF_A_ROW)}.psd`;
        const answers = await Promise.all(racers.map((racer) => racer.order("take", path)));
        const winners = racers.filter((_, i) => answers[i]!.outcome === "taken");
        expect(winners.map(({ name }) => name), JSON.stringify(answers)).toHaveLength(1);
        const [winner] = winners;
        for (const [i, { outcome, holder }] of answers.entries()) {
          if (racers[i] !== winner) expect({ outcome, holder }).toEqual({ outcome: "held", holder: winner!.name });
        }
        expect(await holderOf(path)).toBe(winner!.name);
        // All release at once: the holder may, one of the others does so by force, and in every other round too.
        const releases = await Promise.all(racers.map((racer, i) => racer.order(round % 2 === 1 && i === round % PROCESSES ? "force" : "release", path)));
        expect(releases.map(({ outcome }) => outcome)).toContain("released");
        expect(releases.filter(({ outcome }) => !["released", "free", "held"].includes(outcome))).toEqual([]);
        const standing = await standingOf(store, hashOfPath(path));
        expect(standing!.number).toBe(2 * (1 + (round % ROUNDS_OF_A_ROW)));
      }
      console.log(`${place}: ${ROUNDS} rounds, one winner in each`);
    }, PATIENCE_MS);

    it("have at most one winner while some are killed, and a killed one finds its lock again", async () => {
      for (let round = 0; round < KILL_ROUNDS; round++) {
        const path = `art/killed-${round}.psd`;
        const victims = racers.filter((_, i) => i % 4 === round % 4);
        const running = racers.map((racer) => racer.order("take", path));
        for (const victim of victims) {
          await pause((round * 7) % 11);
          await victim.kill();
        }
        const answers = await Promise.all(running);
        const winners = racers.filter((_, i) => answers[i]!.outcome === "taken").map(({ name }) => name);
        const holder = (await holderOf(path)) ?? "nobody";
        expect([winners, winners.length <= 1 && (winners.length === 0 || winners[0] === holder)]).toEqual([winners, true]);
        // Those who were killed try again: the holder is told so, whether or not it had an answer.
        const again = await Promise.all(victims.map((victim) => victim.order("take", path)));
        const now = await holderOf(path);
        for (const [i, { outcome }] of again.entries()) expect(outcome === "held").toBe(victims[i]!.name !== now);
      }
      console.log(`${place}: ${KILL_ROUNDS} rounds with ${KILL_ROUNDS * (PROCESSES / 4)} processes killed`);
    }, PATIENCE_MS);
  });
}

race("a directory", async () => {
  const root = join(directory, "store");
  const store = openDirectoryStore(root);
  await store.initialise();
  return { url: `file://${root}`, s3: DEFAULTS.s3, store };
});

const s3 = await testS3();
if (s3) {
  race("a bucket", async () => {
    const url = `s3://${await s3.bucket()}/team`;
    const settings = s3.settings();
    return { url, s3: settings, store: await openStore(url, { ...DEFAULTS, s3: settings }, () => {}, { commonDir: "/nowhere" }) };
  });
}
