import { objectKey, type ObjectName } from "../../../src/object/name.ts";
import { none, perform, some, type Kind, type Mutant } from "./actors.ts";
import { contentsOf, decodeEverything, type Contents } from "./contents.ts";
import type { Lateness } from "./scheduler.ts";
import { Lost, World } from "./world.ts";
import { oneOf } from "../chance.ts";

let contents: Promise<Contents> | undefined;

/** Who acts, on which repository; the pusher and the cleaner of `game` are always there. */
export const CASTS = {
  "one repository": ["pusher game", "cleaner game"],
  "two repositories": ["pusher film", "cleaner film"],
  "foreign cleaner": ["cleaner film"],
  "one repacker": ["repacker game"],
  "two repackers": ["repacker game", "repacker film"],
  "many cleaners": ["cleaner game", "cleaner game", "pusher game"],
  "many repackers": ["repacker game", "repacker film", "repacker game"],
  "readers": ["repacker game", "reader game", "reader game"],
  "everybody": ["pusher game", "cleaner film", "repacker game", "reader game"],
} as const;

export interface PlayOptions extends Lateness {
  /** Default: chance decides. */
  readonly cast?: keyof typeof CASTS | undefined;
  readonly mutant?: Mutant | undefined;
}

/**
 * One schedule: who acts at one store, in which something is dead in the beginning, and two repositories, in an order,
 * with sleeps, deaths and lost answers that the seed tells.
 * @returns the world at its end, in which every published commit has what it needs
 * @throws Lost with what happened until then
 */
export async function play(seed: number, { cast, mutant = none, ...lateness }: PlayOptions = {}): Promise<World> {
  const world = new World(seed, await (contents ??= contentsOf(3)), lateness);
  const { random } = world.scheduler;
  fill(world);
  const names = ["pusher game", "cleaner game", ...CASTS[cast ?? oneOf(random, Object.keys(CASTS) as (keyof typeof CASTS)[])]];
  const players = names.map((name, i) => {
    const [kind, repository] = name.split(" ") as [Kind, string];
    return { kind, repository, actor: world.actor(`${kind} ${i} of ${repository}`, oneOf(random, ["desk", "laptop"])), times: 1 + Math.floor(random() * 4) };
  });
  try {
    await world.scheduler.play(players.map(({ kind, repository, actor, times }) => perform(world, actor, kind, repository, times, mutant)));
    const decoded = decodeEverything(world.files);
    for (const [ref, { needs }] of world.refs) for (const oid of needs) if (!decoded.has(oid)) throw new Lost(`${ref} needs ${oid}`);
  } catch (error) {
    if (error instanceof Lost) error.message += `; seed ${seed}:\n${world.scheduler.trace.join("\n")}`;
    throw error;
  }
  return world;
}

/** A store that has some contents, each whole or as a delta, and knows its users. */
function fill({ files, contents: { oids, encoded }, scheduler: { random, nowMs } }: World): void {
  const put = (key: string, bytes: Buffer): void => void files.set(key, { bytes, modifiedMs: nowMs - 1000 });
  put("ballast.json", Buffer.from('{"ballast":"store","version":1,"claims":true}\n'));
  const chain = random() < 0.5 ? oids : some(oids, random);
  for (const [i, oid] of chain.entries()) {
    const base = i > 0 && random() < 0.5 ? chain[i - 1] : undefined;
    const name: ObjectName = base === undefined ? { oid, encoding: "raw" } : { oid, encoding: "delta", base };
    put(objectKey(name), encoded(name));
  }
}
