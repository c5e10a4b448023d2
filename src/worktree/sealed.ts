/*
 * What lies on disk of a seal: see seal.ts.
 *
 *   GITDIR/ballast/sealed/<name>.files      a listing: see listing.ts
 *   GITDIR/ballast/sealed/<name>.apart      of many assets, what another listing has of them: a stem, and a character
 *   GITDIR/ballast/sealed/<name>.files2     that listing
 *   GITDIR/ballast/sealed/<name>.manifest   the manifest that the disk has
 *   GITDIR/ballast/seal                     sh, which lists again, compares all, and sets `sealed` when they agree
 *
 * `<name>` is a hash of all of it, so that parts of two seals are never taken for one. Whoever writes the index removes
 * `seal`; the files beside it go on telling what a file had that is listed as it was.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { systemCode } from "../errors.ts";
import { blobId } from "../git/blob-id.ts";
import { hookFiles } from "../git/hooks.ts";
import { at, MANIFEST_PATH, worktreeState, type Repository } from "../git/repository.ts";
import { runGit } from "../git/run.ts";
import { manifestBytesAt } from "../manifest/versions.ts";
import { OidHasher } from "../object/oid.ts";
import { shellQuote } from "../util/package-root.ts";
import { writeAtomically } from "../util/write-atomically.ts";
import type { Apart } from "./apart.ts";
import { listingQuestions, type Question } from "./listing.ts";
import type { Worktree } from "./session.ts";

/** What is listed for a seal. */
export interface Listable {
  /** What find is asked: one listing, or two. */
  readonly questions: readonly Question[];
  /** What the second one has. */
  readonly apart: Apart | undefined;
  /** Files that are no assets, as the listing names them. */
  readonly beside: { readonly ignore: string; readonly config: string; readonly index: string; readonly hooks: readonly string[] };
}

/** Undefined where the tracked patterns cannot be listed. @param apart what to list apart */
export async function listable({ repository, tracking }: Pick<Worktree, "repository" | "tracking">, apart: Apart | undefined): Promise<Listable | undefined> {
  const hooks = (await hookFiles(repository)).filter((file) => lstatSync(file, { throwIfNoEntry: false })?.isFile());
  const beside = { ignore: "./.gitignore", config: join(repository.commonDir, "config"), index: worktreeState(repository, "index"), hooks };
  const questions = listingQuestions(tracking.patterns, Object.values(beside).flat(), (path) => existsSync(join(repository.top, path)), apart);
  return questions && { questions, apart, beside };
}

/** What is {@link listable} in the way of the last seal. */
export async function listableAgain(worktree: Pick<Worktree, "repository" | "tracking">): Promise<Listable | undefined> {
  const [file] = filesOf(worktree.repository, ".apart");
  const [stem, from] = (file === undefined ? undefined : read(file))?.toString().split("\0") ?? [];
  return listable(worktree, stem === undefined || from === undefined ? undefined : { stem, from });
}

/** A listing for each question, and the manifest that the disk had when they were made. */
export interface Sealed {
  readonly listings: readonly Buffer[];
  readonly manifest: Buffer;
}

/** Whether there is anything for {@link readSealed}. */
export function hasSealed(repository: Repository): boolean {
  return existsSync(worktreeState(repository, "sealed"));
}

/** The last seal that was made with these questions, whether it is broken by now or not; undefined when it is not whole. */
export function readSealed(repository: Repository, questions: readonly Question[]): Sealed | undefined {
  const [file, ...more] = filesOf(repository, ".files");
  if (file === undefined || more.length > 0) return undefined;
  const path = file.slice(0, -".files".length);
  const parts = [...LISTINGS.slice(0, questions.length), ".manifest"].map((end) => read(path + end));
  if (!parts.every((part) => part !== undefined)) return undefined;
  const sealed = { listings: parts.slice(0, -1), manifest: parts.at(-1)! };
  return nameOf(questions, sealed) === basename(path) ? sealed : undefined;
}

/**
 * The manifest as HEAD has it, or undefined when it has none. As a rule that is the one that the disk was last sealed with:
 * to read it from there takes a fraction of what Git takes to put together a large blob.
 */
export async function manifestOfHead(repository: Repository): Promise<Buffer | undefined> {
  const [file] = filesOf(repository, ".manifest");
  const sealed = file === undefined ? undefined : read(file);
  if (sealed && sealed.length > WORTH_ASKING_BYTES) {
    const { stdout } = await runGit(["rev-parse", "--verify", "--quiet", `HEAD:${MANIFEST_PATH}`], at(repository, { accept: [1, 128] }));
    if (stdout.toString().trim() === blobId(repository, sealed)) return sealed;
  }
  return manifestBytesAt(repository, "HEAD");
}

/** Where a manifest has fewer, Git gives it as fast as it says which one it is. */
const WORTH_ASKING_BYTES = 1024 ** 2;

export function writeSealed(repository: Repository, { questions, apart }: Listable, sealed: Sealed): void {
  const name = nameOf(questions, sealed);
  const directory = worktreeState(repository, "sealed");
  mkdirSync(directory, { recursive: true });
  const [text, files] = [join(directory, `${name}.manifest`), LISTINGS.map((end) => join(directory, name + end))];
  for (const [i, listing] of sealed.listings.entries()) writeFileSync(files[i]!, listing);
  if (apart) writeFileSync(join(directory, `${name}.apart`), `${apart.stem}\0${apart.from}`);
  writeFileSync(text, sealed.manifest);
  const compared = [`cmp -s ${MANIFEST_PATH} ${shellQuote(text)}`, ...questions.map((question, i) => `${commandOf(question)} | cmp -s - ${shellQuote(files[i]!)}`)];
  const last = compared.pop()!;
  const beside = compared.map((command, i) => `${command} & p${i}=$!\n`).join("");
  // The last word is what counts, so that a file that was cut off by a power failure seals nothing.
  writeAtomically(worktreeState(repository, "seal"), `${beside}${[last, ...compared.map((_, i) => `wait "$p${i}"`)].join(" && ")} && sealed=yes\n`);
  for (const old of readdirSync(directory)) if (!old.startsWith(`${name}.`)) rmSync(join(directory, old), { force: true });
}

const LISTINGS = [".files", ".files2"];

/** The files of seals with such an end. */
function filesOf(repository: Repository, end: string): string[] {
  const directory = worktreeState(repository, "sealed");
  return whatIsThere(() => readdirSync(directory))?.filter((file) => file.endsWith(end)).map((file) => join(directory, file)) ?? [];
}

function read(file: string): Buffer | undefined {
  return whatIsThere(() => readFileSync(file));
}

/** Whoever seals anew at this moment removes what there was. */
function whatIsThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
    return undefined;
  }
}

function commandOf(question: Question): string {
  return `LC_ALL=C find ${question.map(shellQuote).join(" ")} 2>/dev/null`;
}

function nameOf(questions: readonly Question[], { listings, manifest }: Sealed): string {
  const hasher = new OidHasher();
  for (const question of questions) hasher.update(Buffer.from(`${commandOf(question)}\0`));
  for (const part of [manifest, ...listings]) {
    hasher.update(Buffer.from(`${part.length}\0`));
    hasher.update(part);
  }
  return hasher.digest().slice(0, 32);
}
