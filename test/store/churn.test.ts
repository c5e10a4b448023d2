import { mkdtemp, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DEFAULTS, type S3Settings } from "../../src/config/settings.ts";
import { objectKey } from "../../src/object/name.ts";
import { oidOf, type Oid } from "../../src/object/oid.ts";
import { chance, oneOf } from "../support/chance.ts";
import { promised } from "../support/decodable.ts";
import { deltaOf, editions } from "../support/deltas.ts";
import type { Order } from "../support/churn/child.ts";
import { buildChurner, Churner, type Fate } from "../support/churn/churner.ts";
import { rawBucket, rawDirectory, type RawStore } from "../support/raw-store.ts";
import { testS3 } from "../support/s3.ts";

/*
 * Pushers, cleaners without grace or delay, a repacker and a cloner, each in a process of its own, that are stopped and killed at
 * random moments of their requests to a real store, round after round. Of Git, only refs are needed: they are kept here.
 * `BALLAST_CHURN_ROUNDS` sets the number of rounds, `BALLAST_CHURN_SEED` the choices.
 */
const ROUNDS = Number(process.env["BALLAST_CHURN_ROUNDS"] ?? 8);
const SEED = Number(process.env["BALLAST_CHURN_SEED"] ?? Date.now() % 1_000_000);
const CAST = ["push", "push", "push", "clean", "clean", "repack", "clone"] as const;
const CONTENTS = 3;
const WEEK_MS = 8 * 24 * 3600 * 1000;
/** A cleaner that sees no claims must have done harm by then. */
const MOST_BLIND_ROUNDS = 150;
const PATIENCE_MS = 120_000 + ROUNDS * 10_000;

let directory: string;
let program: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ballast-churn-"));
  program = await buildChurner(directory);
}, 120_000);
afterAll(() => rm(directory, { recursive: true, force: true }));

interface Place {
  readonly url: string;
  readonly s3: S3Settings;
  readonly raw: RawStore;
  /** Lets what pushes that have ended claim expire. */
  expire(claims: readonly string[]): Promise<void>;
}

async function churn({ url, s3, raw, expire }: Place, rounds = ROUNDS, blind = false): Promise<void> {
  const random = chance(SEED);
  const counts = { rounds: 0, published: 0, cloned: 0, removed: 0, rewritten: 0, waits: 0, killed: 0, stopped: 0, gaveUp: 0 };
  await raw.put("ballast.json", Buffer.from('{"ballast":"store","version":1,"claims":true}\n'));
  const churners = CAST.map(() => new Churner(program, [url, JSON.stringify(s3), ...(blind ? ["blind"] : [])]));
  try {
    for (let round = 0; round < rounds; round++) {
      // New contents, so that what a killed cleanup left pending concerns no later round.
      const { oids, encoded } = await contentsFor(`${SEED} ${round}`);
      for (const oid of oids) if (random() < 0.8) await raw.put(objectKey({ oid, encoding: "raw" }), Buffer.from(encoded[oid]!, "base64"));
      const refs = new Map<number, readonly Oid[]>();
      const play = async (who: number, turn: number): Promise<void> => {
        const what = CAST[who]!;
        const some = oids.filter(() => random() < 0.6);
        const order: Omit<Order, "id"> = { do: what, oids: some.length > 0 ? some : [oids[0]!], encoded, flag: random() < 0.6 };
        const fate: Fate = { how: oneOf(random, ["spared", "spared", "stopped", "killed"] as const), afterMs: random() * 60, stopMs: 20 + random() * 100 };
        await new Promise((resolve) => setTimeout(resolve, random() * 40));
        const { outcome, removed, waited } = await churners[who]!.order(order, fate, (ask) => {
          if (ask === "publish") refs.set(who, order.oids);
          return ask === "publish" ? [] : [...new Set([...refs.values()].flat())];
        });
        if (outcome !== "killed" && outcome !== "done" && !["LOCKED", "STORE_BUSY", "OBJECT_MISSING", "STORE_UNREACHABLE"].includes(outcome)) throw new Error(`seed ${SEED}, round ${round}: ${what}: ${outcome}`);
        if (what === "push" && outcome === "done") counts.published += 1;
        if (what === "clone" && outcome === "done") counts.cloned += 1;
        if (what === "clean") counts.removed += removed;
        if (what === "repack") counts.rewritten += removed;
        if (outcome === "killed") counts.killed += 1;
        if (fate.how === "stopped") counts.stopped += 1;
        if (outcome === "LOCKED" || outcome === "STORE_BUSY") counts.gaveUp += 1;
        counts.waits += waited;
        if (what === "push" && turn === 0 && random() < 0.5) refs.delete(who);
      };
      await Promise.all(CAST.map(async (_, who) => {
        for (let turn = 0; turn < 2; turn++) await play(who, turn);
      }));
      const known = promised((await raw.keys("objects/")).map((key) => key.split("/").at(-1)!));
      for (const [who, needs] of refs) for (const oid of needs) expect(known.has(oid), `seed ${SEED}, round ${round}: what process ${who} published needs ${oid}`).toBe(true);
      await expire((await raw.keys("gc/claims/")).filter((key) => key.includes("/push-")));
      counts.rounds += 1;
    }
  } finally {
    for (const churner of churners) churner.end();
    console.log(`${url}, seed ${SEED}: ${JSON.stringify(counts)}`);
  }
  for (const name of ["published", "cloned", "removed", "killed", "stopped"] as const) expect(counts[name], name).toBeGreaterThan(0);
}

async function contentsFor(seed: string): Promise<{ oids: Oid[]; encoded: Record<string, string> }> {
  const versions = editions(CONTENTS, seed, 400);
  const encoded: Record<string, string> = {};
  for (const target of versions) {
    encoded[oidOf(target)] = target.toString("base64");
    for (const base of versions) if (base !== target) encoded[`${oidOf(target)} ${oidOf(base)}`] = (await deltaOf(target, base)).toString("base64");
  }
  return { oids: versions.map(oidOf), encoded };
}

function aDirectory(name: string): Place {
  const root = join(directory, name);
  return {
    url: `file://${root}`,
    s3: DEFAULTS.s3,
    raw: rawDirectory(root),
    async expire(claims) {
      const then = new Date(Date.now() - WEEK_MS);
      for (const key of claims) await utimes(join(root, key), then, then);
    },
  };
}

test("in a directory: what was published is never missing, whoever is stopped or killed", { timeout: PATIENCE_MS }, () => churn(aDirectory("store")));

test("in a directory: a cleaner that sees no claims is found out", { timeout: PATIENCE_MS + MOST_BLIND_ROUNDS * 10_000 }, async () => {
  await expect(churn(aDirectory("blind"), MOST_BLIND_ROUNDS, true)).rejects.toThrow(/published needs|a clone lacks/);
});

const s3 = await testS3();
test.runIf(s3)("in a bucket: what was published is never missing, whoever is stopped or killed", { timeout: PATIENCE_MS }, async () => {
  const bucket = await s3!.bucket();
  const raw = rawBucket(s3!, bucket, "team/");
  // The store's clock cannot be turned. All who clean up here know the refs, so an expired claim is one that is gone.
  await churn({ url: `s3://${bucket}/team`, s3: s3!.settings(), raw, expire: async (claims) => void (await Promise.all(claims.map((key) => raw.remove(key)))) });
});
