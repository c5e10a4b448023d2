import { readFileSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { environment } from "../../config/environment.ts";
import type { Context } from "../../context.ts";
import { BallastError } from "../../errors.ts";
import { content, PktReader, texts, writeAll } from "../../git/pkt-line.ts";
import { openRepository, worktreeState, type Repository } from "../../git/repository.ts";
import { formatManifest, type Provisional } from "../../manifest/manifest.ts";
import { writeAtomically } from "../../util/write-atomically.ts";
import { requestFollow } from "../../worktree/follow.ts";
import { hashContents } from "../../worktree/contents.ts";
import { liveAssets, observe } from "../../worktree/observe.ts";
import { record } from "../../worktree/record.ts";
import { openWorktree } from "../../worktree/session.ts";
import { isIndexLocked, isStamped, manifestFile } from "../../worktree/stamp.ts";
import { UNKNOWN_OID } from "../../worktree/stat-index.ts";
import { isRecordable } from "../../worktree/states.ts";
import { listTracked } from "../../worktree/tracking.ts";

/**
 * Git's clean filter for the manifest, as a long-running process (gitattributes, "Long Running Filter Process"): Git
 * hands over the manifest file and takes back what is on disk. Whoever merely looks gets an answer that may be
 * provisional; for whoever records (holds the index lock), contents are stored first.
 */
export async function run(makeContext: (repository: Repository) => Promise<Context>): Promise<number> {
  const reader = new PktReader(0);
  const reply = (...parts: Buffer[]): void => writeAll(1, Buffer.concat(parts));
  const hello = reader.texts();
  if (hello?.[0] !== "git-filter-client") return 1;
  reply(texts("git-filter-server", "version=2"));
  if (!reader.texts()) return 1;
  reply(texts("capability=clean"));
  const filter = new Filter(makeContext);
  for (;;) {
    const request = reader.texts();
    if (request === undefined) return 0;
    const input = reader.content();
    const answer = request.includes("command=clean") ? await filter.clean(input) : input;
    if (answer === undefined) reply(texts("status=error"));
    else reply(texts("status=success"), content(answer), Buffer.from("0000"));
  }
}

/** Files above this size are not hashed for somebody who merely looks, in bytes. */
const LOOK_LIMIT = 64 * 1024 * 1024;

class Filter {
  readonly #makeContext: (repository: Repository) => Promise<Context>;
  #last: { input: Buffer; answer: Buffer } | undefined;

  constructor(makeContext: (repository: Repository) => Promise<Context>) {
    this.#makeContext = makeContext;
  }

  /** What Git shall see for this manifest; undefined when that cannot be told. One Git command asks several times. */
  async clean(input: Buffer): Promise<Buffer | undefined> {
    if (this.#last?.input.equals(input)) return this.#last.answer;
    const repository = await openRepository(process.cwd());
    // Not the file that Ballast settled: Git is in the middle of something, or asks about another version.
    if (!isStamped(repository) || !readFileSync(manifestFile(repository)).equals(input)) return input;
    const context = await this.#makeContext(repository);
    try {
      const answer = Buffer.from(isRecording(repository) ? await recorded(context) : await looked(context));
      this.#last = { input, answer };
      return answer;
    } catch (error) {
      if (!(error instanceof BallastError)) throw error;
      context.report({ kind: "warning", message: error.message, ...(error.hint ? { hint: error.hint } : {}) });
      writeAtomically(worktreeState(repository, "failed"), `${error.message}\n`);
      return undefined;
    }
  }
}

/** Git holds the index lock while it records (`add`, `commit -a`, `stash`) and not while it looks. */
function isRecording(repository: Repository): boolean {
  const { BALLAST_SETTLING, GIT_INDEX_FILE } = environment();
  if (BALLAST_SETTLING) return false;
  return isIndexLocked(repository, GIT_INDEX_FILE && resolve(repository.top, GIT_INDEX_FILE));
}

async function recorded(context: Context): Promise<string> {
  const worktree = openWorktree(context.repository);
  const { assets, changed } = await record(context, worktree);
  rmSync(worktreeState(context.repository, "failed"), { force: true });
  if (changed) requestFollow(context.repository);
  return formatManifest(assets.values());
}

async function looked(context: Context): Promise<string> {
  const worktree = openWorktree(context.repository);
  const candidates = await listTracked(context.repository, worktree.tracking.patterns);
  const seen = await observe(worktree, { read: hashContents(context), candidates, lookLimitBytes: LOOK_LIMIT });
  const provisional: Provisional[] = [];
  for (const { path, w, provisional: unknown, state, stat } of seen.values()) {
    if (!isRecordable(state)) continue;
    worktree.index.update(path, { told: true });
    if (!unknown || !stat || w === undefined || w === "blocked") continue;
    worktree.index.update(path, { w: { oid: UNKNOWN_OID, exec: w.exec, stat, hashedAtNs: 0n } });
    provisional.push({ path, sizeBytes: Number(stat.size), mtimeNs: stat.mtimeNs });
  }
  await worktree.index.save(0);
  return formatManifest(liveAssets(worktree, seen).values(), provisional);
}
