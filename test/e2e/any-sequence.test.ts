import fc from "fast-check";
import { expect, test } from "vitest";
import { sequences } from "../support/sequence/steps.ts";
import { World } from "../support/sequence/world.ts";

/** Thousands are run by hand: a step takes a quarter of a second and more. */
const SEQUENCES = Number(process.env["BALLAST_TEST_SEQUENCES"] ?? 6);
/** The same sequences in every run of CI; others are looked for by hand. */
const SEED = Number(process.env["BALLAST_TEST_SEED"] ?? 20261121);

/*
 * After any sequence of what people do, in two clones of one upstream:
 * - no content that was only on disk is gone, unless the user's own command destroyed it;
 * - what is committed is what was on disk, and what the user did; nothing stale is recorded;
 * - where Git says that nothing changed, disk and commit agree;
 * - a stash comes back as it was;
 * - every asset of every pushed commit can be restored from the store alone.
 */
test(`holds its promises after ${SEQUENCES} random sequences of edits and Git commands`, async () => {
  let steps = 0;
  await fc.assert(
    fc.asyncProperty(sequences, async (sequence) => {
      const world = await World.create(sequence.rested);
      try {
        for (const one of sequence.steps) {
          await world.run(one);
          steps++;
        }
        await world.end();
      } finally {
        await world.close();
      }
    }),
    { numRuns: SEQUENCES, seed: SEED },
  );
  expect(steps).toBeGreaterThanOrEqual(6 * SEQUENCES);
}, Math.max(600_000, SEQUENCES * 120_000));
