/*
 * The files that may be assets as find(1) lists them, each with the stat by which a change shows. sh can make such a
 * listing too, in a fraction of the time that Node takes to start: see seal.ts. It may list more than the tracked
 * patterns match and never less; patterns that these words cannot say have no listing.
 *
 *   one file: type SP size SP mtime SP ctime SP inode SP device SP permissions SP path NUL
 *
 * Times are in seconds since 1970 with a fraction of ten digits, as GNU find writes them; permissions are octal. A path
 * of the worktree begins with "./".
 */
import { spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { environment } from "../config/environment.ts";
import { systemCode } from "../errors.ts";
import { worktreeState, type Repository } from "../git/repository.ts";
import type { FileStat } from "../object/stable-file.ts";
import { openUnnamed, readWhole } from "../util/unnamed-file.ts";
import type { Apart } from "./apart.ts";

const FORMAT = "%y %s %T@ %C@ %i %D %m %p\\0";
const LINE = /^(\S) (\d+) (\d+)\.(\d{9})0 (\d+)\.(\d{9})0 (\d+) (\d+) ([0-7]+) ([\s\S]+)$/;

/** A line of a listing. */
export interface Listed {
  /** As find names it: `f` a regular file, `l` a link, and others. */
  readonly type: string;
  readonly path: string;
  /** The mode has permissions only. */
  readonly stat: FileStat;
}

/** What one find is asked. */
export type Question = readonly string[];

/**
 * What find is asked for all files that can match `patterns`; undefined where it cannot be asked.
 * @param beside other files to list: paths that are absolute or begin with `./`
 * @param isThere whether something is at a path below the top
 * @param apart what another find is asked for
 */
export function listingQuestions(patterns: readonly string[], beside: readonly string[], isThere: (path: string) => boolean, apart?: Apart): Question[] | undefined {
  const places = patterns.map(placeOf);
  if (places.length === 0 || places.includes(undefined)) return undefined;
  const tops = new Set(places.map((place) => place!.directories[0] ?? "."));
  // find fails where a starting point is missing, and lists a file twice that stands below two of them.
  const roots = [...tops].every((top) => top !== "." && isThere(top)) ? [...tops].map((top) => `./${top}`) : ["."];
  const others = beside.filter((path) => roots[0] !== "." || !path.startsWith("./"));
  // Each file is asked one question after the other: what most of them are comes first.
  const assets = places.flatMap((place) => ["-o", "(", ...place!.test, "!", "-type", "d", ")"]).slice(1);
  const rest = beside.flatMap((path) => ["-o", "-path", literal(path)]);
  const first = (leave: Question): Question => [...roots, ...others, ...leave, "-name", ".git", "-prune", "-o", "(", ...assets, ...rest, ")", "-printf", FORMAT];
  if (apart === undefined) return [first([])];
  const glob = `./${literal(apart.stem)}[${apart.from}-~]*`;
  const directory = `./${apart.stem}`.slice(0, `./${apart.stem}`.lastIndexOf("/"));
  const second = [directory, "-mindepth", "1", "!", "-path", glob, "-prune", "-o", "-name", ".git", "-prune", "-o", "(", ...assets, ")", "-printf", FORMAT];
  return [first(["-path", glob, "-prune", "-o"]), second];
}

/** Without characters that mean something in a glob. */
function literal(path: string): string {
  return path.replace(/[\\*?[]/g, "\\$&");
}

/** Lists as some questions say, all at once, or returns undefined when find cannot: one listing for each. */
export async function list(questions: readonly Question[], repository: Repository): Promise<Buffer[] | undefined> {
  const listings = await Promise.all(questions.map((question) => listOne(question, repository)));
  return listings.every((listing) => listing !== undefined) ? listings : undefined;
}

/** What find says goes through a file: through a pipe it comes in thousands of pieces. */
async function listOne(question: Question, repository: Repository): Promise<Buffer | undefined> {
  let fd: number | undefined;
  try {
    fd = openUnnamed(worktreeState(repository, "tmp"));
    const child = spawn("find", question, { cwd: repository.top, env: { ...environment(), LC_ALL: "C" }, stdio: ["ignore", fd, "ignore"] });
    const status = await new Promise((resolve) => void child.on("error", resolve).on("close", resolve));
    return status === 0 ? readWhole(fd) : undefined;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/**
 * Whether each line of a listing is as described above and passes; nothing is kept of the lines, for there may be a million.
 * @param passes is called for one line after the other, until one does not
 */
export function everyListed(bytes: Buffer, passes: (line: Listed) => boolean): boolean {
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    const line = end < 0 ? undefined : parseLine(bytes.toString("utf8", start, end));
    if (line === undefined || !passes(line)) return false;
    start = end + 1;
  }
  return true;
}

/** A line without the NUL that ends it; undefined for what is none, or not in UTF-8. */
export function readListed(line: Buffer): Listed | undefined {
  const text = line.toString("utf8");
  return text.includes("\ufffd") && !Buffer.from(text).equals(line) ? undefined : parseLine(text);
}

/** A listing with another line for one of its regular files; as it is when it has none of that path. */
export function withListed(listing: Buffer, path: string, stat: FileStat): Buffer {
  const words = Buffer.from(` ${path}\0`);
  const end = listing.indexOf(words) + words.length;
  if (end < words.length) return listing;
  const start = listing.lastIndexOf(0, end - 2) + 1;
  const time = (ns: bigint): string => `${ns / 1_000_000_000n}.${String(ns % 1_000_000_000n).padStart(9, "0")}0`;
  const line = `f ${stat.size} ${time(stat.mtimeNs)} ${time(stat.ctimeNs)} ${stat.ino} ${stat.dev} ${(stat.mode & 0o7777n).toString(8)} ${path}\0`;
  return Buffer.concat([listing.subarray(0, start), Buffer.from(line), listing.subarray(end)]);
}

function parseLine(text: string): Listed | undefined {
  const [, type, size, mtime, mtimeNs, ctime, ctimeNs, ino, dev, mode, path] = LINE.exec(text) ?? [];
  if (path === undefined) return undefined;
  const times = { mtimeNs: BigInt(mtime! + mtimeNs!), ctimeNs: BigInt(ctime! + ctimeNs!) };
  return { type: type!, path, stat: { size: BigInt(size!), ...times, ino: BigInt(ino!), dev: BigInt(dev!), mode: BigInt(`0o${mode!}`) } };
}

/** Where the files of one pattern are: below which directories, and what tells them there. */
interface Place {
  readonly directories: readonly string[];
  readonly test: readonly string[];
}

/** A name in which nothing but `*` is special to Git, to find or to a shell's globs. */
const NAME = /^[^\\*?[\]/\u0000-\u001f\u007f]*[^\\*?[\]/\u0000-\u001f\u007f\s]$/;

function placeOf(pattern: string): Place | undefined {
  if (/^[!#]/.test(pattern)) return undefined;
  // All that is in a directory: "/a/**" is "/a/", and "a/**" has a slash within, so it stands at the top too.
  const inside = /^\/?([^/].*)\/\*\*$/.exec(pattern)?.[1];
  const names = (inside === undefined ? pattern.replace(/\/$/, "") : `/${inside}`).split("/");
  const last = names.pop()!;
  if (!NAME.test(last.replaceAll("*", "x")) || last.includes("**")) return undefined;
  const glob = last.includes("*");
  const anywhere = names.length === 0 || names.at(-1) === "**";
  if (names.at(-1) === "**") names.pop();
  if (names[0] === "") names.shift();
  if (!names.every((name) => NAME.test(name) && !/^\.{1,2}$/.test(name)) || /^\.{1,2}$/.test(last)) return undefined;
  const below = names.length === 0 ? "." : `./${names.join("/")}`;
  // A pattern that matches a directory takes all that is in it.
  if (!glob && !anywhere) return { directories: [...names, last], test: ["(", "-path", `${below}/${last}/*`, "-o", "-path", `${below}/${last}`, ")"] };
  return { directories: names, test: ["-path", `${below}/*`, "(", "-name", last, "-o", "-path", `*/${last}/*`, ")"] };
}
