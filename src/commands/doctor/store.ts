import { randomBytes } from "node:crypto";
import type { Context } from "../../context.ts";
import { isBallastError } from "../../errors.ts";
import { bufferSource } from "../../object/source.ts";
import { openRemoteStore } from "../../store/open.ts";
import type { Diagnosis, Store } from "../../store/port.ts";

/** Clocks that are further apart make signatures fail, and mislead whoever compares times. */
const MOST_SKEW_MS = 5 * 60 * 1000;

/** Checks the store: whether it can be reached, each kind of access by itself, its clock, and what it says of itself. */
export async function* checkStore(context: Context): AsyncGenerator<Diagnosis> {
  if (context.settings.storeUrl === undefined) return;
  let store: Store;
  try {
    store = await openRemoteStore(context);
  } catch (error) {
    yield { name: "store reachable", ...finding(error) };
    return;
  }
  try {
    yield { name: "store reachable", ok: true, detail: store.url };
    yield* probe(store, context.signal);
    if (store.diagnose) yield* store.diagnose(context.signal);
  } catch (error) {
    context.signal.throwIfAborted();
    yield { name: "store", ...finding(error) };
  } finally {
    store.close();
  }
}

/** Writes, lists, reads and removes one small object of its own. */
async function* probe(store: Store, signal: AbortSignal): AsyncGenerator<Diagnosis> {
  const content = randomBytes(64);
  // Beside the objects, where no listing of objects sees it.
  const key = `probe/${content.toString("hex", 0, 16)}`;
  let modifiedMs: number | undefined;
  let wrote = false;
  const startedMs = Date.now();
  yield await step("store: write", signal, async () => {
    await store.write(key, bufferSource(content), signal);
    wrote = true;
    return "an object was written";
  });
  const endedMs = Date.now();
  yield await step("store: list", signal, async () => {
    for await (const entry of store.list(wrote ? key : "objects/", signal)) {
      if (entry.key === key) modifiedMs = entry.modifiedMs;
      if (!wrote) break;
    }
    if (wrote && modifiedMs === undefined) return new Finding("what was written is not listed", "wait a moment and run git ballast doctor again; a store must list what it took at once");
    return wrote ? "what was written is listed" : "objects are listed";
  });
  yield await step("store: read", signal, async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.read(wrote ? key : "ballast.json", undefined, signal)) chunks.push(chunk);
    if (wrote && !Buffer.concat(chunks).equals(content)) return new Finding("other bytes came back than were written", "do not use this store");
    return wrote ? "the same bytes came back" : "ballast.json was read";
  });
  if (!wrote) return;
  yield await step("store: delete", signal, async () => {
    await store.remove(key, signal);
    return "the object was removed";
  });
  if (modifiedMs !== undefined) yield clock(modifiedMs, startedMs, endedMs);
}

function clock(modifiedMs: number, startedMs: number, endedMs: number): Diagnosis {
  const name = "clocks";
  // Stores tell times in whole seconds.
  const skewMs = modifiedMs > endedMs + 1000 ? modifiedMs - endedMs : modifiedMs < startedMs - 1000 ? modifiedMs - startedMs : 0;
  if (skewMs === 0) return { name, ok: true, detail: "the store's clock agrees with this machine's" };
  const detail = `the store's clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? "ahead of" : "behind"} this machine's`;
  return Math.abs(skewMs) > MOST_SKEW_MS ? { name, ok: false, detail, mend: "set this machine's clock (timedatectl set-ntp true)" } : { name, ok: true, detail };
}

class Finding {
  readonly detail: string;
  readonly mend: string;

  constructor(detail: string, mend: string) {
    this.detail = detail;
    this.mend = mend;
  }
}

async function step(name: string, signal: AbortSignal, work: () => Promise<string | Finding>): Promise<Diagnosis> {
  try {
    const said = await work();
    return typeof said === "string" ? { name, ok: true, detail: said } : { name, ok: false, detail: said.detail, mend: said.mend };
  } catch (error) {
    signal.throwIfAborted();
    return { name, ...finding(error) };
  }
}

function finding(error: unknown): Omit<Diagnosis, "name"> {
  if (!isBallastError(error) || error.code === "INTERRUPTED") throw error;
  return { ok: false, detail: error.message, ...(error.hint === undefined ? {} : { mend: error.hint }) };
}
