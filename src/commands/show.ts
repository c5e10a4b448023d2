import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { manifestAt } from "../manifest/versions.ts";
import { isOid, type Oid } from "../object/oid.ts";
import { readContent } from "../transfer/read-content.ts";

/**
 * The content of `<oid>` or of `<rev>:<path>`, verified chunk by chunk; the last chunk comes only once the whole was
 * found to be right.
 * @throws USAGE, OBJECT_MISSING, OBJECT_CORRUPT
 */
export async function* show(context: Context, { what }: { what: string }): AsyncGenerator<Uint8Array> {
  yield* readContent(context, await find(context, what));
}

async function find(context: Context, what: string): Promise<{ oid: Oid; path: string; sizeBytes?: number }> {
  if (isOid(what)) return { oid: what, path: what };
  const colon = what.indexOf(":");
  if (colon < 0) throw new BallastError("USAGE", `${what} is neither an object id nor <revision>:<path>`, { hint: "git ballast show HEAD:art/hero.psd > hero.psd" });
  const [revision, path] = [what.slice(0, colon) || ":", what.slice(colon + 1)];
  const asset = (await manifestAt(context.repository, revision))?.get(path);
  if (!asset) throw new BallastError("USAGE", `${path} is no asset in ${revision}`, { hint: "git ballast ls shows the assets of the worktree" });
  return asset;
}
