import { readFileSync, readdirSync } from "node:fs";

const PAGE_BYTES = 4096;
const INTERVAL_MS = 40;

/** What a process holds in memory, in bytes. */
export interface Held {
  readonly parent: number;
  readonly ownBytes: number;
  /** Pages of files, which processes of one program share. */
  readonly sharedBytes: number;
}

/**
 * Looks again and again how much memory a process and all that it started hold together.
 * @returns a function that ends this and says the most, in bytes; undefined where there is no /proc
 */
export function watchTree(root: number): () => number | undefined {
  let most: number | undefined;
  const look = (): void => {
    const bytes = treeBytes(root, processes());
    if (bytes !== undefined) most = Math.max(most ?? 0, bytes);
  };
  const timer = setInterval(look, INTERVAL_MS);
  return () => {
    clearInterval(timer);
    return most;
  };
}

/**
 * What a process and its descendants hold: the own pages of each, and of the pages that belong to files those of the
 * process that has the most of them. So a library that ten processes share counts once.
 */
export function treeBytes(root: number, held: ReadonlyMap<number, Held>): number | undefined {
  if (!held.has(root)) return undefined;
  const children = new Map<number, number[]>();
  for (const [pid, { parent }] of held) children.set(parent, [...(children.get(parent) ?? []), pid]);
  let ownBytes = 0;
  let sharedBytes = 0;
  for (const pending = [root]; pending.length > 0; ) {
    const pid = pending.pop()!;
    ownBytes += held.get(pid)!.ownBytes;
    sharedBytes = Math.max(sharedBytes, held.get(pid)!.sharedBytes);
    pending.push(...(children.get(pid) ?? []));
  }
  return ownBytes + sharedBytes;
}

/** The processes of this machine, by their ids. */
function processes(): Map<number, Held> {
  const held = new Map<number, Held>();
  let names: string[] = [];
  try {
    names = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    // There is no /proc on this system.
  }
  for (const name of names) {
    try {
      held.set(Number(name), parseHeld(readFileSync(`/proc/${name}/stat`, "latin1"), readFileSync(`/proc/${name}/statm`, "latin1")));
    } catch {
      // It has ended meanwhile.
    }
  }
  return held;
}

/** What proc(5) says: the parent stands second after the name in parentheses; statm counts pages, all and shared in the second and third place. */
export function parseHeld(stat: string, statm: string): Held {
  const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  const [, resident = 0, shared = 0] = statm.split(" ").map(Number);
  return { parent, ownBytes: (resident - shared) * PAGE_BYTES, sharedBytes: shared * PAGE_BYTES };
}
