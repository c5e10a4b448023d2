import { speaksFor, writeLiveLists } from "../../cleanup/fold.ts";
import { knowledgeOf } from "../../cleanup/knowledge.ts";
import type { Context } from "../../context.ts";
import { BallastError } from "../../errors.ts";
import { collectClaims, readMarks } from "../../gc/collect.ts";
import { CLAIMS_PREFIX } from "../../gc/records.ts";
import { thisRun } from "../../gc/this-run.ts";
import { openRemoteStore } from "../../store/open.ts";
import type { Store } from "../../store/port.ts";
import { declareUsersKnown } from "../../store/version.ts";
import { usersOf, type User } from "./users.ts";

/** Removes all marks; what was marked is in its place. @returns how many contents were marked */
export function unmark(context: Context): Promise<number> {
  return withStore(context, async (store) => {
    const marks = await readMarks(store, { concurrency: context.settings.concurrency, signal: context.signal });
    for (const { key } of marks) await store.remove(key, context.signal);
    return new Set(marks.flatMap(({ oids }) => oids)).size;
  });
}

/** Writes into the store what this repository needs, so that cleanups of others know. @returns how many contents */
export function register(context: Context): Promise<number> {
  const { signal } = context;
  return withStore(context, async (store) => {
    const needed = await knowledgeOf(context).needs();
    await writeLiveLists(store, (await speaksFor(context)).listed, needed, { run: thisRun(), signal });
    return needed.size;
  });
}

/** Takes the user's word that all who use the store have left claims there. @returns them */
export function declareAllKnown(context: Context): Promise<User[]> {
  return withStore(context, async (store) => {
    const users = await known(context, store);
    await declareUsersKnown(store, context.signal);
    return users;
  });
}

/**
 * Removes all claims and live lists of a repository that does not use the store any more.
 * @throws USAGE when none has this id
 */
export function forget(context: Context, id: string): Promise<User> {
  return withStore(context, async (store) => {
    const user = (await known(context, store)).find((one) => one.id === id);
    if (!user) throw new BallastError("USAGE", `no repository with the id ${JSON.stringify(id)} uses ${store.url}`, { hint: "git ballast cleanup --dry-run --json lists them" });
    const keys: string[] = [];
    for await (const { key } of store.list(`${CLAIMS_PREFIX}${id}/`, context.signal)) keys.push(key);
    for (const key of keys) await store.remove(key, context.signal);
    return user;
  });
}

async function known(context: Context, store: Store): Promise<User[]> {
  const { own } = await speaksFor(context);
  return usersOf(await collectClaims(store, { concurrency: context.settings.concurrency, signal: context.signal }), own);
}

async function withStore<T>(context: Context, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openRemoteStore(context);
  try {
    return await work(store);
  } finally {
    store.close();
  }
}
