import type { Store } from "./port.ts";

/**
 * The same store with what every store can do, and some of that done otherwise: nobody takes it for a directory, nor
 * for anything else that it can do besides. It is not closed with the store.
 */
export function plainStore(store: Store, otherwise: Partial<Store> = {}): Store {
  return {
    url: store.url,
    find: (oids, signal) => store.find(oids, signal),
    list: (prefix, signal) => store.list(prefix, signal),
    read: (key, range, signal, chunks) => store.read(key, range, signal, chunks),
    write: (key, source, signal) => store.write(key, source, signal),
    replace: (key, content, signal) => store.replace(key, content, signal),
    remove: (key, signal, beforeTry) => store.remove(key, signal, beforeTry),
    close: () => {},
    ...otherwise,
  };
}
