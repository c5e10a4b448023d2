import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { at, MANIFEST_PATH, type Repository } from "../git/repository.ts";
import { runGit, streamGit } from "../git/run.ts";
import { lines } from "../manifest/versions.ts";
import { matchedOid, type Oid } from "../object/oid.ts";

/** So many moves of each HEAD are looked at, the newest first; Git forgets them after some months anyway. */
const MOST_MOVES = 2000;

/**
 * Notes when contents were last checked out: `Infinity` for what the HEAD of a worktree names now, else when such a HEAD
 * moved away from it, by the clock of the machine that it was on, in milliseconds since 1970. Told from Git's reflogs,
 * since no file system tells reliably when a file was read.
 * @param uses when contents were last of use, as far as that is known; later uses are put in, and no other contents
 */
export async function noteCheckouts(repository: Repository, uses: Map<Oid, number>, signal: AbortSignal): Promise<void> {
  const note = (oid: Oid, ms: number): void => {
    const known = uses.get(oid);
    if (known !== undefined && ms > known) uses.set(oid, ms);
  };
  const heads = ["main-worktree/HEAD", ...worktreesOf(repository).map((name) => `worktrees/${name}/HEAD`)];
  for (const head of heads) {
    for (const oid of oidsIn(await manifestText(repository, head))) note(oid, Infinity);
    await eachLeft(repository, await movesOf(repository, head, signal), note, signal);
  }
}

function worktreesOf({ commonDir }: Repository): string[] {
  const directory = join(commonDir, "worktrees");
  return existsSync(directory) ? readdirSync(directory) : [];
}

interface Move {
  readonly from: string;
  readonly to: string;
  readonly ms: number;
}

/** The moves of a HEAD, newest first. */
async function movesOf(repository: Repository, head: string, signal: AbortSignal): Promise<Move[]> {
  const args = ["log", "-g", "--date=unix", `--max-count=${MOST_MOVES}`, "--format=%H %gd", "--no-show-signature", head, "--"];
  const { stdout } = await runGit(args, at(repository, { signal, accept: [128] }));
  const stops = stdout.toString().split("\n").flatMap((line) => {
    const match = /^([0-9a-f]{40,64}) .*@\{(\d+)\}$/.exec(line);
    return match ? [{ commit: match[1]!, ms: Number(match[2]) * 1000 }] : [];
  });
  return stops.slice(1).flatMap(({ commit }, i) => (commit === stops[i]!.commit ? [] : [{ from: commit, to: stops[i]!.commit, ms: stops[i]!.ms }]));
}

/** Calls `note` for each content that a move left behind. */
async function eachLeft(repository: Repository, moves: readonly Move[], note: (oid: Oid, ms: number) => void, signal: AbortSignal): Promise<void> {
  if (moves.length === 0) return;
  // One process for all: each line is a commit, and what it is to be compared with.
  const input = moves.map(({ from, to }) => `${to} ${from}\n`).join("");
  const args = ["diff-tree", "--stdin", "--always", "-p", "-U0", "-r", "--text", "--no-color", "--no-renames", "--no-textconv", "--no-ext-diff", "--", MANIFEST_PATH];
  let move = -1;
  for await (const line of lines(streamGit(args, at(repository, { signal, input })))) {
    if (/^[0-9a-f]{40,64}$/.test(line)) do move++; while (move < moves.length && moves[move]!.to !== line);
    else if (line.startsWith("-{")) for (const oid of oidsIn(line)) note(oid, moves[move]?.ms ?? 0);
  }
}

async function manifestText(repository: Repository, head: string): Promise<string> {
  const { stdout } = await runGit(["cat-file", "blob", `${head}:${MANIFEST_PATH}`], at(repository, { accept: [128] }));
  return stdout.toString();
}

function* oidsIn(text: string): Generator<Oid> {
  for (const [, oid] of text.matchAll(/"oid":"([0-9a-f]{64})"/g)) yield matchedOid(oid!);
}
