import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, readdir, readlink, rm, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { parseManifest } from "../../src/manifest/manifest.ts";
import { random, sandbox, sha256, type Result, type Sandbox } from "../support/sandbox.ts";

/* Names and kinds of files that break tools, and where one may stand when running Ballast. */
let box: Sandbox;
beforeAll(async () => {
  box = await sandbox();
});

let count = 0;
/** A repository with a store and a bare upstream; returns its name. */
async function repository(): Promise<string> {
  const name = `repo${count++}`;
  await box.git(".", "init", "-q", "--bare", `${name}.git`);
  await box.git(".", "init", "-q", name);
  await box.git(name, "remote", "add", "origin", box.path(`${name}.git`));
  await box.mustBallast(name, "init", box.path(`${name}.store`));
  return name;
}

async function commit(repo: string, message = "change"): Promise<void> {
  await box.git(repo, "add", "-A");
  await box.git(repo, "commit", "-qm", message);
}

/** Pushes and clones; returns the clone's name. */
async function cloned(repo: string): Promise<string> {
  await box.git(repo, "push", "-q", "origin", "HEAD");
  const clone = `${repo}-clone${count++}`;
  await box.mustBallast(".", "clone", "-q", `${repo}.git`, clone);
  return clone;
}

function expectRefused({ status, stderr }: Result, wanted: number, ...words: string[]): void {
  expect(status, stderr).toBe(wanted);
  const lines = stderr.trimEnd().split("\n");
  expect(lines.filter((line) => line.startsWith("ballast: ")), stderr).toHaveLength(1);
  expect(lines.length, stderr).toBeLessThanOrEqual(2);
  for (const word of words) expect(lines[0]).toContain(word);
}

const NAMES = [
  "plain.bin",
  "with space.bin",
  " leading and trailing ",
  "it's \"quoted\".bin",
  "line\nfeed.bin",
  "tab\tand \u0001 control.bin",
  "-rf",
  "--help",
  "emoji 🎈 \u{1f469}\u200d\u{1f680}.bin",
  "ünïcödé.bin",
  "u\u0308.bin",
  "#hash.bin",
  "!bang.bin",
  "[bracket].bin",
  "star*.bin",
  "question?.bin",
  "back\\slash.bin",
  "$(touch evil).bin",
  "%41.bin",
  "a:b.bin",
  ":(glob)x.bin",
  "~tilde.bin",
  "trailing.",
  "n".repeat(255),
  `${"é".repeat(127)}e`,
  "deep/er/than/that/x.bin",
];

