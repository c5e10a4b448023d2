import { existsSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import type { Environment } from "../config/environment.ts";
import { loadSettings } from "../config/load.ts";
import { storeOfOtherBranches, writePin } from "../config/pin.ts";
import { readCommitted } from "../config/read-committed.ts";
import { EMBEDDED, parseStoreUrl } from "../config/store-url.ts";
import { writeCommitted, type CommittedChanges } from "../config/write-committed.ts";
import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import type { Report } from "../events.ts";
import { blindness } from "../git/attributes.ts";
import { CONFIG_PATH, openRepository, type Repository } from "../git/repository.ts";
import { requireGit } from "../git/version.ts";
import { embeddedDirectory, makeStore, openStore } from "../store/open.ts";
import type { Store } from "../store/port.ts";
import { bufferSource } from "../object/source.ts";
import { manifestFile } from "../worktree/stamp.ts";
import { readTracking, writeAttributes, writePatterns } from "../worktree/tracking.ts";
import { writeManifestFile } from "../worktree/session.ts";
import { installBeside } from "./install.ts";

export interface InitResult {
  readonly store: string;
  readonly top: string;
  /** Files that are new or changed and belong into the next commit. */
  readonly created: string[];
  readonly hooks: string[];
  /** Whether the repository was initialised before. */
  readonly already: boolean;
  readonly notes: string[];
}

export interface InitInput {
  readonly cwd: string;
  /** As the user wrote it; absent: what is committed, else a store inside the Git directory. */
  readonly store?: string | readonly [bucket: string, prefix: string] | undefined;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly env: Environment;
  readonly flags: Readonly<Record<string, string>>;
}

/**
 * Makes a repository use a store: checks that the store can be written, read and listed, then writes the committed
 * files, pins the store and installs the hooks. Doing it again changes only what differs.
 * @throws NOT_A_REPOSITORY, USAGE, GIT_FAILED for a Git that is too old, and what the store throws; nothing is written to
 *   the worktree then
 */
export async function init({ cwd, store: wanted, report, signal, env, flags }: InitInput): Promise<InitResult> {
  const repository = await openRepository(cwd);
  await requireGit(repository);
  const already = existsSync(join(repository.top, CONFIG_PATH));
  const { settings } = await loadSettings(repository, { env, flags });
  const url = wanted === undefined ? (settings.storeUrl ?? EMBEDDED) : parseStoreUrl(typeof wanted === "string" ? wanted : [...wanted], cwd);
  if (wanted !== undefined && settings.storeUrl !== undefined && settings.storeUrl !== url) {
    throw new BallastError("USAGE", `this repository uses the store ${settings.storeUrl} already`, {
      hint: `git ballast store set ${url} moves everything there`,
    });
  }
  const places = { commonDir: repository.commonDir, embeddedDir: await embeddedDirectory(repository) };
  const store = await openStore(url, settings, report, places);
  try {
    await makeStore(store, signal);
    await probe(store, signal);
  } finally {
    store.close();
  }
  const context: Context = { repository, cwd, settings: { ...settings, storeUrl: url }, report, signal };
  const created = writeFiles(repository);
  if ((await blindness(repository)) && writeAttributes(repository, { last: true }) && !created.includes(".gitattributes")) created.push(".gitattributes");
  const elsewhere = await storeOfOtherBranches(repository, readCommitted(repository));
  if (writeCommitted(repository, { ...Object.fromEntries(elsewhere), ...identityFrom(url, flags) })) created.unshift(CONFIG_PATH);
  await writePin(repository);
  const hooks = await installBeside(context);
  const notes = url === EMBEDDED ? ["the assets are kept in this Git directory only; to share them: git ballast store set s3://bucket/prefix"] : [];
  return { store: url, top: repository.top, created, hooks: hooks.map(({ name }) => name), already, notes };
}

/** What the whole team needs to find the store: its URL and what was given on the command line to reach it. */
function identityFrom(url: string, flags: InitInput["flags"]): CommittedChanges {
  const given = Object.entries(flags).filter(([key]) => isIdentityKey(key));
  return { ...Object.fromEntries(given), "store.url": url };
}

function isIdentityKey(key: string): boolean {
  return key === "store.region" || key === "store.endpoint" || key === "store.pathStyle";
}

/** Writes, lists, reads and removes one small object. @throws what the store throws, and STORE_DENIED */
async function probe(store: Store, signal: AbortSignal): Promise<void> {
  const content = randomBytes(32);
  const key = `probe/${content.toString("hex", 0, 8)}`;
  await store.write(key, bufferSource(content), signal);
  try {
    const keys: string[] = [];
    for await (const entry of store.list(key, signal)) keys.push(entry.key);
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.read(key, undefined, signal)) chunks.push(chunk);
    if (!keys.includes(key) || !Buffer.concat(chunks).equals(content)) {
      throw new BallastError("STORE_DENIED", `${store.url} does not give back what was written to it`, { hint: "git ballast doctor" });
    }
  } finally {
    await store.remove(key, signal);
  }
}

function writeFiles(repository: Repository): string[] {
  const created: string[] = [];
  if (!existsSync(manifestFile(repository))) {
    writeManifestFile(repository, []);
    created.push(".ballast/manifest.jsonl");
  }
  if (writeAttributes(repository)) created.push(".gitattributes");
  const ignore = join(repository.top, ".gitignore");
  const had = existsSync(ignore);
  writePatterns(repository, readTracking(repository).patterns);
  if (!had) created.push(".gitignore");
  return created;
}
