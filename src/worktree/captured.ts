/*
 * Contents that the filter stored because Git was recording, and that no commit may hold yet: one `<oid> <path>` a
 * line. When Git then discards such an edit (`reset --hard`, `checkout -f`), the user is told how to get it back.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commitIds } from "../git/commits.ts";
import { at, MANIFEST_PATH, worktreeState, type Repository } from "../git/repository.ts";
import { gitText, runGit } from "../git/run.ts";
import { findAsset } from "../manifest/find-asset.ts";
import { isOid, type Oid } from "../object/oid.ts";
import { collectGarbage } from "../util/collect-garbage.ts";
import { writeAtomically } from "../util/write-atomically.ts";
import { appendOidLines, formatOidLine, readOidLines } from "./oid-lines.ts";
import { manifestOfHead } from "./sealed.ts";

export interface Captured {
  readonly path: string;
  readonly oid: Oid;
}

/** There, and empty, while one of them may be of an asset that no commit has: Git may put a file of its own in its place. */
const NEW = "captured-new";

export function addCaptured(repository: Repository, captured: readonly (Captured & { readonly isNew: boolean })[]): void {
  if (captured.length === 0) return;
  const file = worktreeState(repository, "captured");
  appendOidLines(file, captured);
  if (captured.some(({ isNew }) => isNew)) writeFileSync(worktreeState(repository, NEW), "");
}

export function readCaptured(repository: Repository): Captured[] {
  return readOidLines(worktreeState(repository, "captured")).flatMap(({ hex, path }) => (isOid(hex) ? [{ oid: hex, path }] : []));
}

/** Forgets them all: what Git recorded is in a commit now. */
export function clearCaptured(repository: Repository): void {
  for (const name of ["captured", NEW]) rmSync(worktreeState(repository, name), { force: true });
}

/** Whether one of them may be of an asset that no commit has. */
export function mayHaveNew(repository: Repository): boolean {
  return existsSync(worktreeState(repository, NEW));
}

/** Forgets these, and whether any may be of a new asset when none of the others is. */
export function forgetCaptured(repository: Repository, gone: readonly Captured[], { noneNew }: { readonly noneNew: boolean }): void {
  const lines = new Set(gone.map(({ path, oid }) => formatOidLine(oid, path)));
  const rest = readCaptured(repository).map(({ path, oid }) => formatOidLine(oid, path)).filter((line) => !lines.has(line));
  if (gone.length > 0) writeAtomically(worktreeState(repository, "captured"), rest.join(""));
  if (noneNew) rmSync(worktreeState(repository, NEW), { force: true });
}

/** Those of `captured` whose content no branch, tag, stash or staged manifest names, nor the commit that HEAD was at before. */
export async function unreferenced<T extends Captured>(repository: Repository, captured: readonly T[]): Promise<T[]> {
  const rest = new Map<Oid, string>();
  for (const { oid, path } of captured) rest.set(oid, path);
  // As a rule HEAD is still where all of it comes from, and nobody else is asked.
  const head = rest.size === 0 ? undefined : await manifestOfHead(repository);
  if (head) dropNamed(rest, head);
  if (rest.size === 0) return [];
  const tips = await gitText(["for-each-ref", "--format=%(objectname)"], at(repository));
  const stashes = await runGit(["rev-list", "-g", "refs/stash"], at(repository, { accept: [128] }));
  const before = await runGit(["rev-list", "-g", "-n", "2", "HEAD"], at(repository, { accept: [128] }));
  const names = new Set([tips, stashes.stdout, before.stdout].flatMap((text) => text.toString().split("\n")).concat(autostashes(repository), "HEAD", "ORIG_HEAD"));
  // One that is no commit, or that there is not, as HEAD before the first commit, would fail the search as a whole.
  const trees = (await commitIds(repository, [...names].filter(Boolean))).filter((id) => id !== undefined);
  // Many commits have one manifest, which is read once.
  const objects = [`:0:${MANIFEST_PATH}`, `:1:${MANIFEST_PATH}`, ...trees.map((id) => `${id}:${MANIFEST_PATH}`)];
  for (const blob of await blobIds(repository, objects)) {
    if (rest.size === 0) break;
    const { stdout } = await runGit(["cat-file", "blob", blob], at(repository));
    dropNamed(rest, stdout);
  }
  return captured.filter(({ oid }) => rest.has(oid));
}

/** Removes what a manifest names. As a rule that is where it was, which few are asked for; what is not may have been renamed. */
function dropNamed(rest: Map<Oid, string>, manifest: Buffer): void {
  // What came of the one before.
  collectGarbage(rest.size);
  if (rest.size < manifest.length / BYTES_PER_SEARCH) for (const [oid, path] of rest) if (findAsset(manifest, path)?.oid === oid) rest.delete(oid);
  if (rest.size > 0) for (const oid of oidsIn(manifest)) rest.delete(oid);
}

/** To find one path takes as long as to go through so much of a manifest. */
const BYTES_PER_SEARCH = 4096;

/** What the lines of a manifest name, whatever else is in it. */
function* oidsIn(manifest: Buffer): Generator<Oid> {
  for (let at = 0; (at = manifest.indexOf(BEFORE_OID, at)) >= 0; ) {
    at += BEFORE_OID.length;
    const oid = manifest.toString("latin1", at, at + 64);
    if (isOid(oid)) yield oid;
  }
}

const BEFORE_OID = Buffer.from('"oid":"');

/** The ids of the blobs that these names stand for, each once; others are passed over. */
async function blobIds(repository: Repository, names: readonly string[]): Promise<Set<string>> {
  const input = names.map((name) => `${name}\n`).join("");
  const { stdout } = await runGit(["cat-file", "--batch-check=%(objecttype) %(objectname)"], at(repository, { input }));
  return new Set(Array.from(stdout.toString().matchAll(/^blob ([0-9a-f]+)$/gm), ([, id]) => id!));
}

/** What a merge or a rebase under way has stashed and will bring back. */
function autostashes(repository: Repository): string[] {
  return ["MERGE_AUTOSTASH", "rebase-merge/autostash", "rebase-apply/autostash"]
    .map((name) => join(repository.gitDir, name))
    .flatMap((file) => (existsSync(file) ? [readFileSync(file, "utf8").trim()] : []));
}
