import { hostname } from "node:os";
import { BallastError, isBallastError } from "../errors.ts";
import { at, type Repository } from "../git/repository.ts";
import { gitText } from "../git/run.ts";
import type { Owner } from "./record.ts";

/** Who works here, by Git's `user.name` and `user.email`, and on which machine. */
export interface Self {
  readonly owner: Owner;
  readonly machine: string;
}

/**
 * The committer as Git would name them here: hooks get the author of a commit in their environment, who may be another.
 * @throws USAGE when Git does not know either
 */
export async function whoAmI(repository: Repository): Promise<Self> {
  const ident = await gitText(["var", "GIT_COMMITTER_IDENT"], at(repository)).catch((cause: unknown) => {
    throw new BallastError("USAGE", "Git does not know who you are, so a lock could not name you", { hint: "git config --global user.email you@example.com", cause });
  });
  const [, name, email] = /^(.*) <(.*)> \d+ [+-]\d+$/s.exec(ident) ?? [];
  return { owner: { name: shorten(name ?? ident), email: shorten(email ?? "") }, machine: shorten(hostname()) };
}

/** As {@link whoAmI}, or undefined when Git does not know: nothing is yours then. */
export async function knownOwner(repository: Repository): Promise<Owner | undefined> {
  try {
    return (await whoAmI(repository)).owner;
  } catch (error) {
    if (isBallastError(error, "USAGE")) return undefined;
    throw error;
  }
}

/** Whether a lock is this user's. */
export function isMine(lock: { readonly owner: Owner }, me: Owner | undefined): boolean {
  return me !== undefined && sameOwner(lock.owner, me);
}

/** Whether two are the same person: the same address, in any case of its letters, or the same name where there is none. */
export function sameOwner(a: Owner, b: Owner): boolean {
  if (a.email === "" && b.email === "") return a.name === b.name;
  return a.email.toLowerCase() === b.email.toLowerCase();
}

function shorten(text: string): string {
  return text.slice(0, 255);
}
