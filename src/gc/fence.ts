import { BallastError } from "../errors.ts";
import { OBJECTS_PREFIX } from "../object/name.ts";
import { plainStore } from "../store/plain-store.ts";
import type { Store } from "../store/port.ts";
import type { Sweep } from "./sweeps.ts";

/**
 * The same store, which removes an object only while the announcement of that is current: a process that has slept
 * removes nothing more (docs/cleanup.md, C4).
 * @throws LOCKED from `remove`, when the announcement is too old
 */
export function fenced(store: Store, sweep: Sweep): Store {
  return plainStore(store, {
    remove: (key, signal, beforeTry) =>
      store.remove(key, signal, () => {
        if (key.startsWith(OBJECTS_PREFIX) && !sweep.isCurrent()) {
          throw new BallastError("LOCKED", "this run has taken too long, or has slept: others may need again what it was about to remove", { hint: "run the same command again; it goes on with what is left" });
        }
        beforeTry?.();
      }),
    close: () => store.close(),
  });
}
