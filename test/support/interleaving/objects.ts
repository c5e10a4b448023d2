import { BallastError } from "../../../src/errors.ts";
import { parseKey } from "../../../src/object/name.ts";
import type { Oid } from "../../../src/object/oid.ts";
import type { ByteSource, Entry, Store, StoredObject } from "../../../src/store/port.ts";

export interface Kept {
  readonly bytes: Buffer;
  readonly modifiedMs: number;
}

/** The files of a store, by key. */
export type Files = Map<string, Kept>;

/** One request to a store: it has its effect at one moment, and then there is an answer. @param beforeTry called when it goes out, and again when it does so once more */
export type Request = <T>(what: string, act: () => T, beforeTry?: () => void) => Promise<T>;

/**
 * A store in memory that keeps what docs/cleanup.md assumes: whole files, new keys by one writer, and listings that
 * show what was there before they began. A listing is read in two pieces at two moments.
 * @param options.cutAt where the second piece begins, of so many
 */
export function storeOver(files: Files, { request, nowMs, cutAt }: { request: Request; nowMs: () => number; cutAt: (count: number) => number }): Store {
  const entriesOf = (take: (key: string) => boolean): Entry[] =>
    [...files].filter(([key]) => take(key)).map(([key, { bytes, modifiedMs }]) => ({ key, sizeBytes: bytes.length, modifiedMs })).sort((a, b) => (a.key < b.key ? -1 : 1));
  const listed = async (what: string, take: (key: string) => boolean): Promise<Entry[]> => {
    const { first, from } = await request(what, () => {
      const all = entriesOf(take);
      const cut = cutAt(all.length);
      return cut >= all.length ? { first: all, from: undefined } : { first: all.slice(0, cut), from: all[cut]!.key };
    });
    return from === undefined ? first : [...first, ...(await request(`${what}, second page`, () => entriesOf((key) => take(key) && key >= from)))];
  };
  const put = (key: string, bytes: Uint8Array): void => void files.set(key, { bytes: Buffer.from(bytes), modifiedMs: nowMs() });
  return {
    url: "memory:",
    async find(oids) {
      const wanted = new Set(oids);
      const found = new Map<Oid, StoredObject[]>();
      if (wanted.size === 0) return found;
      for (const entry of await listed("find", (key) => wanted.has(parseKey(key)?.oid as Oid))) {
        const name = parseKey(entry.key)!;
        found.set(name.oid, [...(found.get(name.oid) ?? []), { ...entry, name }]);
      }
      return found;
    },
    async *list(prefix) {
      yield* await listed(`list ${prefix}`, (key) => key.startsWith(prefix));
    },
    async *read(key) {
      yield await request(`read ${key}`, () => {
        const file = files.get(key);
        if (!file) throw new BallastError("OBJECT_MISSING", `there is no ${key}`);
        return Buffer.from(file.bytes);
      });
    },
    async write(key, source) {
      const bytes = await bytesOf(source);
      return request(`write ${key}`, () => {
        if (files.has(key)) return "exists";
        put(key, bytes);
        return "created";
      });
    },
    replace: (key, content) => request(`replace ${key}`, () => put(key, content)),
    remove: (key, _signal, beforeTry) => request(`remove ${key}`, () => void files.delete(key), beforeTry),
    close() {},
  };
}

async function bytesOf(source: ByteSource): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.open({ start: 0, end: source.sizeBytes })) chunks.push(chunk);
  return Buffer.concat(chunks);
}