describe("names", () => {
  it("of every kind go through track, commit, push, clone and edit, tracked by their directory", async () => {
    const repo = await repository();
    for (const name of NAMES) await box.write(`${repo}/art/${name}`, `content of ${name}`);
    await box.mustBallast(repo, "track", "art");
    await commit(repo);
    expect(await box.git(repo, "ls-files", "art")).toBe("");
    const clone = await cloned(repo);
    for (const name of NAMES) expect((await box.read(`${clone}/art/${name}`)).toString(), name).toBe(`content of ${name}`);
    for (const name of NAMES) await box.write(`${clone}/art/${name}`, `edited ${name}`);
    await box.git(clone, "commit", "-qam", "edit");
    await box.git(clone, "push", "-q");
    await box.git(repo, "pull", "-q", "origin", "main");
    for (const name of NAMES) expect((await box.read(`${repo}/art/${name}`)).toString(), name).toBe(`edited ${name}`);
    expect(await box.git(repo, "status", "--porcelain")).toBe("");
    const listed = JSON.parse(await box.mustBallast(repo, "ls", "--json")) as unknown;
    for (const name of NAMES) expect(JSON.stringify(listed)).toContain(JSON.stringify(`art/${name}`).slice(1, -1));
  });

  it("stand for just that file when they are tracked one by one", async () => {
    const repo = await repository();
    for (const name of NAMES) await box.write(`${repo}/${name}`, `content of ${name}`);
    await box.write(`${repo}/starlet.bin`, "not tracked");
    await box.write(`${repo}/b.bin`, "not tracked");
    await box.mustBallast(repo, "track", "--", ...NAMES.filter((name) => !name.includes("\n")));
    await commit(repo);
    const manifest = parseManifest(`${await box.git(repo, "show", "HEAD:.ballast/manifest.jsonl")}\n`, "HEAD");
    expect([...manifest.keys()].sort()).toEqual(NAMES.filter((name) => !name.includes("\n")).sort());
    expect(await box.git(repo, "ls-files", "starlet.bin", "b.bin")).toBe("b.bin\nstarlet.bin");
  });

  it("of Git's own files are not hidden from Git by a pattern for everything", async () => {
    const repo = await repository();
    await box.write(`${repo}/x.bin`, "x");
    const before = await box.read(`${repo}/.gitignore`);
    expectRefused(await box.ballast(repo, "track", "."), 2, "what other rules hide");
    for (const everything of [".", "*", "**", ".git*"]) expectRefused(await box.ballast(repo, "track", everything), 2, ".gitignore");
    expect(await box.read(`${repo}/.gitignore`)).toEqual(before);
  });

  it("that are not UTF-8 are refused with a line that shows them, and nothing is recorded", async () => {
    const repo = await repository();
    await mkdir(box.path(repo, "art"));
    execFileSync("sh", ["-c", `printf x > "$(printf 'art/bad\\377name')"`], { cwd: box.path(repo) });
    await box.write(`${repo}/art/good.bin`, "good");
    const result = await box.ballast(repo, "track", "art");
    expectRefused(result, 4, "art/bad", "UTF-8");
    expect(parseManifest(await readFile(box.path(repo, ".ballast/manifest.jsonl")), "manifest").size).toBe(0);
    execFileSync("sh", ["-c", `rm "$(printf 'art/bad\\377name')"`], { cwd: box.path(repo) });
    await box.mustBallast(repo, "track", "art");
  });
});

describe("what is no regular file", () => {
  it("is refused by track when it is named, and left to Git or alone when it is below a directory", async () => {
    const repo = await repository();
    await box.write(`${repo}/art/real.bin`, "real");
    await symlink("real.bin", box.path(repo, "art/link.bin"));
    await symlink("/etc/passwd", box.path(repo, "art/outside.bin"));
    execFileSync("mkfifo", [box.path(repo, "art/fifo.bin")]);
    expectRefused(await box.ballast(repo, "track", "art/link.bin"), 4, "art/link.bin", "symbolic link");
    expectRefused(await box.ballast(repo, "track", "art/fifo.bin"), 4, "art/fifo.bin");
    const { status, stderr } = await box.ballast(repo, "track", "art");
    expect([0, 4], stderr).toContain(status);
    const manifest = parseManifest(await readFile(box.path(repo, ".ballast/manifest.jsonl")), "manifest");
    for (const path of manifest.keys()) expect(path).toBe("art/real.bin");
    expect(await box.objects(`${repo}/.git/ballast`)).not.toContain(sha256(await readFile("/etc/passwd")));
  });

  it("in an asset's place is reported, never recorded as a deletion, and never replaced", async () => {
    const repo = await repository();
    const kinds: Record<string, (file: string) => Promise<unknown>> = {
      "link.bin": (file) => symlink("/etc/passwd", file),
      "dir.bin": (file) => mkdir(join(file, "inner"), { recursive: true }).then(() => symlink("x", join(file, "inner/x"))),
      "fifo.bin": async (file) => execFileSync("mkfifo", [file]),
    };
    for (const name of Object.keys(kinds)) await box.write(`${repo}/art/${name}`, `old ${name}`);
    await box.mustBallast(repo, "track", "art");
    await commit(repo);
    for (const name of Object.keys(kinds)) await box.write(`${repo}/art/${name}`, `new ${name}`);
    await commit(repo, "two");
    const before = await box.git(repo, "show", "HEAD:.ballast/manifest.jsonl");
    for (const [name, make] of Object.entries(kinds)) {
      await rm(box.path(repo, "art", name));
      await make(box.path(repo, "art", name));
    }
    const { stdout } = await box.ballast(repo, "status");
    for (const name of Object.keys(kinds)) expect(stdout).toContain(`art/${name}`);
    const said = await box.tryGit(repo, "commit", "-qam", "three", "--allow-empty");
    expect(said.stderr.match(/stays as it was recorded: something that is no regular file stands in its place/g)).toHaveLength(1);
    expect(await box.git(repo, "show", "HEAD:.ballast/manifest.jsonl")).toBe(before);
    // Neither does a move to another version, nor force, clear them away.
    await box.tryGit(repo, "switch", "-q", "--detach", "HEAD~2");
    for (const args of [["checkout"], ["checkout", "--force"], ["checkout", "--all"]]) {
      const { status, stderr } = await box.ballast(repo, ...args);
      expect(status, stderr).toBe(4);
      for (const name of Object.keys(kinds)) expect(stderr).toContain(`art/${name}`);
    }
    expect(await readlink(box.path(repo, "art/dir.bin/inner/x"))).toBe("x");
    expect((await readdir(box.path(repo, "art"), { withFileTypes: true })).map((entry) => [entry.name, entry.isSymbolicLink(), entry.isFIFO()])).toEqual([
      ["dir.bin", false, false],
      ["fifo.bin", false, true],
      ["link.bin", true, false],
    ]);
    // Out of the way again, the assets come back.
    for (const name of Object.keys(kinds)) await rm(box.path(repo, "art", name), { recursive: true });
    await box.mustBallast(repo, "checkout", "--all");
    for (const name of Object.keys(kinds)) expect((await box.read(`${repo}/art/${name}`)).toString()).toBe(`old ${name}`);
  });
});

