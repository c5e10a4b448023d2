import { existsSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { commitIds } from "../git/commits.ts";
import { at } from "../git/repository.ts";
import { runGit } from "../git/run.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { manifestAt } from "../manifest/versions.ts";
import { isOid, type Oid } from "../object/oid.ts";
import { readContent } from "../transfer/read-content.ts";

/**
 * The content of `<oid>` or of `<rev>:<path>`, verified chunk by chunk; the last chunk comes only once the whole was
 * found to be right. A path is read as gitrevisions(7) has it: from the top, or with `./` and `../` from where the user
 * stands; `:<path>` is what is staged, and `:2:<path>` and `:3:<path>` our and their side of an unfinished merge.
 * @throws USAGE, OBJECT_MISSING, OBJECT_CORRUPT
 */
export async function* show(context: Context, { what }: { what: string }): AsyncGenerator<Uint8Array> {
  yield* readContent(context, await find(context, what));
}

async function find(context: Context, what: string): Promise<{ oid: Oid; path: string; sizeBytes?: number }> {
  if (isOid(what)) return { oid: what, path: what };
  const { revision, path: written } = split(what);
  const path = fromTop(context, written);
  const manifest = (await manifestAt(context.repository, revision)) ?? (await noManifest(context, revision));
  const asset = manifest.get(path);
  if (!asset) throw await absent(context, { revision, path, manifest });
  return asset;
}

/** A revision may itself hold colons, within braces: `HEAD^{/fix: colours}:art/hero.psd`. */
function split(what: string): { revision: string; path: string } {
  const staged = /^:([0-3]:)?(?!\/)(.*)$/s.exec(what);
  if (staged) return { revision: staged[1] === undefined ? ":" : `:${staged[1].slice(0, 1)}`, path: staged[2]! };
  const named = /^((?:[^:{]|\{[^}]*\})+):(.*)$/s.exec(what);
  if (named) return { revision: named[1]!, path: named[2]! };
  throw new BallastError("USAGE", `${what} is neither an object id nor <revision>:<path>`, { hint: "git ballast show HEAD:art/hero.psd > hero.psd" });
}

function fromTop({ repository, cwd }: Context, path: string): string {
  if (!/^\.\.?(\/|$)/.test(path)) return path;
  const here = relative(repository.top, cwd).split(sep).join("/");
  const place = posix.join(here, path);
  if (place === ".." || place.startsWith("../")) throw new BallastError("USAGE", `${path} is outside the worktree ${repository.top}`);
  return place;
}

/** A revision without a manifest has no assets, if it is one. */
async function noManifest({ repository, signal }: Context, revision: string): Promise<Manifest> {
  if (revision === ":" || revision === ":0") return new Map();
  if (/^:[1-3]$/.test(revision)) throw new BallastError("USAGE", `no merge is unfinished: ${revision} is nothing`, { hint: "git ballast show :<path> is what is staged" });
  const [id] = await commitIds(repository, [revision], signal);
  if (id === undefined) throw new BallastError("USAGE", `no such branch, tag or commit: ${revision}`, { hint: "git branch --all and git tag list them" });
  return new Map();
}

async function absent({ repository, cwd }: Context, { revision, path, manifest }: { revision: string; path: string; manifest: Manifest }): Promise<BallastError> {
  const name = /^:/.test(revision) ? "what is staged" : revision;
  const spec = /^:\d?$/.test(revision) ? revision.replace(/\d$/, "$&:") : `${revision}:`;
  const below = [...manifest.keys()].find((other) => other.startsWith(path === "" ? "" : `${path.replace(/\/$/, "")}/`));
  if (below !== undefined) return new BallastError("USAGE", `${path || "that"} is a directory in ${name}; show writes one asset`, { hint: `git ballast show ${spec}${below}` });
  const here = posix.join(relative(repository.top, cwd).split(sep).join("/"), path);
  if (manifest.has(here)) return new BallastError("USAGE", `${path} is no asset in ${name}, but ${here} is`, { hint: `git ballast show ${spec}./${path}` });
  const { status } = await runGit(["cat-file", "-e", `${spec}${path}`], at(repository, { accept: [1, 128] }));
  if (status === 0) return new BallastError("USAGE", `${path} is no asset in ${name}: Git itself has it`, { hint: `git show ${spec}${path}` });
  const onDisk = existsSync(join(repository.top, path)) ? `${path} is on disk, but no asset in ${name}` : `${path} is no asset in ${name}`;
  return new BallastError("USAGE", onDisk, { hint: "git ballast ls shows the assets of the worktree" });
}
