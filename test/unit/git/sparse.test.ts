import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sparseMatcher } from "../../../src/git/sparse.ts";

/** Paths that patterns of these letters tell apart in every way. */
const FILES = ["a", "b.x", "c*", "a/a", "a/b.x", "a/b/a", "a/b/b.x", "a/b/c/a", "b/a", "b/b.x", "b/a/a", "b/a/b/c", "b/a/b/a.x", "c/[a]/b", "c/d e/a", "-/a", "d/A/1", "d/z"];
let repo: string;
const git = (...args: string[]): string => execFileSync("git", args, { cwd: repo, stdio: ["ignore", "pipe", "ignore"], env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" } }).toString();

beforeAll(() => {
  repo = mkdtempSync(join(tmpdir(), "ballast-sparse-"));
  git("init", "-q");
  for (const file of FILES) {
    // A name must not be a file and a directory: files get an ending.
    mkdirSync(join(repo, dirname(file) === "." ? "" : dirname(dirPath(file))), { recursive: true });
    writeFileSync(join(repo, dirPath(file)), "");
  }
  git("add", "-A");
});
afterAll(() => rmSync(repo, { recursive: true, force: true }));

/** The file's path, with directories that cannot collide with files. */
function dirPath(file: string): string {
  const parts = file.split("/");
  return [...parts.slice(0, -1).map((part) => `${part}d`), parts.at(-1)!].join("/");
}

/** What Git takes, told from the skip-worktree bits. */
function taken(): Set<string> {
  const lines = git("ls-files", "-t", "-z").split("\0").filter(Boolean);
  return new Set(lines.filter((line) => line.startsWith("H ")).map((line) => line.slice(2)));
}

function expectSame(patterns: string): void {
  const matches = sparseMatcher(patterns);
  const ours = FILES.map(dirPath).filter(matches).sort();
  expect(ours, patterns).toEqual([...taken()].sort());
}

describe("the rules of sparse-checkout", () => {
  it("are those of Git for any patterns", { timeout: 60_000 }, () => {
    let compared = 0;
    const component = fc.constantFrom("a", "ad", "bd", "b.x", "*", "**", "?", "?d", "*.x", "[ab]d", "[!a]*", "[^bd]d", "[[:alpha:]]d", "\\[a\\]d", "d ed", "dd", "[a-c]", "Ad", "[-c]d", "-d", "c\\*");
    const pattern = fc
      .tuple(fc.constantFrom("", "!"), fc.constantFrom("", "/"), fc.array(component, { minLength: 1, maxLength: 3 }), fc.constantFrom("", "/"))
      .map(([negated, anchor, parts, end]) => `${negated}${anchor}${parts.join("/")}${end}`);
    fc.assert(
      fc.property(fc.array(pattern, { minLength: 1, maxLength: 5 }), (patterns) => {
        const text = `${patterns.join("\n")}\n`;
        mkdirSync(join(repo, ".git/info"), { recursive: true });
        git("config", "core.sparseCheckout", "true");
        git("config", "core.sparseCheckoutCone", "false");
        writeFileSync(join(repo, ".git/info/sparse-checkout"), text);
        try {
          git("sparse-checkout", "reapply");
        } catch {
          // Git refuses to leave an empty worktree before 2.27; nothing to compare.
          return;
        }
        expectSame(text);
        compared++;
      }),
      { numRuns: 150 },
    );
    expect(compared).toBeGreaterThan(100);
  });

  it("are those of Git in cone mode", () => {
    for (const directories of [["ad"], ["ad/bd"], ["ad/bd", "bd"], ["bd/ad/bd", "ad/bd/cd"], [], ["cd/[a]d"], ["dd/Ad", "cd/d ed"]]) {
      git("sparse-checkout", "set", "--skip-checks", "--cone", ...directories);
      expectSame(execFileSync("cat", [join(repo, ".git/info/sparse-checkout")]).toString());
    }
  });
});
