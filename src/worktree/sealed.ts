/*
 * What lies on disk of a seal: see seal.ts.
 *
 *   GITDIR/ballast/sealed/<name>.files      a listing: see listing.ts
 *   GITDIR/ballast/sealed/<name>.manifest   the manifest that the disk has
 *   GITDIR/ballast/seal                     sh, which lists again, compares both, and sets `sealed` when they agree
 *
 * `<name>` is a hash of all three, so that parts of two seals are never taken for one. Whoever writes the index removes
 * `seal`; the two files beside it go on telling what a file had that is listed as it was.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemCode } from "../errors.ts";
import { hookFiles } from "../git/hooks.ts";
import { MANIFEST_PATH, worktreeState, type Repository } from "../git/repository.ts";
import { OidHasher } from "../object/oid.ts";
import { shellQuote } from "../util/package-root.ts";
import { writeAtomically } from "../util/write-atomically.ts";
import { listingArguments } from "./listing.ts";
import type { Worktree } from "./session.ts";

/** What is listed for a seal. */
export interface Listable {
  /** What find is asked. */
  readonly args: readonly string[];
  /** Files that are no assets, as the listing names them. */
  readonly beside: { readonly ignore: string; readonly config: string; readonly index: string; readonly hooks: readonly string[] };
}

/** Undefined where the tracked patterns cannot be listed. */
export async function listable({ repository, tracking }: Pick<Worktree, "repository" | "tracking">): Promise<Listable | undefined> {
  const hooks = (await hookFiles(repository)).filter((file) => lstatSync(file, { throwIfNoEntry: false })?.isFile());
  const beside = { ignore: "./.gitignore", config: join(repository.commonDir, "config"), index: worktreeState(repository, "index"), hooks };
  const args = listingArguments(tracking.patterns, Object.values(beside).flat(), (path) => existsSync(join(repository.top, path)));
  return args && { args, beside };
}

/** A listing, and the manifest that the disk had when it was made. */
export interface Sealed {
  readonly listing: Buffer;
  readonly manifest: Buffer;
}

/** Whether there is anything for {@link readSealed}. */
export function hasSealed(repository: Repository): boolean {
  return existsSync(worktreeState(repository, "sealed"));
}

/** The last seal that was made with these arguments, whether it is broken by now or not; undefined when it is not whole. */
export function readSealed(repository: Repository, args: readonly string[]): Sealed | undefined {
  const directory = worktreeState(repository, "sealed");
  try {
    const [name, ...more] = readdirSync(directory).filter((file) => file.endsWith(".files")).map((file) => file.slice(0, -".files".length));
    if (name === undefined || more.length > 0) return undefined;
    const sealed = { listing: readFileSync(join(directory, `${name}.files`)), manifest: readFileSync(join(directory, `${name}.manifest`)) };
    return nameOf(args, sealed) === name ? sealed : undefined;
  } catch (error) {
    // Whoever seals anew at this moment removes them.
    if (systemCode(error) !== "ENOENT") throw error;
    return undefined;
  }
}

export function writeSealed(repository: Repository, args: readonly string[], sealed: Sealed): void {
  const name = nameOf(args, sealed);
  const directory = worktreeState(repository, "sealed");
  mkdirSync(directory, { recursive: true });
  const [files, text] = [join(directory, `${name}.files`), join(directory, `${name}.manifest`)];
  writeFileSync(files, sealed.listing);
  writeFileSync(text, sealed.manifest);
  // The last word is what counts, so that a file that was cut off by a power failure seals nothing.
  const script = `${commandOf(args)} | cmp -s - ${shellQuote(files)} && cmp -s ${MANIFEST_PATH} ${shellQuote(text)} && sealed=yes\n`;
  writeAtomically(worktreeState(repository, "seal"), script);
  for (const old of readdirSync(directory)) if (!old.startsWith(`${name}.`)) rmSync(join(directory, old), { force: true });
}

function commandOf(args: readonly string[]): string {
  return `LC_ALL=C find ${args.map(shellQuote).join(" ")} 2>/dev/null`;
}

function nameOf(args: readonly string[], { listing, manifest }: Sealed): string {
  const hasher = new OidHasher();
  for (const part of [Buffer.from(`${commandOf(args)}\0`), manifest, Buffer.from("\0"), listing]) hasher.update(part);
  return hasher.digest().slice(0, 32);
}
