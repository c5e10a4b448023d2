import { join } from "node:path";
import type { Context } from "../context.ts";
import { sharedState } from "../git/repository.ts";
import type { Verdict } from "../object/check.ts";
import { isDirectoryStore, type DirectoryStore } from "../store/directory.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { removeDead, Scratch, scratchName } from "../transfer/repack/scratch.ts";
import { thisProcess } from "../transfer/this-process.ts";
import { isAlive } from "../util/process-name.ts";
import { decodeAll } from "./decode.ts";
import { judge, type Facts, type Judgement, type Looked } from "./judge.ts";
import { needsOf } from "./needs.ts";
import type { Source } from "./source.ts";
import { survey } from "./survey.ts";

export interface Stores {
  readonly local: DirectoryStore;
  /** Undefined where it is not to be looked at. */
  readonly remote: Store | undefined;
  /** Stores that a repair takes from besides, in this order; nothing is looked for there. */
  readonly further?: readonly Source[];
}

export interface InspectOptions {
  readonly asked: { readonly local: boolean; readonly remote: boolean };
  /** Decodes every object of what is asked for. */
  readonly deep: boolean;
  /** Whether there may be another look; then what was found good is remembered. */
  readonly again?: boolean;
}

export interface Inspection extends Judgement {
  readonly facts: Facts;
}

/** Looks at stores, as often as it is asked; what was decoded and found good is not decoded again. */
export class Inspector {
  readonly #context: Context;
  readonly #stores: Stores;
  readonly #options: InspectOptions;
  readonly #good = new Map<string, Verdict>();

  constructor(context: Context, stores: Stores, options: InspectOptions) {
    this.#context = context;
    this.#stores = stores;
    this.#options = options;
  }

  /**
   * One listing of each store; with `deep`, one reading of each object.
   * @throws GIT_FAILED, what the stores throw, the signal's reason
   */
  async inspect(): Promise<Inspection> {
    const { local, remote } = this.#stores;
    const { asked } = this.#options;
    const needs = await needsOf(this.#context);
    const facts = { needs, local: await this.#look(local, asked.local, remote), remote: remote && (await this.#look(remote, asked.remote, local)) };
    return { facts, ...judge(facts) };
  }

  async #look(store: Store, asked: boolean, other: Store | undefined): Promise<Looked> {
    const found = await survey(store, this.#context.signal);
    if (!asked || !this.#options.deep) return { survey: found, verdicts: new Map(), asked };
    const verdicts = new Map<string, Verdict>();
    const unknown: StoredObject[] = [];
    for (const object of found.objects) {
      const good = this.#good.get(stamp(store, object));
      if (good) verdicts.set(object.key, good);
      else unknown.push(object);
    }
    const others = other && isDirectoryStore(other) ? [other] : [];
    // What was decoded is needed again as soon as something new stands on it.
    const objects = isDirectoryStore(store) ? unknown : withBases(unknown, found.objects);
    for (const [key, verdict] of await decodeAll(this.#context, store, objects, { others, scratch: () => openScratch(this.#context) })) verdicts.set(key, verdict);
    if (this.#options.again) for (const object of found.objects) if (verdicts.get(object.key)?.ok) this.#good.set(stamp(store, object), verdicts.get(object.key)!);
    return { survey: found, verdicts, asked };
  }
}

/** A directory of this run alone, for objects of a store that is elsewhere; the caller closes it. */
export async function openScratch({ repository, signal }: Pick<Context, "repository" | "signal">): Promise<Scratch> {
  const { pid, nonce } = thisProcess("fsck");
  const directory = sharedState(repository, "scratch");
  removeDead(directory, isAlive);
  const scratch = new Scratch(join(directory, scratchName(pid, nonce)));
  await scratch.create(signal);
  return scratch;
}

function stamp({ url }: Store, { key, sizeBytes, modifiedMs }: StoredObject): string {
  return `${url} ${key} ${sizeBytes} ${modifiedMs}`;
}

function withBases(wanted: readonly StoredObject[], all: readonly StoredObject[]): StoredObject[] {
  const oids = new Set(wanted.flatMap(({ name }) => name.base ?? []));
  const objects = new Set(wanted);
  for (let before = -1; before < objects.size; ) {
    before = objects.size;
    for (const object of all) {
      if (!oids.has(object.name.oid)) continue;
      objects.add(object);
      if (object.name.base !== undefined) oids.add(object.name.base);
    }
  }
  return [...objects];
}
