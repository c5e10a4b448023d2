import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { environment } from "../../config/environment.ts";
import type { Context } from "../../context.ts";
import { BallastError, fromSystemError, isBallastError } from "../../errors.ts";
import { content, PktReader, texts, writeAll } from "../../git/pkt-line.ts";
import { isOwnWorktree } from "../../git/own-worktree.ts";
import { openRepository, worktreeState, type Repository } from "../../git/repository.ts";
import { manifestBytesAt } from "../../manifest/versions.ts";
import { oidOf, type Oid } from "../../object/oid.ts";
import { collectGarbage } from "../../util/collect-garbage.ts";
import { SetAside } from "../../util/set-aside.ts";
import { writeAtomically } from "../../util/write-atomically.ts";
import { keepEdits } from "../../worktree/keep-edits.ts";
import { lookLive, recordLive } from "../../worktree/live.ts";
import { isIndexLocked, isStamped, manifestFile } from "../../worktree/stamp.ts";

/**
 * Git's clean filter for the manifest, as a long-running process (gitattributes, "Long Running Filter Process"): Git
 * hands over the manifest file and takes back what is on disk. Whoever merely looks gets an answer that may be
 * provisional; for whoever records (holds the index lock), contents are stored first.
 */
export async function run(makeContext: (repository: Repository) => Promise<Context>): Promise<number> {
  const reader = new PktReader(0);
  const reply = (bytes: Buffer): void => writeAll(1, bytes);
  const hello = reader.texts();
  if (hello?.[0] !== "git-filter-client") return 1;
  reply(texts("git-filter-server", "version=2"));
  if (!reader.texts()) return 1;
  const filter = new Filter(makeContext);
  // Git keeps this process until it is done, and may start others meanwhile, which need memory too.
  collectGarbage((await filter.begin()) / LINE_BYTES);
  reply(texts("capability=clean"));
  for (;;) {
    const request = reader.texts();
    if (request === undefined) return 0;
    const asked = await answer(filter, request.includes("command=clean"), reader, reply);
    collectGarbage(asked / LINE_BYTES);
  }
}

/** @returns the bytes that were asked about: by then, nothing refers to them any more */
async function answer(filter: Filter, isClean: boolean, reader: PktReader, reply: (bytes: Buffer) => void): Promise<number> {
  const input = reader.content();
  const output = isClean ? await filter.clean(input) : input;
  if (output === undefined) reply(texts("status=error"));
  else {
    reply(texts("status=success"));
    for (const packet of content(output)) reply(packet);
    reply(Buffer.from("0000"));
  }
  return input.length;
}

/** About what a line of the manifest takes. */
const LINE_BYTES = 120;

class Filter {
  readonly #makeContext: (repository: Repository) => Promise<Context>;
  #last: { input: Oid; answer: SetAside } | undefined;
  #hooksSeen = false;

  constructor(makeContext: (repository: Repository) => Promise<Context>) {
    this.#makeContext = makeContext;
  }

  /**
   * Git waits until this is done. Where it has already taken the manifest file away, as `reset --hard` and `checkout -f` do,
   * it is about to write files, and will ask no more.
   * @returns the bytes of the manifest that was read for it
   */
  async begin(): Promise<number> {
    const repository = await openRepository(process.cwd());
    if (!isRecording(repository) || existsSync(manifestFile(repository)) || !(await isOwnWorktree(repository))) return 0;
    const staged = await manifestBytesAt(repository, ":");
    if (staged) await keep(await this.#makeContext(repository), staged);
    return staged?.length ?? 0;
  }

  /** What Git shall see for this manifest; undefined when that cannot be told. One Git command asks several times. */
  async clean(input: Buffer): Promise<Buffer | undefined> {
    const repository = await openRepository(process.cwd());
    const recording = isRecording(repository);
    await this.#mendHooks(repository);
    // Not the file that Ballast settled: Git is in the middle of something, or asks about another version.
    if (!isStamped(repository) || !readFileSync(manifestFile(repository)).equals(input) || !(await isOwnWorktree(repository))) return input;
    const asked = oidOf(input);
    if (this.#last?.input === asked) return this.#last.answer.read();
    const context = await this.#makeContext(repository);
    if (!recording && isMoving()) await keep(context);
    try {
      const answer = recording ? await recordLive(context, { follows: !environment()["GIT_INDEX_FILE"] }) : await lookLive(context);
      this.#last?.answer.close();
      this.#last = { input: asked, answer: new SetAside(answer, worktreeState(repository, "tmp")) };
      return answer;
    } catch (thrown) {
      const error = fromSystemError(thrown, "cannot record");
      if (!(error instanceof BallastError)) throw error;
      context.report({ kind: "warning", message: error.message, ...(error.hint ? { hint: error.hint } : {}) });
      noteFailure(repository, error);
      return undefined;
    }
  }

  /** Git asks here although its hooks may no longer be ours: tools that own hooks write them anew when they are installed. */
  async #mendHooks(repository: Repository): Promise<void> {
    if (this.#hooksSeen) return;
    this.#hooksSeen = true;
    try {
      const { mendHooks } = await import("../../git/hooks.ts");
      const lost = await mendHooks(repository);
      if (lost.length === 0) return;
      const { report } = await this.#makeContext(repository);
      report({ kind: "warning", message: `another program has replaced hooks; Ballast is in them again: ${lost.join(", ")}`, hint: "git ballast push --all, if anything was pushed meanwhile" });
    } catch {
      // A directory that cannot be written: doctor tells of it.
    }
  }
}

/** Keeps what Git may overwrite; where that fails, Git goes on. */
async function keep(context: Context, staged?: Buffer): Promise<void> {
  try {
    await keepEdits(context, staged);
  } catch (thrown) {
    const error = fromSystemError(thrown, "cannot keep edits");
    if (!isBallastError(error)) throw error;
    context.report({ kind: "warning", message: error.message, ...(error.hint ? { hint: error.hint } : {}) });
  }
}

/** Has pre-commit record what could not be told now. */
function noteFailure(repository: Repository, { message }: BallastError): void {
  try {
    writeAtomically(worktreeState(repository, "failed"), `${message}\n`);
  } catch (error) {
    // On a full disk Git cannot write its commit either.
    if (!isBallastError(error, "DISK_FULL", "FILE_DENIED")) throw error;
  }
}

/** A merge says what it is about to do, also before it holds the lock; a fast-forward asks the filter only then. */
function isMoving(): boolean {
  const { BALLAST_SETTLING, GIT_REFLOG_ACTION } = environment();
  return !BALLAST_SETTLING && GIT_REFLOG_ACTION !== undefined;
}

/** Git holds the index lock while it records (`add`, `commit -a`, `stash`) and not while it looks. */
function isRecording(repository: Repository): boolean {
  const { BALLAST_SETTLING, GIT_INDEX_FILE } = environment();
  if (BALLAST_SETTLING) return false;
  return isIndexLocked(repository, GIT_INDEX_FILE && resolve(repository.top, GIT_INDEX_FILE));
}
