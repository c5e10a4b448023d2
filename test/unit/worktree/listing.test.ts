import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { openRepository } from "../../../src/git/repository.ts";
import { everyListed, list, listingQuestions, type Listed } from "../../../src/worktree/listing.ts";
import { sandbox } from "../../support/sandbox.ts";

const NAMES = ["a", "b", "x.psd", "y.psd", ".h.psd", "a b", "é", "-n", "psd"];
const name = fc.constantFrom(...NAMES);
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const last = fc.constantFrom(...NAMES, "*.psd", "*", "x*", "*.p*d");
const pattern = fc.oneof(
  path.map((words) => `/${words}`),
  path.map((words) => `/${words}/`),
  last,
  last.map((word) => `${word}/`),
  fc.tuple(path, last).map(([words, word]) => `/${words}/${word}`),
  fc.tuple(path, last).map(([words, word]) => `${words}/${word}`),
  fc.tuple(path, last).map(([words, word]) => `/${words}/**/${word}`),
  last.map((word) => `**/${word}`),
  fc.tuple(fc.constantFrom("", "/", "**/"), fc.oneof(path, last)).map(([start, words]) => `${start}${words}/**`),
);

it("no file that Git finds by tracked patterns is missing from the listing", async () => {
  const box = await sandbox({ ballast: false });
  const top = box.path("repo");
  await box.git(".", "init", "--quiet", "repo");
  const files = fc.array(fc.tuple(path, fc.boolean()), { minLength: 1, maxLength: 12 });
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(files, fc.array(pattern, { minLength: 1, maxLength: 3 }), async (tree, patterns) => {
      for (const entry of execFileSync("ls", ["-A"], { cwd: top, encoding: "utf8" }).split("\n")) if (entry !== "" && entry !== ".git") rmSync(join(top, entry), { recursive: true });
      for (const [file, link] of tree) tryToMake(join(top, file), link);
      const isThere = (path: string): boolean => existsSync(join(top, path));
      const questions = listingQuestions(patterns, ["./.gitignore"], isThere);
      if (questions === undefined) return;
      writeFileSync(join(top, ".gitignore"), "");
      const found = execFileSync("git", ["ls-files", "--others", "--ignored", "-z", ...patterns.map((one) => `--exclude=${one}`)], { cwd: top, encoding: "utf8" }).split("\0").slice(0, -1);
      const listings = (await list(questions, await openRepository(top)))!;
      const listed = linesOf(listings[0]!)!.map((line) => line.path);
      expect(new Set(listed).size).toBe(listed.length);
      expect(listed).toEqual(expect.arrayContaining(found.map((file) => `./${file}`)));
      compared += found.length;
    }),
    { numRuns: 120 },
  );
  expect(compared).toBeGreaterThan(50);
});

it("two listings have what one has, each file once, wherever the second begins", async () => {
  const box = await sandbox({ ballast: false });
  const top = box.path("repo");
  await box.git(".", "init", "--quiet", "repo");
  const repository = await openRepository(top);
  writeFileSync(join(top, ".gitignore"), "");
  const paths = ["a", "b/a", "b/b/x.psd", "b/c", "b/é", "c*/[a]", "c*/x.psd", "d/a b", "d/~a", "x.psd", "x/x/x.psd", "b/.git/x.psd"];
  for (const file of paths) tryToMake(join(top, file), false);
  const stem = fc.tuple(fc.constantFrom(...paths), fc.nat(8)).map(([file, length]) => file.slice(0, length));
  let apart = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(pattern, { minLength: 1, maxLength: 3 }), stem, fc.constantFrom(..."0ABabcdx"), async (patterns, stem, from) => {
      const isThere = (path: string): boolean => existsSync(join(top, path));
      const beside = ["./.gitignore", join(top, ".git/config")];
      const one = listingQuestions(patterns, beside, isThere);
      const two = listingQuestions(patterns, beside, isThere, { stem, from });
      // No asset is in such a place.
      if (one === undefined || stem.startsWith(".") || stem.includes(".git")) return;
      const listings = await list(two!, repository);
      // Where the directory of the second is none, all is looked at.
      if (listings === undefined) return;
      const [all, parts] = [(await list(one, repository))!, listings].map((buffers) => buffers.flatMap((buffer) => linesOf(buffer)!.map((line) => line.path)));
      expect(parts!.toSorted()).toEqual(all!.toSorted());
      for (const { path } of linesOf(listings[1]!)!) expect(path.startsWith(`./${stem}`) && path[stem.length + 2]! >= from).toBe(true);
      apart += linesOf(listings[1]!)!.length;
    }),
    { numRuns: 150 },
  );
  expect(apart).toBeGreaterThan(20);
});

it("what other words would be needed for has no listing", () => {
  for (const patterns of [[], ["!a"], ["/a/", "!/a/b"], ["[ab].psd"], ["a?"], ["\\*"], ["/**"], ["**"], ["**/**"], ["/a*/b/**"], ["a//**"], ["/a/**/b/**/c"], ["a\\ "], ["#a"], ["!"], ["*/b/c"], ["../a"], ["/a/../b"]]) {
    expect(listingQuestions(patterns, [], () => true), patterns.join(" ")).toBeUndefined();
  }
});

it("walks no more of the worktree than the directories that are tracked, where these are there", () => {
  expect(listingQuestions(["/art/", "/sound/raw/"], [], () => true)![0]!.slice(0, 3)).toEqual(["./art", "./sound", "-name"]);
  expect(listingQuestions(["/art/", "/sound/"], [], (path) => path === "art")![0]!.slice(0, 2)).toEqual([".", "-name"]);
  expect(listingQuestions(["/art/", "*.psd"], [], () => true)![0]!.slice(0, 2)).toEqual([".", "-name"]);
});

it("reads what find writes, to the nanosecond, and refuses what is no listing", async () => {
  const box = await sandbox({ ballast: false });
  await box.write("repo/art/a\nb", "content");
  await box.git("repo", "init", "-q");
  const repository = await openRepository(box.path("repo"));
  const lines = linesOf((await list(listingQuestions(["/art/"], [], () => true)!, repository))![0]!)!;
  const { size, mtimeNs, ctimeNs, ino, dev, mode } = statSync(box.path("repo/art/a\nb"), { bigint: true });
  expect(lines).toEqual([{ type: "f", path: "./art/a\nb", stat: { size, mtimeNs, ctimeNs, ino, dev, mode: mode & 0o7777n } }]);
  expect(linesOf(Buffer.from("f 1 2.0000000000 3.0 4 5 644 ./a\0"))).toBeUndefined();
  const line = "f 1 2.0000000000 3.0000000000 4 5 644 ./a";
  expect(linesOf(Buffer.from(`${line}\0${line}\0`))).toHaveLength(2);
  expect(linesOf(Buffer.from(`${line}\0${line}`))).toBeUndefined();
  expect(everyListed(Buffer.from(`${line}\0${line}\0`), () => false)).toBe(false);
  expect(await list([["./nowhere", "-printf", "x"]], repository)).toBeUndefined();
});

/** The lines of a listing; undefined when one is not as it should be. */
function linesOf(bytes: Buffer): Listed[] | undefined {
  const lines: Listed[] = [];
  return everyListed(bytes, (line) => lines.push(line) > 0) ? lines : undefined;
}

function tryToMake(file: string, link: boolean): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    if (link) symlinkSync("a", file);
    else writeFileSync(file, "x");
  } catch {
    // Something else is in its way already.
  }
}
