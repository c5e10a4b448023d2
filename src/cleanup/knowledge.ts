import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { withAllRefs } from "../git/all-refs.ts";
import type { RepositoryId } from "../git/identity.ts";
import { isPartial } from "../git/partial.ts";
import type { Oid } from "../object/oid.ts";
import { isShallow, usesOf } from "../transfer/in-use.ts";
import { speaksFor } from "./fold.ts";
import { lastUses, type LastUse } from "./last-use.ts";

/** What a cleanup knows by Git alone; the rest it learns from the store. */
export interface Knowledge {
  /** @throws GIT_FAILED where commits or manifests may be unknown: in a shallow or partial clone */
  requireWhole(): Promise<void>;
  /** For whom it may say what is needed. */
  speaksFor(): Promise<{ readonly own: readonly RepositoryId[]; readonly listed: readonly RepositoryId[] }>;
  /**
   * Every content that this repository needs, after a fetch of all refs of all remotes (docs/cleanup.md, C3).
   * @throws GIT_FAILED when a remote cannot be fetched; MANIFEST_INVALID, MANIFEST_VERSION, PATH_REFUSED naming the commit
   */
  needs(): Promise<Set<Oid>>;
  /** Who had these contents last. */
  lastUses(oids: ReadonlySet<Oid>): Promise<Map<Oid, LastUse>>;
}

/** What the clone of this context knows. */
export function knowledgeOf(context: Context): Knowledge {
  const { repository, signal } = context;
  return {
    requireWhole: () => requireWhole(context),
    speaksFor: () => speaksFor(context),
    needs: () =>
      withAllRefs(repository, signal, async () => {
        const uses = new Set<Oid>();
        for await (const { oid } of usesOf(repository, { strict: true, signal })) uses.add(oid);
        return uses;
      }),
    lastUses: (oids) => lastUses(repository, oids, signal),
  };
}

async function requireWhole({ repository }: Context): Promise<void> {
  if (await isShallow(repository)) {
    throw new BallastError("GIT_FAILED", "this clone is shallow: commits that it lacks may need any object", { hint: "git fetch --unshallow, or clean up from another clone" });
  }
  if (await isPartial(repository)) {
    throw new BallastError("GIT_FAILED", "this is a partial clone: manifests that it lacks may need any object", { hint: "clean up from a clone that was made without --filter" });
  }
}
