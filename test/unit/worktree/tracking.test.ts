import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRepository, type Repository } from "../../../src/git/repository.ts";
import { listTracked, patternFor, readTracking, selector, tracking, writePatterns } from "../../../src/worktree/tracking.ts";

let top: string;
let repository: Repository;
beforeEach(async () => {
  top = realpathSync(mkdtempSync(join(tmpdir(), "ballast-tracking-")));
  execFileSync("git", ["init", "-q", top]);
  repository = await openRepository(top);
});
afterEach(() => rmSync(top, { recursive: true }));

const FILES = [
  "a.psd", "A.PSD", "art/a.psd", "art/deep/b.psd", "art/notes.txt", "textures/t1", "textures/deep/t2", "other/textures/t3",
  "we ird.bin", "we[ird].bin", "we*ird.bin", "qu?estion.bin", "back\\slash.bin", "#hash.bin", "!bang.bin", "-dash.bin", "trail ", "🎨.png", "line\nfeed.bin", "linexfeed.bin",
];

function makeFiles(): void {
  for (const path of FILES) {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    writeFileSync(join(top, path), path);
  }
}

describe("tracked patterns", () => {
  it("stand in a marked block and leave the user's lines alone", () => {
    writeFileSync(join(top, ".gitignore"), "*.log\nbuild/");
    writePatterns(repository, ["*.psd", "/textures/"]);
    writePatterns(repository, ["*.psd", "/textures/", "/🎨.png"]);
    const text = readFileSync(join(top, ".gitignore"), "utf8");
    expect(text).toMatch(/^\*\.log\nbuild\/\n# >>> ballast.*\n\*\.psd\n\/textures\/\n\/🎨\.png\n# <<< ballast\n$/);
    expect(readTracking(repository).patterns).toEqual(["*.psd", "/textures/", "/🎨.png"]);
  });

  it.each([
    [["*.psd"]], [["/textures/"]], [["textures/"]], [["/art/**/*.psd"]], [["art/*"]], [["*.bin", "!/we ird.bin"]], [["*", "!*.txt"]], [["/art/", "*.png"]], [["[ab].psd"]], [["deep"]],
  ])("%j match exactly what Git's own matcher matches", async (patterns) => {
    makeFiles();
    const byGit = await listTracked(repository, patterns);
    const { matches } = tracking(patterns);
    expect(FILES.filter(matches).sort()).toEqual(byGit.sort());
  });

  it.each(FILES)("the pattern for the file %j matches it, by Git and by us", async (path) => {
    makeFiles();
    const pattern = patternFor(repository, top, path);
    const lookalikes = path === "line\nfeed.bin" ? ["linexfeed.bin"] : [];
    expect((await listTracked(repository, [pattern])).sort()).toEqual([path, ...lookalikes].sort());
    expect(FILES.filter(tracking([pattern]).matches).sort()).toEqual([path, ...lookalikes].sort());
  });

  it("are meant from where the user stands", () => {
    makeFiles();
    expect(patternFor(repository, top, "*.psd")).toBe("*.psd");
    expect(patternFor(repository, join(top, "art"), "*.psd")).toBe("/art/**/*.psd");
    expect(patternFor(repository, join(top, "art"), "deep/*.psd")).toBe("/art/deep/*.psd");
    expect(patternFor(repository, join(top, "art"), "deep")).toBe("/art/deep/");
    expect(patternFor(repository, join(top, "art"), "../textures")).toBe("/textures/");
    expect(patternFor(repository, top, "art/new.psd")).toBe("/art/new.psd");
    expect(() => patternFor(repository, top, "../outside")).toThrow(/outside the worktree/);
  });

  it("select assets by file, directory or glob", () => {
    makeFiles();
    expect(FILES.filter(selector(repository, top, ["art", "*.png"]))).toEqual(["art/a.psd", "art/deep/b.psd", "art/notes.txt", "🎨.png"]);
    expect(FILES.filter(selector(repository, top, []))).toEqual(FILES);
  });

  it("refuse a name that is not UTF-8, naming it", async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${top}/bad-`), Buffer.from([0xff]), Buffer.from(".psd")]), "x");
    await expect(listTracked(repository, ["*.psd"])).rejects.toMatchObject({ code: "NOT_UTF8", message: expect.stringContaining("bad-") });
  });
});
