import { expect, test } from "vitest";
import { MUTANTS } from "../../support/interleaving/mutants.ts";
import { play } from "../../support/interleaving/play.ts";
import { Lost } from "../../support/interleaving/world.ts";

/*
 * Pushes, cleanups, repacks and downloads, by the code that does them, at one store in memory. Each request waits for
 * its turn, which a seed gives; so do the fetch of refs and the publishing. Whoever acts may sleep for minutes or for a
 * week, die, and lose an answer. Only Git, the encoder of deltas and the network are not the real ones here.
 * `BALLAST_SCHEDULES` sets how many schedules there are, `BALLAST_SCHEDULE_SEED` the first.
 */
const SCHEDULES = Number(process.env["BALLAST_SCHEDULES"] ?? 1500);
const SEED = Number(process.env["BALLAST_SCHEDULE_SEED"] ?? 1);
/** In so many schedules each broken protocol must have lost something. */
const MOST = 5000;

test("whatever the order, no content that a published commit needs is missing at any moment", { timeout: 60_000 + SCHEDULES * 100 }, async () => {
  const sums: Record<string, number> = {};
  for (let seed = SEED; seed < SEED + SCHEDULES; seed++) {
    const { counts, scheduler } = await play(seed);
    for (const [name, count] of Object.entries({ ...counts, ...scheduler.counts })) sums[name] = (sums[name] ?? 0) + count;
  }
  console.log(`${SCHEDULES} schedules from seed ${SEED}: ${JSON.stringify(sums)}`);
  expect(sums["unlucky"]).toBe(0);
  for (const name of ["published", "refused", "abandoned", "removed", "waits", "again", "rewritten", "fetched", "leaps", "died", "lost", "repeated"]) expect(sums[name], name).toBeGreaterThan(0);
});

test.each(Object.keys(MUTANTS))("the loss is found where the protocol is broken: %s", async (name) => {
  for (let seed = 1; seed <= MOST; seed++) {
    try {
      await play(seed, MUTANTS[name]);
    } catch (error) {
      if (!(error instanceof Lost)) throw error;
      console.log(`${name}: lost after ${seed} schedules`);
      return;
    }
  }
  expect.unreachable(`nothing was lost in ${MOST} schedules`);
});
