import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { clone, type CloneOptions, type CloneResult } from "../commands/clone.ts";
import { init, type InitResult } from "../commands/init.ts";
import { keepStoreFlags } from "../config/change.ts";
import { loadSettings } from "../config/load.ts";
import { checkPin, readPin, writePin } from "../config/pin.ts";
import { parseStoreUrl } from "../config/store-url.ts";
import { writeCommitted } from "../config/write-committed.ts";
import { directoryOf } from "../git/clone-arguments.ts";
import { openRepository, sharedState } from "../git/repository.ts";
import type { Session } from "./session.ts";

/** `init`, for a store as the user wrote it. This clone remembers what the command line said and may not be committed. */
export async function initHere(session: Session, { words }: { words: readonly [string, string?] | undefined }): Promise<InitResult> {
  const { report, signal, flags, env } = session;
  const cwd = process.cwd();
  const repository = await openRepository(cwd);
  session.logIn(() => sharedState(repository, "logs"));
  // A store that came with a commit is not trusted for running init again.
  if ((await readPin(repository)) !== undefined) await checkPin(repository, (await loadSettings(repository, { env: {} })).settings);
  const store = words && parseStoreUrl(words, cwd);
  const result = await init({ cwd, store, report, signal, env, flags });
  const committed = await keepStoreFlags(repository, flags, { all: false });
  if (writeCommitted(repository, committed)) await writePin(repository);
  return result;
}

/** `clone` with settings put together. The clone remembers what the command line said about the store. */
export async function cloneHere(session: Session, options: CloneOptions): Promise<CloneResult> {
  const { report, signal, flags, env } = session;
  const cwd = process.cwd();
  const directory = options.directory ?? directoryOf(options.url);
  const top = directory === undefined ? undefined : resolve(cwd, directory);
  const before = top !== undefined && existsSync(top);
  const gitDir = (): string | undefined => (top !== undefined && existsSync(join(top, ".git", "HEAD")) ? join(top, ".git") : undefined);
  session.logIn(() => {
    const found = gitDir();
    return found && join(found, "ballast", "logs");
  });
  try {
    return await clone({ cwd, report, signal, sources: { flags, env } }, options);
  } finally {
    // Also when assets are missing: the checkout that finishes the work needs the same settings.
    if (!before && gitDir() !== undefined) await keepStoreFlags(await openRepository(top!), flags, { all: true });
  }
}
