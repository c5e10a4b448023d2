import type { Candidate, Link } from "../../delta/plan.ts";
import type { Oid } from "../../object/oid.ts";
import type { StoredObject } from "../../store/port.ts";
import { compare, type Catalogue } from "../chains.ts";

/** A longer chain is none that anybody wrote on purpose. */
const MOST_LINKS = 1000;

/** What a store holds, as it is meant to be: objects that were made are in it, and those that are to go are not. */
export class Model {
  readonly #objects: Map<Oid, readonly StoredObject[]>;

  constructor(catalogue: Catalogue) {
    this.#objects = new Map(catalogue);
  }

  objectsOf(oid: Oid): readonly StoredObject[] {
    return this.#objects.get(oid) ?? [];
  }

  add(object: StoredObject): void {
    const objects = this.objectsOf(object.name.oid);
    if (!objects.some(({ key }) => key === object.key)) this.#objects.set(object.name.oid, [...objects, object]);
  }

  remove(objects: readonly StoredObject[]): void {
    for (const { key, name } of objects) this.#objects.set(name.oid, this.objectsOf(name.oid).filter((other) => other.key !== key));
  }

  /**
   * The objects that decode an oid, its own first and a whole one last; undefined when it cannot be decoded, or not
   * without what is in an archive. Whole objects are preferred, then the smallest.
   * @param without oids that the chain must not pass through
   */
  chainOf(oid: Oid, without: ReadonlySet<Oid> = new Set()): readonly StoredObject[] | undefined {
    // A walk in depth without recursion: each oid on the way is tried by one object after the other.
    const way: { readonly untried: StoredObject[]; readonly object: StoredObject }[] = [];
    const closed = new Set(without);
    let at: Oid | undefined = oid;
    for (;;) {
      let untried: StoredObject[] = at === undefined || closed.has(at) || way.length >= MOST_LINKS ? [] : this.#byPreference(at);
      if (at !== undefined) closed.add(at);
      while (untried.length === 0) {
        const back = way.pop();
        if (back === undefined) return undefined;
        untried = back.untried;
      }
      const object = untried.shift()!;
      way.push({ untried, object });
      if (object.name.base === undefined) return way.map((step) => step.object);
      at = object.name.base;
    }
  }

  /** An oid as a base, with all that it stands on; undefined when it cannot be decoded without `without`. */
  candidate(oid: Oid, without: Oid): Candidate | undefined {
    const chain = this.chainOf(oid, new Set([without]));
    if (chain === undefined) return undefined;
    let chainBytes = 0;
    const links = chain.toReversed().map(({ name, sizeBytes }, depth): Link => ({ oid: name.oid, depth, chainBytes: (chainBytes += sizeBytes) }));
    const [link, ...ancestors] = links.reverse();
    return { ...link!, why: "version", fetchBytes: 0, ancestors };
  }

  #byPreference(oid: Oid): StoredObject[] {
    const rank = ({ name }: StoredObject): number => (name.base === undefined ? 0 : 1);
    return this.objectsOf(oid).filter(({ archived }) => !archived).sort((a, b) => rank(a) - rank(b) || a.sizeBytes - b.sizeBytes || compare(a.key, b.key));
  }
}