it("the executable bit goes through push, clone and switch, and a chmod alone is a change", async () => {
  const repo = await repository();
  const mode = async (path: string): Promise<number> => (await stat(box.path(path))).mode & 0o111;
  await box.write(`${repo}/art/tool`, "#!/bin/sh\n");
  await box.write(`${repo}/art/data`, "#!/bin/sh\n");
  await chmod(box.path(repo, "art/tool"), 0o755);
  await box.mustBallast(repo, "track", "art");
  await commit(repo);
  const clone = await cloned(repo);
  expect(await mode(`${clone}/art/tool`)).not.toBe(0);
  expect(await mode(`${clone}/art/data`)).toBe(0);
  await chmod(box.path(clone, "art/tool"), 0o644);
  expect(await box.git(clone, "status", "--porcelain")).toBe(" M .ballast/manifest.jsonl");
  await box.git(clone, "switch", "-qc", "other");
  await box.git(clone, "commit", "-qam", "no longer executable");
  expect(await box.git(clone, "status", "--porcelain")).toBe("");
  await box.git(clone, "switch", "-q", "main");
  expect(await mode(`${clone}/art/tool`)).not.toBe(0);
  await box.git(clone, "switch", "-q", "other");
  expect(await mode(`${clone}/art/tool`)).toBe(0);
  expect(await box.objects(`${repo}.store`)).toHaveLength(1);
});

it("an empty file goes the whole way", async () => {
  const repo = await repository();
  await box.write(`${repo}/art/empty`, "");
  await box.mustBallast(repo, "track", "art");
  await commit(repo);
  const clone = await cloned(repo);
  expect(await box.read(`${clone}/art/empty`)).toHaveLength(0);
  expect(await box.git(clone, "status", "--porcelain")).toBe("");
});

/** Writes the whole file again and again, now with one letter and now with another, for as long as it lives. */
const WRITER = `
const fs = require("node:fs");
const fd = fs.openSync(process.argv[1], "r+");
const size = Number(process.argv[2]);
process.stdout.write("ready");
for (let i = 0; ; i++) fs.writeSync(fd, Buffer.alloc(size, 97 + (i % 26)), 0, size, 0);
`;

