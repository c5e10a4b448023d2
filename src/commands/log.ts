import { relative, resolve, sep } from "node:path";
import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { commitId } from "../git/commits.ts";
import { at } from "../git/repository.ts";
import { gitText } from "../git/run.ts";
import { assetHistory, type HistoryEntry } from "../manifest/history.ts";
import { openWorktree } from "../worktree/session.ts";
import { storedHere, type Stored } from "./stored.ts";

export interface LogOptions {
  /** Relative to where the user stands; need not be on disk. */
  readonly path: string;
  /** Default: HEAD. */
  readonly revision?: string | undefined;
  /** Every commit on any ref. */
  readonly all: boolean;
  /** At most this many versions. */
  readonly max?: number | undefined;
}

/** One version of an asset: what a commit made of it. */
export interface LogEntry extends Omit<HistoryEntry, "asset" | "committedAt"> {
  readonly oid?: string;
  readonly sizeBytes?: number;
  readonly exec?: boolean;
  /** How a store on this machine holds it, the local one before the remote one; undefined when none does. */
  readonly stored?: Stored | undefined;
  /** Whether the local store has it. */
  readonly local?: boolean;
  /**
   * Whether the remote store has it, told without the network: looked up where that store is a directory on this
   * machine; elsewhere, whether a remote-tracking ref has the commit, since a push uploads first.
   */
  readonly remote?: boolean;
}

/**
 * Every version of an asset, newest first, along renames. Needs no network.
 * @throws USAGE when no commit has such an asset; what manifests throw
 */
export async function log(context: Context, { path, revision, all, max }: LogOptions): Promise<LogEntry[]> {
  const { repository, signal } = context;
  const name = pathFromTop(context, path);
  const unborn = (await gitText(["rev-list", "-1", "--all"], at(repository))) === "";
  const tips = all ? ["--all"] : [await commitId(repository, revision ?? "HEAD", signal).catch(unborn ? noCommit : undefined)];
  const entries: HistoryEntry[] = [];
  if (max !== 0) {
    for await (const entry of assetHistory(repository, name, tips, signal)) if (entries.push(entry) === max) break;
  }
  if (entries.length === 0 && max !== 0) throw unknown(context, name, all ? "any ref" : (revision ?? "HEAD"));
  const stored = await storedHere(context, entries.flatMap(({ asset }) => (asset ? [asset.oid] : [])));
  const unpushed = await unpushedOf(context, tips);
  return entries.map(({ asset, committedAt: _, ...about }) => {
    if (asset === undefined) return about;
    const [local, remote] = [stored.local(asset.oid), stored.remote(asset.oid)];
    return {
      ...about,
      oid: asset.oid,
      sizeBytes: asset.sizeBytes,
      exec: asset.exec,
      stored: local ?? (remote === "unknown" ? undefined : remote),
      local: local !== undefined,
      remote: remote === "unknown" ? !unpushed.has(about.commit) : remote !== undefined,
    };
  });
}

function pathFromTop({ repository, cwd }: Context, path: string): string {
  const place = relative(repository.top, resolve(cwd, path)).split(sep).join("/");
  if (place !== ".." && !place.startsWith("../") && place !== "") return place;
  throw new BallastError("USAGE", `${path} is ${place === "" ? "no asset but the whole worktree" : `outside the worktree ${repository.top}`}`);
}

async function unpushedOf({ repository }: Context, tips: readonly string[]): Promise<Set<string>> {
  return new Set((await gitText(["rev-list", ...tips, "--not", "--remotes"], at(repository))).split("\n"));
}

function unknown({ repository }: Context, path: string, where: string): BallastError {
  const { manifest, tracking } = openWorktree(repository);
  const below = [...manifest.keys()].find((other) => other.startsWith(`${path}/`));
  if (below !== undefined) return new BallastError("USAGE", `${path} is a directory; log shows one asset`, { hint: `git ballast log ${below}` });
  const pending = manifest.has(path) || tracking.matches(path);
  return new BallastError("USAGE", `no commit of ${where} has an asset ${path}`, { hint: pending ? "git ballast status shows what is not committed yet" : "git ballast ls shows the assets" });
}

function noCommit(): never {
  throw new BallastError("USAGE", "there is no commit yet", { hint: "git ballast status shows what is not committed yet" });
}
