import { beforeAll, describe, expect, it } from "vitest";
import type { Difference } from "../../src/commands/diff.ts";
import type { LogEntry } from "../../src/commands/log.ts";
import { asset, project, type Project } from "../support/project.ts";
import { sha256 } from "../support/sandbox.ts";

/*
 * Looking at history: diff, log, show and checkout --from, each against what plain Git says of the same repository.
 */
const [A1, A2, A3, B1] = [asset("a1"), asset("a2"), asset("a3"), asset("b1")];

describe("one asset that was edited, renamed, edited on a branch and removed", () => {
  let p: Project;
  const commits: Record<string, string> = {};
  beforeAll(async () => {
    p = await project();
    const { box, commit } = p;
    commits["one"] = await commit({ "art/a.bin": A1, "b.bin": B1, "code.txt": "x" }, "one");
    commits["two"] = await commit({ "art/a.bin": A2 }, "two | with \u00e9");
    await box.run("repo", "git", ["mv", "code.txt", "code2.txt"]);
    await box.run("repo", "mv", ["art/a.bin", "art/hero.bin"]);
    commits["renamed"] = await commit({}, "renamed");
    await box.git("repo", "push", "-q", "-u", "origin", "main");
    await box.git("repo", "switch", "-q", "-c", "side", commits["two"]);
    await box.settled("repo");
    commits["side"] = await commit({ "side.bin": asset("s") }, "side");
    await box.git("repo", "switch", "-q", "main");
    await box.settled("repo");
    commits["three"] = await commit({ "art/hero.bin": A3 }, "three");
    await box.git("repo", "merge", "-q", "--no-edit", "side");
    await box.settled("repo");
  });

  const log = async (...args: string[]): Promise<LogEntry[]> => JSON.parse(await p.box.mustBallast("repo", "log", "--json", ...args)) as LogEntry[];
  const diff = async (...args: string[]): Promise<Difference[]> => JSON.parse(await p.box.mustBallast("repo", "diff", "--json", ...args)) as Difference[];

  it("log lists every version along the rename, and what the remote has of them", async () => {
    const entries = await log("art/hero.bin");
    expect(entries.map(({ commit, kind, path, from, oid, remote, local }) => [commit, kind, path, from, oid, local, remote])).toEqual([
      [commits["three"], "modified", "art/hero.bin", undefined, sha256(A3), true, false],
      [commits["renamed"], "renamed", "art/hero.bin", "art/a.bin", sha256(A2), true, true],
      [commits["two"], "modified", "art/a.bin", undefined, sha256(A2), true, true],
      [commits["one"], "added", "art/a.bin", undefined, sha256(A1), true, true],
    ]);
    expect(entries[0]).toMatchObject({ author: "A. Author", email: "author@example.com", subject: "three", sizeBytes: A3.length, stored: { encoding: "raw", where: "local" } });
    expect(entries[0]!.date).toBe(await p.box.git("repo", "log", "-1", "--format=%aI", commits["three"]!));
  });

  it("log tells without the network what a bucket has: what a remote-tracking branch has", async () => {
    const entries = await log("art/hero.bin", "--set", "store.url=s3://no-such-bucket/prefix");
    expect(entries.map(({ local, remote }) => [local, remote])).toEqual([[true, false], [true, true], [true, true], [true, true]]);
  });

  it("log takes paths from where the user stands, a number of versions and other revisions", async () => {
    expect((await p.box.mustBallast("repo/art", "log", "-n", "1", "hero.bin")).split("\n")).toHaveLength(1);
    expect(await p.box.mustBallast("repo", "log", "--", "art/hero.bin")).toBe(await p.box.mustBallast("repo", "log", "art/hero.bin"));
    expect((await p.box.ballast("repo", "log", "HEAD", "--", "art/hero.bin")).stderr).toContain("log takes one asset, not 2");
    expect((await log("art/a.bin", "--revision", "side")).map(({ commit }) => commit)).toEqual([commits["two"], commits["one"]]);
    expect((await log("art/a.bin")).map(({ kind, commit }) => [kind, commit])).toEqual([["removed", commits["renamed"]], ["modified", commits["two"]], ["added", commits["one"]]]);
  });

  it("log says what is wrong with a path that has no history", async () => {
    const { status, stderr } = await p.box.ballast("repo", "log", "art");
    expect([status, stderr]).toEqual([2, expect.stringContaining("art is a directory")]);
    expect((await p.box.ballast("repo", "log", "no.bin")).stderr).toContain("no commit of HEAD has an asset no.bin");
    expect((await p.box.ballast("repo", "log", "b.bin", "--revision", "nope")).stderr).toContain("no such branch, tag or commit: nope");
    expect((await p.box.ballast("repo", "log", "../x.bin")).status).toBe(2);
  });

  it("diff compares revisions as git diff does", async () => {
    const found = await diff(commits["one"]!, "HEAD");
    expect(found.map(({ kind, path, old, new: now }) => [kind, path, old?.oid, now?.oid])).toEqual([
      ["removed", "art/a.bin", sha256(A1), undefined],
      ["added", "art/hero.bin", undefined, sha256(A3)],
      ["added", "side.bin", undefined, sha256(asset("s"))],
    ]);
    expect(await diff(`${commits["two"]}..${commits["renamed"]}`)).toEqual([expect.objectContaining({ kind: "renamed", from: "art/a.bin", path: "art/hero.bin" })]);
    expect(await diff(`${commits["three"]}...side`, "--", "*.bin")).toEqual([expect.objectContaining({ kind: "added", path: "side.bin" })]);
    expect(await diff(commits["one"]!, "HEAD", "--", "art/hero.bin")).toHaveLength(1);
    const { status, stdout } = await p.box.ballast("repo", "diff", "--exit-code", "--name-only", "side", "main");
    expect([status, stdout]).toEqual([1, "art/a.bin\nart/hero.bin\n"]);
    expect((await p.box.ballast("repo", "diff", "--exit-code", "HEAD", "HEAD")).status).toBe(0);
    expect((await p.box.ballast("repo", "diff", "nope", "--", "x")).stderr).toContain("no such branch, tag or commit: nope");
    expect((await p.box.ballast("repo", "diff", "HEAD", "HEAD~1", "HEAD~2")).status).toBe(2);
  });

  it("show takes the revisions and paths of git show", async () => {
    const { box } = p;
    const shown = async (cwd: string, what: string): Promise<string> => {
      const { stdout } = await box.run(cwd, "sh", ["-c", 'git ballast show "$1" | base64', "-", what]);
      return sha256(Buffer.from(stdout, "base64"));
    };
    expect(await shown("repo", "HEAD:art/hero.bin")).toBe(sha256(A3));
    expect(await shown("repo/art", "HEAD:./hero.bin")).toBe(sha256(A3));
    expect(await shown("repo/art", `${commits["one"]}:../b.bin`)).toBe(sha256(B1));
    expect(await shown("repo", ":art/hero.bin")).toBe(sha256(A3));
    expect(await shown("repo", "HEAD^{/with}:art/a.bin")).toBe(sha256(A2));
    const fails = async (cwd: string, what: string): Promise<string> => {
      const { status, stderr, stdout } = await box.ballast(cwd, "show", what);
      expect([status, stdout]).toEqual([2, ""]);
      return stderr;
    };
    expect(await fails("repo", "nope:b.bin")).toContain("no such branch, tag or commit: nope");
    expect(await fails("repo", "HEAD:art")).toContain("art is a directory in HEAD");
    expect(await fails("repo/art", "HEAD:hero.bin")).toContain("git ballast show HEAD:./hero.bin");
    expect(await fails("repo", "HEAD:code2.txt")).toContain("git show HEAD:code2.txt");
    expect(await fails("repo", ":2:b.bin")).toContain("no merge is unfinished");
    expect(await fails("repo", "b.bin")).toContain("neither an object id nor");
  });
});