describe("a file that changes while it is read", () => {
  for (const sizeBytes of [300_000, 9_000_000]) {
    it(`of ${sizeBytes} bytes is caught or recorded whole; no object ever has a name that is not its own`, async () => {
      const repo = await repository();
      const file = `${repo}/art/busy.bin`;
      await box.write(file, random(sizeBytes, "busy"));
      const writer = spawn(process.execPath, ["-e", WRITER, box.path(file), String(sizeBytes)], { stdio: ["ignore", "pipe", "inherit"] });
      try {
        await once(writer.stdout!, "data");
        for (let i = 0; i < 3; i++) {
          const result = await box.ballast(repo, "track", "art");
          if (result.status !== 0) expectRefused(result, 5, "art/busy.bin");
          // Git's own way to record it ends well, or says why not; it never takes something in between.
          await box.git(repo, "add", "-A").catch(() => "");
          await box.tryGit(repo, "commit", "-qm", "busy");
        }
      } finally {
        writer.kill("SIGKILL");
        await once(writer, "close");
      }
      for (const name of await box.objects(`${repo}/.git/ballast`)) {
        const bytes = await box.read(`${repo}/.git/ballast/objects/${name.slice(0, 2)}/${name}`);
        expect(sha256(name.endsWith(".gz") ? gunzipSync(bytes) : bytes)).toBe(name.slice(0, 64));
      }
      const quiet = await box.read(file);
      await box.mustBallast(repo, "track", "art");
      await box.tryGit(repo, "add", "-A");
      await box.tryGit(repo, "commit", "-qm", "quiet");
      const manifest = parseManifest(`${await box.git(repo, "show", "HEAD:.ballast/manifest.jsonl")}\n`, "HEAD");
      expect(manifest.get("art/busy.bin")?.oid).toBe(sha256(quiet));
    });
  }
});

describe("where it is run", () => {
  it("from a subdirectory, arguments are relative to it", async () => {
    const repo = await repository();
    await box.write(`${repo}/a/b/x.bin`, "x");
    await box.write(`${repo}/a/y.bin`, "y");
    await box.write(`${repo}/top.bin`, "top");
    await box.mustBallast(`${repo}/a/b`, "track", "x.bin", "../y.bin");
    await box.git(`${repo}/a/b`, "add", "-A", ":/");
    await box.git(`${repo}/a/b`, "commit", "-qm", "from below");
    const manifest = parseManifest(`${await box.git(repo, "show", "HEAD:.ballast/manifest.jsonl")}\n`, "HEAD");
    expect([...manifest.keys()]).toEqual(["a/b/x.bin", "a/y.bin"]);
    await box.write(`${repo}/a/b/x.bin`, "edited");
    await box.git(`${repo}/a/b`, "commit", "-qam", "edit from below");
    await box.git(`${repo}/a/b`, "push", "-q", "origin", "HEAD");
    await rm(box.path(repo, "a/b/x.bin"));
    await rm(box.path(repo, "a/y.bin"));
    await box.mustBallast(`${repo}/a/b`, "checkout", "x.bin");
    expect((await box.read(`${repo}/a/b/x.bin`)).toString()).toBe("edited");
    expect(await box.exists(`${repo}/a/y.bin`)).toBe(false);
    expect(await box.mustBallast(`${repo}/a/b`, "ls")).toContain("x.bin");
    expectRefused(await box.ballast(`${repo}/a`, "track", "../../elsewhere"), 2, "../../elsewhere");
  });

  it("outside of a repository, in a bare one, and in one without Ballast: one line and status 3", async () => {
    await mkdir(box.path("nowhere"));
    await box.git(".", "init", "-q", "--bare", "bare.git");
    for (const args of [["status"], ["track", "x"], ["push"], ["checkout"], ["ls"], ["init"]]) {
      expectRefused(await box.ballast("nowhere", ...args), 3, "not inside a Git repository");
      expectRefused(await box.ballast("bare.git", ...args), 3, "no worktree here");
    }
    await box.git(".", "init", "-q", "plain");
    expectRefused(await box.ballast("plain", "checkout"), 3);
  });
});
