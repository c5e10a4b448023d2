/*
 * What earlier runs have looked at and left as it is, so that a run with nothing to do reads no object. What becomes of
 * a version follows from its content and the contents of its bases, which their oids name; from the object that it has
 * and the chain that it could stand on; and from the rules. A digest of all that stands for "it stays".
 *
 *   8 bytes    BLSTRPK1
 *   16 bytes   for each, the first half of a SHA-256
 *
 * A note that is lost or damaged costs a reading. For a note, nothing is ever removed or written.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Candidate, Link } from "../../delta/plan.ts";
import { isBallastError, systemCode } from "../../errors.ts";
import type { StoredObject } from "../../store/port.ts";
import { writeAtomically } from "../../util/write-atomically.ts";
import type { Rules } from "./judge.ts";

const MAGIC = "BLSTRPK1";
const DIGEST_BYTES = 16;
/** What the file holds at most; with more, only what the last run came by stays. */
const MOST = 1_000_000;
/** Counted up where this version decides otherwise than the one before: then everything is looked at once more. */
const DECISIONS = 1;

export class Settled {
  readonly #file: string;
  readonly #rules: string;
  /** As texts of one byte a character. */
  readonly #before: ReadonlySet<string>;
  readonly #now = new Set<string>();
  #hasNew = false;

  /** @param file where the notes are; need not be there */
  constructor(file: string, { compression, policy }: Pick<Rules, "compression" | "policy">) {
    this.#file = file;
    this.#rules = JSON.stringify([DECISIONS, compression, policy]);
    this.#before = read(file);
  }

  /** Whether a version's only object was found to stay. @param candidate what it could be based on */
  has(only: StoredObject, candidate: Candidate | undefined): boolean {
    const digest = this.#digest(only, candidate);
    if (!this.#before.has(digest)) return false;
    this.#now.add(digest);
    return true;
  }

  add(only: StoredObject, candidate: Candidate | undefined): void {
    this.#now.add(this.#digest(only, candidate));
    this.#hasNew = true;
  }

  /** Keeps what was noted, with what earlier runs have noted of other versions. Nothing depends on its success. */
  save(): void {
    if (!this.#hasNew) return;
    const all = new Set([...this.#now, ...this.#before]);
    try {
      writeAtomically(this.#file, Buffer.from(MAGIC + [...(all.size > MOST ? this.#now : all)].join(""), "latin1"));
    } catch (error) {
      if (!isBallastError(error) && systemCode(error) === undefined) throw error;
    }
  }

  #digest({ key, sizeBytes }: StoredObject, candidate: Candidate | undefined): string {
    const bases = candidate ? [candidate, ...candidate.ancestors.slice(-1)].map(({ oid, depth, chainBytes }: Link) => [oid, depth, chainBytes]) : [];
    return createHash("sha256").update(JSON.stringify([this.#rules, key, sizeBytes, bases])).digest().toString("latin1", 0, DIGEST_BYTES);
  }
}

function read(file: string): Set<string> {
  let text = "";
  try {
    text = readFileSync(file, "latin1");
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
  }
  const digests = new Set<string>();
  if (!text.startsWith(MAGIC)) return digests;
  // Each holds on to the whole text, which is no more than they are together.
  for (let at = MAGIC.length; at + DIGEST_BYTES <= text.length; at += DIGEST_BYTES) digests.add(text.slice(at, at + DIGEST_BYTES));
  return digests;
}
