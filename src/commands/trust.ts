import { committedIdentity, readPin, writePin } from "../config/pin.ts";
import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";

export interface TrustResult {
  /** The store that was trusted before; undefined when none was. */
  readonly before: string | undefined;
  /** The store that the committed file names. */
  readonly now: string;
  readonly changed: boolean;
}

/**
 * Trusts the store that `.ballast/config` names now: pins it in this clone.
 * @param options `dryRun` only tells both
 * @throws NOT_INITIALISED when the file names no store, CONFIG_INVALID
 */
export async function trust({ repository }: Pick<Context, "repository">, { dryRun }: { dryRun: boolean }): Promise<TrustResult> {
  const now = committedIdentity(repository);
  if (now === undefined) throw new BallastError("NOT_INITIALISED", "there is no store to trust: .ballast/config names none", { hint: "git ballast init" });
  const before = await readPin(repository);
  if (!dryRun) await writePin(repository);
  return { before, now, changed: before !== now };
}