it("a change of the executable bit alone is told as such", async () => {
  const { box, commit } = await project();
  await commit({ "a.bin": A1 });
  await box.run("repo", "chmod", ["+x", "a.bin"]);
  expect(await box.mustBallast("repo", "diff")).toMatch(/^mode .*now executable$/);
  await commit({});
  const [entry] = JSON.parse(await box.mustBallast("repo", "log", "--json", "a.bin")) as LogEntry[];
  expect([entry?.kind, entry?.exec]).toEqual(["mode", true]);
});

describe("checkout --from", () => {
  it("brings a version back as an edit that plain Git commits", async () => {
    const { box, commit } = await project();
    const one = await commit({ "a.bin": A1, "b.bin": B1 });
    await commit({ "a.bin": A2 });
    await box.mustBallast("repo", "checkout", "--from", one, "a.bin", "b.bin");
    expect(await box.read("repo/a.bin")).toEqual(A1);
    expect(await box.git("repo", "status", "--short")).toBe(" M .ballast/manifest.jsonl");
    expect(JSON.parse(await box.mustBallast("repo", "diff", "--json"))).toMatchObject([{ kind: "modified", path: "a.bin", old: { oid: sha256(A2) }, new: { oid: sha256(A1) } }]);
    await box.git("repo", "commit", "-q", "-am", "back");
    expect(await box.git("repo", "show", "HEAD:.ballast/manifest.jsonl")).toContain(sha256(A1));
    expect(await box.git("repo", "status", "--short")).toBe("");
  });

  it("never replaces an edit without --force, and keeps what it replaces", async () => {
    const { box, commit } = await project();
    const one = await commit({ "a.bin": A1 });
    await commit({ "a.bin": A2 });
    await box.write("repo/a.bin", "only here");
    const { stdout } = await box.ballast("repo", "checkout", "--from", one, "a.bin");
    expect(stdout).toContain("modified a.bin, left alone");
    expect((await box.read("repo/a.bin")).toString()).toBe("only here");
    const forced = await box.mustBallast("repo", "checkout", "--force", "--from", one, "a.bin");
    expect(forced).toContain(`git ballast show ${sha256("only here")}`);
    expect(await box.mustBallast("repo", "show", sha256("only here"))).toBe("only here");
    expect(await box.read("repo/a.bin")).toEqual(A1);
    expect(await box.git("repo", "status", "--short")).toBe(" M .ballast/manifest.jsonl");
  });

  it("brings a removed asset back as a new one", async () => {
    const { box, commit } = await project();
    const one = await commit({ "a.bin": A1 });
    await box.run("repo", "rm", ["a.bin"]);
    await commit({});
    await box.mustBallast("repo", "checkout", "--from", one, "a.bin");
    expect(await box.read("repo/a.bin")).toEqual(A1);
    expect(await box.mustBallast("repo", "status", "--porcelain")).toContain(" A a.bin");
    expect((await box.ballast("repo", "checkout", "--from", "HEAD", "no.bin")).status).toBe(2);
    expect((await box.ballast("repo", "checkout", "--from", "HEAD")).status).toBe(2);
  });
});
