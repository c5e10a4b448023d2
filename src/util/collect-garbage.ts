import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What fewer things leave behind is not worth the tenth of a second that it takes to find what is still needed. */
const MANY = 20_000;

let collect: (() => void) | undefined;

/**
 * Gives back memory that nothing refers to any more, at the end of a step that dealt with many things. V8 waits with that
 * until it holds some hundred megabytes, which suits a program that runs for long; ours are over by then.
 * @param count how many things the step dealt with; for few, nothing is done
 */
export function collectGarbage(count: number): void {
  if (count < MANY) return;
  if (collect === undefined) {
    // Node has no function for it but this flag's, which contexts get that are made from now on.
    setFlagsFromString("--expose-gc");
    // From now on V8 looks for more before it holds several times what was needed just now.
    setFlagsFromString("--heap-growing-percent=20");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
}
