import { expect, test } from "vitest";
import { MUTANTS } from "../../support/interleaving/mutants.ts";
import { play } from "../../support/interleaving/play.ts";
import { Lost } from "../../support/interleaving/world.ts";

/*
 * Pushes, cleanups, repacks and downloads, by the code that does them, at one store in memory. Each request waits for
 * its turn, which a seed gives; so do the fetch of refs and the publishing. Whoever acts may sleep for minutes or for a
 * week, die, and lose an answer; what was lost may arrive long after. Only Git, the encoder of deltas and the network are not the real ones here.
 * `BALLAST_SCHEDULES` sets how many schedules there are, `BALLAST_SCHEDULE_SEED` the first.
 */
const SCHEDULES = Number(process.env["BALLAST_SCHEDULES"] ?? 1500);
const SEED = Number(process.env["BALLAST_SCHEDULE_SEED"] ?? 1);
/** In so many schedules each broken protocol must have lost something. */
const MOST = 5000;
/** Schedules that are known to lose something, where it takes many from the first to one that does: the search begins a little before. */
const NEAR: Readonly<Record<string, number>> = {
  "P1 after P3, the claim is written after the look": 347,
  "P2, announcements are not seen": 431,
  "P2 after P3, the look comes before the wait": 431,
  "P2, what a dead cleanup has left pending is not seen": 1917,
  "P5, the claim is not renewed": 353,
  "C3 before C2, refs are fetched before claims are collected": 502,
  "C4, nobody looks at the clock": 231,
  "C4, the clock is not looked at before another try": 649,
  "C5 before C4, the announcement ends before the removals": 1315,
  "C5, the announcement ends although a removal has no answer": 649,
  "C6, no live list": 343,
  "a repack forgets what another has left pending": 828,
  "requests to remove arrive however late": 196,
  "requests of a repack arrive however late": 454,
};

test("whatever the order, no content that a published commit needs is missing at any moment", { timeout: 60_000 + SCHEDULES * 100 }, async () => {
  const sums: Record<string, number> = {};
  for (let seed = SEED; seed < SEED + SCHEDULES; seed++) {
    const { counts, scheduler } = await play(seed);
    for (const [name, count] of Object.entries({ ...counts, ...scheduler.counts })) sums[name] = (sums[name] ?? 0) + count;
  }
  console.log(`${SCHEDULES} schedules from seed ${SEED}: ${JSON.stringify(sums)}`);
  expect(sums["unlucky"]).toBe(0);
  for (const name of ["published", "refused", "abandoned", "removed", "waits", "again", "rewritten", "fetched", "leaps", "died", "lost", "repeated", "late"]) expect(sums[name], name).toBeGreaterThan(0);
});

test.each(Object.keys(MUTANTS))("the loss is found where the protocol is broken: %s", async (name) => {
  const first = process.env["BALLAST_SCHEDULE_SEED"] === undefined ? Math.max(1, (NEAR[name] ?? 1) - 10) : SEED;
  for (let seed = first; seed < first + MOST; seed++) {
    try {
      await play(seed, MUTANTS[name]);
    } catch (error) {
      if (!(error instanceof Lost)) throw error;
      console.log(`${name}: lost in schedule ${seed}`);
      return;
    }
  }
  expect.unreachable(`nothing was lost in ${MOST} schedules`);
});
