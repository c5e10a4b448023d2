import { beforeAll, expect, test } from "vitest";
import { tracking } from "../../../src/worktree/tracking.ts";
import { untrack } from "../../../src/worktree/untrack.ts";
import { sandbox, type Sandbox } from "../../support/sandbox.ts";

const FILES = ["a.psd", "b.psd", "art/a.psd", "art/raw/x.bin", "tex/a.png", "tex/b.png", "tex/sub/a.png", "tex/sub/deep/c.png", "lib/tex/d.png", "build1/o", "buildfile"];
let box: Sandbox;

beforeAll(async () => {
  box = await sandbox({ ballast: false });
  await box.git(".", "init", "-q", "repo");
  for (const file of FILES) await box.write(`repo/${file}`, "x");
});

/** What Git itself makes of the patterns. */
async function ignored(patterns: readonly string[]): Promise<string[]> {
  await box.write("repo/.gitignore", patterns.map((line) => `${line}\n`).join(""));
  const { stdout } = await box.run("repo", "git", ["check-ignore", "--stdin"], { input: FILES.join("\n") });
  return stdout.split("\n").filter(Boolean).sort();
}

const matched = (patterns: readonly string[]): string[] => FILES.filter(tracking(patterns).matches).sort();

test.each([
  ["the pattern itself", ["*.psd", "/tex/"], ["*.psd"], ["/tex/"]],
  ["a file's own line", ["/a.psd", "/b.psd"], ["/a.psd"], ["/b.psd"]],
  ["lines within a removed directory", ["/art/a.psd", "/art/raw/", "/tex/"], ["/art/"], ["/tex/"]],
  ["a file that a glob matches", ["*.psd"], ["/art/a.psd"], ["*.psd", "!/art/a.psd"]],
  ["a directory in which a glob matches", ["*.psd"], ["/art/"], ["*.psd", "!/art/**"]],
  ["a file in a tracked directory", ["/tex/"], ["/tex/a.png"], ["/tex/**", "!/tex/**/", "!/tex/a.png"]],
  ["a file two directories down", ["/tex/"], ["/tex/sub/a.png"], ["/tex/**", "!/tex/**/", "!/tex/sub/a.png"]],
  ["a directory in a tracked directory", ["/tex/"], ["/tex/sub/"], ["/tex/**", "!/tex/**/", "!/tex/sub/**"]],
  ["a glob in a tracked directory", ["/tex/"], ["/tex/**/a.*"], ["/tex/**", "!/tex/**/", "!/tex/**/a.*"]],
  ["a file of a directory named anywhere", ["tex/"], ["/tex/a.png"], ["**/tex/**", "!**/tex/**/", "!/tex/a.png"]],
  ["a file in a directory that a glob takes", ["build*"], ["/build1/o"], ["build*", "!build*/", "**/build*/**", "!**/build*/**/", "!/build1/o"]],
  ["a file, when everything is tracked", ["/**"], ["/tex/sub/a.png"], ["/**", "!/**/", "!/tex/sub/a.png"]],
  ["everything", ["*.psd", "/tex/", "!/tex/a.png"], ["/**"], []],
])("takes out %s", async (_, patterns, removals, expected) => {
  const named = tracking(removals).matches;
  const tracked = FILES.filter(tracking(patterns).matches);
  const [gone, kept] = [tracked.filter(named), tracked.filter((path) => !named(path))];
  const after = untrack(patterns, removals, gone, kept);
  expect(after).toEqual(expected);
  expect(matched(after)).toEqual(kept.sort());
  expect(await ignored(after)).toEqual(kept.sort());
});

test("removes one file after the other, and in the end the directory with its exclusions", () => {
  const first = untrack(["/tex/"], ["/tex/a.png"], ["tex/a.png"], ["tex/b.png"]);
  const second = untrack(first, ["/tex/b.png"], ["tex/b.png"], ["tex/sub/a.png"]);
  expect(second).toEqual(["/tex/**", "!/tex/**/", "!/tex/a.png", "!/tex/b.png"]);
  expect(untrack(second, ["/tex/"], ["tex/sub/a.png"], [])).toEqual([]);
});

test("removing a path a second time does not track it again", () => {
  const once = untrack(["*.psd"], ["/a.psd"], ["a.psd"], ["b.psd"]);
  expect(untrack(once, ["/a.psd"], [], ["b.psd"])).toEqual(once);
});

test("a name with characters that mean something in a pattern is excluded as it is", async () => {
  const removal = "/tex/\\[a\\]*".replace("*", "\\*");
  const after = untrack(["/tex/"], [removal], ["tex/[a]*"], ["tex/a.png"]);
  expect(after.at(-1)).toBe(`!${removal}`);
  expect(tracking(after).matches("tex/[a]*")).toBe(false);
});
