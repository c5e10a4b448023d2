import { readFileSync, readdirSync } from "node:fs";

const PAGE_BYTES = 4096;
const INTERVAL_MS = 50;

/** What a process holds in memory, in bytes. */
export interface Held {
  readonly ownBytes: number;
  /** Pages of files, which processes of one program share. */
  readonly sharedBytes: number;
}

/**
 * Looks again and again how much memory a process and all that it started hold together.
 * @returns a function that ends this and says the most, in bytes; undefined where there is no /proc
 */
export function watchTree(root: number): () => number | undefined {
  const tree = new Tree(root);
  const beginnings = new Beginnings();
  let most: number | undefined;
  const look = (): void => {
    const members = tree.members(processes(), parentOf);
    const held = members.filter((pid) => beginnings.isOver(pid, isCopy)).flatMap((pid) => heldBy(pid) ?? []);
    if (held.length > 0) most = Math.max(most ?? 0, together(held));
  };
  const timer = setInterval(look, INTERVAL_MS);
  return () => {
    clearInterval(timer);
    return most;
  };
}

/**
 * What processes hold together: the own pages of each, and of the pages that belong to files those of the process that
 * has the most of them. So a library that ten processes share counts once.
 */
export function together(held: readonly Held[]): number {
  return held.reduce((sum, { ownBytes }) => sum + ownBytes, 0) + Math.max(0, ...held.map(({ sharedBytes }) => sharedBytes));
}

/** The descendants of a process, told anew from time to time; each process is asked for its parent once only, which is cheap. */
export class Tree {
  readonly #root: number;
  #belongs = new Map<number, boolean>();

  constructor(root: number) {
    this.#root = root;
  }

  /**
   * @param pids all processes that there are now
   * @param parent the parent of a process; undefined when it has ended meanwhile
   */
  members(pids: readonly number[], parent: (pid: number) => number | undefined): number[] {
    const known = this.#belongs;
    this.#belongs = new Map();
    const belongs = (pid: number): boolean => {
      const before = this.#belongs.get(pid) ?? known.get(pid);
      if (before !== undefined) return this.#remember(pid, before);
      const above = pid === this.#root ? undefined : parent(pid);
      return this.#remember(pid, pid === this.#root || (above !== undefined && above > 0 && belongs(above)));
    };
    return pids.filter(belongs);
  }

  #remember(pid: number, belongs: boolean): boolean {
    this.#belongs.set(pid, belongs);
    return belongs;
  }
}

/**
 * Tells processes from those that are about to be: until it runs a program of its own, a new process has the memory of the one
 * that started it, which would count twice. Whoever stays so is no beginning.
 */
export class Beginnings {
  readonly #looks = new Map<number, number>();

  /** @param isCopy whether a process runs no program of its own yet */
  isOver(pid: number, isCopy: (pid: number) => boolean): boolean {
    const looks = this.#looks.get(pid) ?? 0;
    if (looks >= LOOKS) return true;
    const over = !isCopy(pid);
    this.#looks.set(pid, over ? LOOKS : looks + 1);
    return over;
  }
}

/** A second's worth. */
const LOOKS = 20;

function processes(): number[] {
  try {
    return readdirSync("/proc").map(Number).filter(Number.isInteger);
  } catch {
    // There is no /proc on this system.
    return [];
  }
}

function parentOf(pid: number): number | undefined {
  return read(`/proc/${pid}/stat`, parseParent);
}

function heldBy(pid: number): Held | undefined {
  return read(`/proc/${pid}/statm`, parseHeld);
}

function read<T>(path: string, parse: (text: string) => T): T | undefined {
  try {
    return parse(readFileSync(path, "latin1"));
  } catch {
    // The process has ended meanwhile.
    return undefined;
  }
}

/** proc(5), stat: the parent stands second after the name in parentheses. */
export function parseParent(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

/** Whether a process was forked and runs no program of its own yet. */
function isCopy(pid: number): boolean {
  return read(`/proc/${pid}/stat`, parseCopied) ?? true;
}

/** proc(5), stat: the seventh after the name are flags; the kernel's PF_FORKNOEXEC is one of them. */
export function parseCopied(stat: string): boolean {
  return (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[6]) & PF_FORKNOEXEC) !== 0;
}

const PF_FORKNOEXEC = 0x40;

/** proc(5), statm: the second and the third number are pages, all of them and those of files. */
export function parseHeld(statm: string): Held {
  const [, resident = 0, shared = 0] = statm.split(" ").map(Number);
  return { ownBytes: (resident - shared) * PAGE_BYTES, sharedBytes: shared * PAGE_BYTES };
}
