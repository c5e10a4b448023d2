import type { Claimed } from "../../gc/collect.ts";
import type { RepositoryId } from "../../git/identity.ts";

/** A repository that uses the store. */
export interface User extends RepositoryId {
  /** Whether this clone knows its refs. */
  readonly own: boolean;
  /** Contents that its claims and live lists name. */
  readonly contents: number;
  /** When it last said so, by the store's clock, in milliseconds since 1970; undefined for one that never did. */
  readonly lastMs: number | undefined;
}

/** Who uses the store, by what they left there; this clone's own repositories first. */
export function usersOf(claims: readonly Claimed[], own: readonly RepositoryId[]): User[] {
  const mine = new Set(own.map(({ id }) => id));
  const byId = new Map<string, { label: string; oids: Set<string>; lastMs: number }>();
  for (const { repository, label, oids, writtenMs } of claims) {
    const known = byId.get(repository) ?? { label, oids: new Set(), lastMs: 0 };
    for (const oid of oids) known.oids.add(oid);
    byId.set(repository, { ...known, lastMs: Math.max(known.lastMs, writtenMs) });
  }
  const users = [...byId].map(([id, { label, oids, lastMs }]): User => ({ id, label, own: mine.has(id), contents: oids.size, lastMs: Math.round(lastMs) }));
  return users.sort((a, b) => Number(b.own) - Number(a.own) || (a.label < b.label ? -1 : 1));
}

/** In one line. */
export function describeUsers(users: readonly User[]): string {
  return users.length === 0 ? "none" : users.map(({ label, id }) => `${label} (${id})`).join(", ");
}
