import { environment, type Environment } from "../config/environment.ts";
import { loadSettings } from "../config/load.ts";
import type { Context } from "../context.ts";
import { fromSystemError, isBallastError } from "../errors.ts";
import type { Report } from "../events.ts";
import { bringOwnFiles } from "../git/own-files.ts";
import { requireOwnWorktree } from "../git/own-worktree.ts";
import { openRepository, sharedState, type Repository } from "../git/repository.ts";
import { watchInterrupts } from "./interrupt.ts";
import { exitStatus, renderError } from "./render-error.ts";
import { createReporter, type Wishes } from "./report/create.ts";
import { runLog } from "./report/log.ts";
import { styleFor } from "./style.ts";

/** One run of the program: where it reports to, what interrupts it, and the context that its command is given. */
export interface Session {
  readonly env: Environment;
  /** Settings of the command line, by key. */
  readonly flags: Readonly<Record<string, string>>;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** The repository around the current directory, with its settings. @throws NOT_A_REPOSITORY, CONFIG_INVALID, USAGE */
  context(repository?: Repository): Promise<Context>;
  /** Where the log of this run goes, if it gets one, when no context is made. */
  logIn(directory: () => string | undefined): void;
}

export interface SessionOptions extends Wishes {
  /** The verb, for the log. */
  readonly title: string;
  readonly flags?: Readonly<Record<string, string>>;
  /** Warns of entries in the committed configuration that were passed over; hooks leave that to commands. */
  readonly warnings: boolean;
}

/**
 * Does some work within a session and renders what it throws.
 * @param work returns the exit status
 */
export async function withSession(options: SessionOptions, work: (session: Session) => Promise<number>): Promise<number> {
  const env = environment();
  const reporter = createReporter(options, process.stderr, env);
  const interrupts = watchInterrupts(process);
  let logs: () => string | undefined = () => undefined;
  const log = runLog(() => logs(), `git ballast ${options.title}`, () => new Date());
  let moved = false;
  let current: Context | undefined;
  const report: Report = (event) => {
    if (event.kind === "file" && (event.op === "upload" || event.op === "download")) moved = true;
    log.report(event);
    reporter.report(event);
  };
  const session: Session = {
    env,
    flags: options.flags ?? {},
    report,
    signal: interrupts.signal,
    async context(known) {
      const repository = known ?? (await openRepository(process.cwd()));
      if (known === undefined) await requireOwnWorktree(repository);
      logs = () => sharedState(repository, "logs");
      await bringOwnFiles(repository);
      const { settings, warnings } = await loadSettings(repository, { flags: session.flags, env });
      if (options.warnings) for (const message of warnings) report({ kind: "warning", message });
      return (current = { repository, cwd: process.cwd(), settings, report, signal: interrupts.signal });
    },
    logIn(directory) {
      logs = directory;
    },
  };
  try {
    const status = await work(session);
    if (moved && current) await tidyAfter(current, env);
    log.close(`ended with status ${status}`);
    return status;
  } catch (thrown) {
    const error = wasInterrupted(thrown, interrupts.signal) ? interrupts.signal.reason : fromSystemError(thrown, whatFailed(thrown));
    reporter.close();
    process.stderr.write(renderError(error, { verbose: options.verbose, json: options.progress === "json", style: styleFor(process.stderr, env) }));
    log.close(error instanceof Error ? `failed: ${error.message}` : "failed");
    return exitStatus(error);
  } finally {
    reporter.close();
    interrupts.release();
  }
}

async function tidyAfter(context: Context, env: Environment): Promise<void> {
  if (context.settings.cache.limitBytes === undefined) return;
  const { isPrunedAfter, pruneAfter } = await import("./prune-after.ts");
  if (isPrunedAfter(context)) pruneAfter(context, env, Date.now());
}

/** After an abort, whatever comes up is its consequence, unless it is a finding of its own. */
function wasInterrupted(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (!isBallastError(error) || isBallastError(error, "INTERRUPTED", "GIT_FAILED"));
}

/** A full or read-only disk can meet any write, also those that no module expects to fail. */
function whatFailed(error: unknown): string {
  const { syscall = "write", path } = error as NodeJS.ErrnoException;
  return `cannot ${syscall}${path === undefined ? "" : ` ${path}`}`;
}
