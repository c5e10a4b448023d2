import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { formatManifest, sameAsset, type Manifest } from "../manifest/manifest.ts";
import { manifestAt } from "../manifest/versions.ts";
import { follow, requestFollow, stageManifest } from "../worktree/follow.ts";
import { recordedAs } from "../worktree/observe.ts";
import { record } from "../worktree/record.ts";
import { openWorktree } from "../worktree/session.ts";
import { settle } from "../worktree/settle.ts";
import { selector } from "../worktree/tracking.ts";
import { changesBetween, type Change } from "./changes.ts";

/**
 * Stages the changes of these assets only, as `git add <path>` does for other files.
 * @throws USAGE when nothing matches, CONFLICT, NOT_A_FILE, FILE_CHANGED
 */
export async function add(context: Context, { paths }: { paths: readonly string[] }): Promise<{ staged: Change[] }> {
  const { repository, cwd } = context;
  await settle(context);
  const worktree = openWorktree(repository);
  const select = selector(repository, cwd, paths);
  const { seen } = await record(context, worktree, { select });
  const known = [...seen.values()].filter(({ state }) => state !== "none");
  if (known.length === 0) throw new BallastError("USAGE", `no asset matches ${paths.join(" ")}`, { hint: "git ballast ls shows the assets, git ballast track adds some" });
  for (const { path, state, w } of known) {
    if (state === "conflict") throw new BallastError("CONFLICT", `${path} is in conflict`, { hint: `git ballast resolve ${path} --ours, or --theirs` });
    if (state === "blocked" && w !== "blocked") throw new BallastError("NOT_A_FILE", `the directory of ${path} stands in the place of an asset`, { hint: "git add -A records both" });
    if (state === "blocked") throw new BallastError("NOT_A_FILE", `${path} is no regular file`, { hint: "move what stands in its place away" });
  }
  const staged: Manifest = (await manifestAt(repository, ":")) ?? new Map();
  const now = new Map(staged);
  for (const sight of known) {
    const asset = recordedAs(sight) === "unchanged" ? sight.m : recordedAs(sight);
    if (asset === undefined || asset === "unchanged") now.delete(sight.path);
    else if (!sameAsset(now.get(sight.path), asset)) now.set(sight.path, asset);
  }
  const changes = changesBetween(staged, now);
  if (changes.length > 0) {
    const manifest = Buffer.from(formatManifest(now.values()));
    requestFollow(repository, manifest);
    await stageManifest(repository, manifest);
    await follow(repository);
  }
  return { staged: changes };
}
