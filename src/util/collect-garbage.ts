import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What fewer things leave behind is not worth the tenth of a second that it takes to find what is still needed. */
const MANY = 20_000;

/** So many bytes of buffers are let go of together. */
const BUFFERS_BYTES = 12 * 1024 ** 2;

let collect: ((options?: { readonly type: "minor" }) => void) | undefined;
let readBytes = 0;

/**
 * Gives back memory that nothing refers to any more, at the end of a step that dealt with many things. V8 waits with that
 * until it holds some hundred megabytes, which suits a program that runs for long; ours are over by then.
 * @param count how many things the step dealt with; for few, nothing is done
 */
export function collectGarbage(count: number): void {
  if (count < MANY) return;
  // From now on V8 looks for more before it holds several times what was needed just now.
  setFlagsFromString("--heap-growing-percent=20");
  collector()();
}

/** The same at the end of a step that moved large contents, which leave few things and many bytes behind. */
export function collectContents(): void {
  collector()();
}

/**
 * Gives back the buffers that a socket was read into, now and then. V8 does not know them for short-lived: at every 64 MB of
 * them it goes through all of its heap, which takes a third of the time of a large download. A look at what is new takes
 * 2 ms.
 * @param bytes how many were read since the last call
 */
export function collectBuffers(bytes: number): void {
  readBytes += bytes;
  if (readBytes < BUFFERS_BYTES) return;
  readBytes = 0;
  collector()({ type: "minor" });
}

function collector(): NonNullable<typeof collect> {
  if (collect === undefined) {
    // Node has no function for it but this flag's, which contexts get that are made from now on.
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as NonNullable<typeof collect>;
  }
  return collect;
}
