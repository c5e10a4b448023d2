import { rename, rm } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { assetsOf, expectClean, manifestOf, type Contents } from "../support/assets.ts";
import { project } from "../support/project.ts";
import { sha256, type Sandbox } from "../support/sandbox.ts";

/*
 * Ways to say less than everything, or something else, to Git: paths, sources, modes and options of its everyday commands.
 * All run in one repository; each test begins at the third commit with nothing changed.
 */
const FIRST: Contents = { "a.bin": "a1", "b.bin": "b1" };
const SECOND: Contents = { "a.bin": "a2", "b.bin": "b1", "c.bin": "c1" };
const THIRD: Contents = { "a.bin": "a3", "c.bin": "c1" };
const MODIFIED = " M .ballast/manifest.jsonl";
const STAGED = "M  .ballast/manifest.jsonl";

let box: Sandbox;
let third: string;
const git = (...args: string[]): Promise<string> => box.git("repo", ...args);
const status = (): Promise<string> => git("status", "--porcelain");
const edit = (path: string, content: string): Promise<void> => box.write(`repo/${path}`, content);
const oids = (contents: Contents): Contents => Object.fromEntries(Object.entries(contents).map(([path, content]) => [path, sha256(content)]));

beforeAll(async () => {
  const made = await project();
  box = made.box;
  await made.commit({ ...FIRST, "code.txt": "1\n" }, "1");
  await made.commit({ ...SECOND, "code.txt": "2\n" }, "2");
  await rm(box.path("repo/b.bin"));
  third = await made.commit({ ...THIRD, "code.txt": "3\n" }, "3");
});

async function afresh(): Promise<void> {
  await git("switch", "-q", "-f", "main");
  await git("reset", "-q", "--hard", third);
  await expectClean(box, "repo", THIRD);
}

describe("the manifest of another version", () => {
  it.each([
    ["checkout HEAD~1 -- .ballast", ["checkout", "-q", "HEAD~1", "--", ".ballast"], STAGED],
    ["restore --source", ["restore", "--source", "HEAD~1", ".ballast"], MODIFIED],
    ["restore --source --staged --worktree", ["restore", "--source", "HEAD~1", "--staged", "--worktree", ".ballast"], STAGED],
  ])("brought by %s brings its assets, and a commit takes them", async (_how, command, said) => {
    await afresh();
    await git(...command);
    // The next command or hook at the latest.
    expect(await status()).toBe(said);
    await box.mustBallast("repo", "checkout");
    expect(await assetsOf(box, "repo")).toEqual(SECOND);
    await git("commit", "-q", "-a", "-m", "back");
    await expectClean(box, "repo", SECOND);
  });

  it("thrown away by checkout -- .ballast, or restored from the index, takes the edits with it, and tells how to get them back", async () => {
    await afresh();
    await edit("a.bin", "an edit");
    expect(await status()).toBe(MODIFIED);
    await git("checkout", "-q", "--", ".ballast");
    await box.git("repo", "commit", "-q", "--allow-empty", "-m", "next");
    await expectClean(box, "repo", THIRD);
    expect(await box.mustBallast("repo", "show", sha256("an edit"))).toBe("an edit");
  });
});

describe("what Git does not know by name", () => {
  it("git mv, git commit and git add of an asset are refused and change nothing; mv and git commit -a do it", async () => {
    await afresh();
    await edit("a.bin", "a4");
    for (const command of [["mv", "a.bin", "z.bin"], ["commit", "-m", "a", "a.bin"], ["add", "a.bin"], ["rm", "a.bin"]]) expect((await box.tryGit("repo", ...command)).status).not.toBe(0);
    expect(await assetsOf(box, "repo")).toEqual({ ...THIRD, "a.bin": "a4" });
    await rename(box.path("repo/a.bin"), box.path("repo/z.bin"));
    await git("commit", "-q", "-a", "-m", "moved");
    await expectClean(box, "repo", { "c.bin": "c1", "z.bin": "a4" });
  });

  it("git mv of a directory moves the assets in it, and git rm of one leaves them", async () => {
    await afresh();
    await edit("dir/d.bin", "d1");
    await edit("dir/text.txt", "text");
    await git("add", "--all");
    await git("commit", "-q", "-m", "dir");
    await git("mv", "dir", "moved");
    await git("commit", "-q", "-a", "-m", "moved");
    await expectClean(box, "repo", { ...THIRD, "moved/d.bin": "d1" });
    await git("rm", "-q", "-r", "moved");
    await git("commit", "-q", "-m", "text goes");
    await expectClean(box, "repo", { ...THIRD, "moved/d.bin": "d1" });
  });
});

describe("git commit", () => {
  it("of paths takes the assets only when .ballast is among them", async () => {
    await afresh();
    await edit("a.bin", "a4");
    await edit("code.txt", "4\n");
    await git("commit", "-q", "-m", "code", "code.txt");
    expect(await manifestOf(box, "repo")).toEqual(oids(THIRD));
    expect(await status()).toBe(MODIFIED);
    await git("commit", "-q", "-m", "assets", ".ballast");
    await expectClean(box, "repo", { ...THIRD, "a.bin": "a4" });
  });

  it("--amend takes what is staged, and --amend -a everything", async () => {
    await afresh();
    await edit("a.bin", "a4");
    await git("add", "--all");
    await edit("c.bin", "c2");
    await git("commit", "-q", "--amend", "--no-edit");
    expect(await manifestOf(box, "repo")).toEqual(oids({ ...THIRD, "a.bin": "a4" }));
    expect(await status()).toBe(MODIFIED);
    await git("commit", "-q", "-a", "--amend", "--no-edit");
    await expectClean(box, "repo", { "a.bin": "a4", "c.bin": "c2" });
    expect(await git("rev-parse", "HEAD~1")).toBe(await git("rev-parse", `${third}~1`));
  });

  it("is preceded by git add -p, which asks for the assets as lines of the manifest", async () => {
    await afresh();
    await edit("a.bin", "a4");
    const { stdout } = await box.run("repo", "git", ["add", "-p"], { input: "y\n" });
    expect(stdout).toContain(`+{"path":"a.bin","oid":"${sha256("a4")}","size":2}`);
    expect(await status()).toBe(STAGED);
    await git("commit", "-q", "-m", "by hunks");
    await expectClean(box, "repo", { ...THIRD, "a.bin": "a4" });
  });
});

describe("git reset", () => {
  it("--keep and --merge restore, or refuse for an edit", async () => {
    await afresh();
    await edit("a.bin", "an edit to keep");
    for (const mode of ["--keep", "--merge"]) expect((await box.tryGit("repo", "reset", "-q", mode, "HEAD~1")).status).not.toBe(0);
    expect(await assetsOf(box, "repo")).toEqual({ ...THIRD, "a.bin": "an edit to keep" });
    await edit("a.bin", "a3");
    for (const [mode, contents] of [["--keep", SECOND], ["--merge", FIRST]] as const) {
      await git("reset", "-q", mode, "HEAD~1");
      await expectClean(box, "repo", contents);
    }
  });

  it("restore --staged takes back what was staged, and no file", async () => {
    await afresh();
    await edit("a.bin", "a4");
    await git("add", "--all");
    await git("restore", "--staged", ".");
    expect(await status()).toBe(MODIFIED);
    expect(await assetsOf(box, "repo")).toEqual({ ...THIRD, "a.bin": "a4" });
  });
});

describe("git switch", () => {
  it("keeps the directory where the user stands, as Git does, so that the next command works there", async () => {
    await afresh();
    await git("switch", "-q", "-c", "deep");
    await edit("art/deep/d.bin", "d1");
    await git("add", "-A");
    await git("commit", "-q", "-m", "deep");
    for (const args of [["switch", "-q", "main"], ["rebase", "-q", "main", "deep~0"]]) {
      await git("switch", "-q", "deep");
      expect(await assetsOf(box, "repo")).toEqual({ ...THIRD, "art/deep/d.bin": "d1" });
      await box.git("repo/art/deep", ...args);
      await box.git("repo/art/deep", "switch", "-q", "--detach", "main");
      expect(await box.git("repo/art/deep", "status", "--porcelain")).toBe("");
      await expectClean(box, "repo", THIRD);
    }
    await git("switch", "-q", "deep");
    await git("switch", "-q", "main");
    expect(await box.exists("repo/art")).toBe(false);
  });

  it("--orphan removes the assets as it removes files, refuses for an edit, and back brings them all", async () => {
    await afresh();
    await edit("a.bin", "an edit");
    expect((await box.tryGit("repo", "switch", "--orphan", "bare")).status).not.toBe(0);
    expect(await assetsOf(box, "repo")).toEqual({ ...THIRD, "a.bin": "an edit" });
    await edit("a.bin", "a3");
    await git("switch", "-q", "--orphan", "bare");
    expect(await assetsOf(box, "repo")).toEqual({});
    await edit("page.html", "page");
    await git("add", "page.html");
    await git("commit", "-q", "-m", "a page");
    expect(await status()).toBe("");
    await git("switch", "-q", "main");
    await expectClean(box, "repo", THIRD);
  });

  it("--merge carries an edit to another branch, and is a conflict where that branch has another version", async () => {
    await afresh();
    await edit("c.bin", "c2");
    await git("switch", "-q", "--merge", "-c", "carried", "HEAD~1");
    expect(await assetsOf(box, "repo")).toEqual({ ...SECOND, "c.bin": "c2" });
    expect(await status()).toBe(MODIFIED);
    await edit("c.bin", "c1");
    await edit("a.bin", "mine");
    await box.tryGit("repo", "switch", "-q", "--merge", "main");
    expect(await assetsOf(box, "repo")).toEqual({ ...THIRD, "a.ballast-theirs.bin": "mine" });
    await box.mustBallast("repo", "resolve", "--theirs", "a.bin");
    await git("commit", "-q", "-a", "-m", "mine");
    await expectClean(box, "repo", { ...THIRD, "a.bin": "mine" });
  });
});

describe("git stash", () => {
  it("--keep-index, of paths, apply, branch and -u", async () => {
    await afresh();
    await edit("a.bin", "staged");
    await git("add", "--all");
    await edit("c.bin", "not staged");
    await git("stash", "-q", "--keep-index");
    expect(await assetsOf(box, "repo")).toEqual({ ...THIRD, "a.bin": "staged" });
    await git("reset", "-q", "--hard");
    await git("stash", "pop", "-q");
    expect(await assetsOf(box, "repo")).toEqual({ "a.bin": "staged", "c.bin": "not staged" });
    await git("stash", "push", "-q", "--", ".ballast");
    await expectClean(box, "repo", THIRD);
    await git("stash", "apply", "-q");
    expect(await assetsOf(box, "repo")).toEqual({ "a.bin": "staged", "c.bin": "not staged" });
    const { stderr } = await box.tryGit("repo", "reset", "-q", "--hard");
    // The stash still has these edits: there is nothing to tell.
    expect(stderr).not.toContain("git ballast show");
    await git("stash", "branch", "from-stash");
    await edit("new.bin", "new");
    await git("commit", "-q", "-a", "-m", "from a stash");
    await expectClean(box, "repo", { "a.bin": "staged", "c.bin": "not staged", "new.bin": "new" });
  });
});

describe("a commit that has assets and not the attributes that show them to Git", () => {
  it("is made with a warning, and status says that Git is blind", async () => {
    await afresh();
    await git("rm", "-q", ".gitattributes");
    await git("commit", "-q", "-m", "without attributes");
    await edit("a.bin", "an edit that Git cannot see");
    const { status: code, stdout, stderr } = await box.ballast("repo", "status");
    expect(code).toBe(0);
    expect(stdout).toContain("modified  a.bin");
    expect(stdout + stderr).toContain("git status does not see assets: .gitattributes does not name the manifest's drivers; git ballast doctor says what to do");
    await box.mustBallast("repo", "add", "a.bin");
    const committed = await box.tryGit("repo", "commit", "-q", "-m", "an edit");
    expect(committed.status).toBe(0);
    expect(committed.stderr).toContain("git status does not see assets");
    expect((await box.ballast("repo", "doctor")).stdout).toContain(".gitattributes does not name the manifest's drivers");
    // As doctor says.
    await box.mustBallast("repo", "init");
    expect((await box.ballast("repo", "status")).stderr).not.toContain("does not see assets");
    await edit("a.bin", "an edit that it sees");
    expect(await status()).toContain(MODIFIED);
  });

  it.each([
    { line: "*.jsonl filter=lfs diff=lfs merge=lfs -text", what: "git status does not see assets", taken: "filter: lfs" },
    { line: "* text=auto", what: "Git may write the manifest with CR LF", taken: "text: auto" },
  ])("or others after them ($line), of which Git goes by the last, is told of by status and doctor, and mended by init", async ({ line, what, taken }) => {
    await afresh();
    const attributes = (await box.read("repo/.gitattributes")).toString();
    await edit(".gitattributes", `# mine\n${attributes}${line}\n`);
    await git("commit", "-q", "-am", "attributes");
    const why = `a line of .gitattributes after Ballast's takes the manifest (${taken})`;
    expect((await box.ballast("repo", "status")).stderr).toContain(`${what}: ${why}`);
    const found = await box.ballast("repo", "doctor");
    expect([found.status, found.stdout]).toEqual([1, expect.stringContaining(`${what}: ${why}`)]);
    await box.mustBallast("repo", "init");
    expect((await box.read("repo/.gitattributes")).toString()).toBe(`# mine\n${line}\n${attributes}`);
    expect((await box.ballast("repo", "status")).stderr).not.toContain(why);
    await git("commit", "-q", "-am", "in order");
    await edit("a.bin", "an edit that Git sees");
    expect(await status()).toBe(MODIFIED);
  });

  it("a manifest that Git wrote with CR LF is named as that, and comes back as told", async () => {
    await afresh();
    await edit(".gitattributes", `${(await box.read("repo/.gitattributes")).toString()}* text eol=crlf\n`);
    await git("commit", "-q", "-am", "attributes");
    const { stderr } = await box.tryGit("repo", "switch", "-q", "--detach", "HEAD~2");
    await git("switch", "-q", "main");
    const said = stderr + (await box.ballast("repo", "status")).stderr;
    expect(said).toContain("line ends of another system");
    expect(said).toContain("git ballast init puts Ballast's lines last in .gitattributes; then git checkout -- .ballast");
    await box.mustBallast("repo", "init");
    await git("checkout", "--", ".ballast");
    expect(await assetsOf(box, "repo")).toEqual(THIRD);
    expect(await box.mustBallast("repo", "status")).toContain("every asset is as the manifest says");
  });
});

describe("a new asset in whose place Git puts a file of its own", () => {
  const told = (content: string): RegExp => new RegExp(`new.bin: Git put its own file in the place of a new asset; the asset is kept\\n.*git ballast show ${sha256(content)} > new.bin`);

  it.each([
    ["a fast-forward", ["merge", "--no-edit", "plain"]],
    ["pull", ["pull", ".", "plain"]],
    ["merge", ["merge", "--no-ff", "--no-edit", "plain"]],
    ["switch", ["switch", "plain"]],
    ["switch --discard-changes", ["switch", "--discard-changes", "plain"]],
    ["checkout -f", ["checkout", "-f", "plain"]],
    ["reset --hard", ["reset", "--hard", "plain"]],
    ["checkout --detach", ["checkout", "--detach", "plain"]],
    ["cherry-pick", ["cherry-pick", "plain"]],
  ])("by %s is kept, and a line tells once how to get it back", async (how, command) => {
    await afresh();
    await git("branch", "-f", "plain");
    await git("switch", "-q", "plain");
    await edit("new.bin", "Git's");
    // As a clone without Ballast commits it.
    await git("add", "-f", "new.bin");
    await git("commit", "-q", "--no-verify", "-m", "plain");
    await git("switch", "-q", "main");
    const mine = `mine, before ${how}`;
    await edit("new.bin", mine);
    const { stderr } = await box.tryGit("repo", ...command);
    expect(stderr).toMatch(told(mine));
    expect((await box.read("repo/new.bin")).toString()).toBe("Git's");
    expect(await box.mustBallast("repo", "show", sha256(mine))).toBe(mine);
    expect((await box.tryGit("repo", "checkout", "-q", "--detach", third)).stderr).not.toContain("Git put");
    await rm(box.path("repo/new.bin"), { force: true });
  });

  it("by checkout or restore of everything is kept as well; Git tells no hook that it changed files", async () => {
    for (const command of [["checkout", "plain", "--", "."], ["restore", "--source=plain", "."]]) {
      await afresh();
      const mine = `mine, before ${command.join(" ")}`;
      await edit("new.bin", mine);
      await git(...command);
      expect((await box.read("repo/new.bin")).toString()).toBe("Git's");
      expect(await box.mustBallast("repo", "show", sha256(mine))).toBe(mine);
    }
    await rm(box.path("repo/new.bin"));
  });

  it.each([["reset --hard", ["reset", "--hard", "owner"]], ["checkout -f", ["checkout", "-f", "owner"]], ["switch --discard-changes", ["switch", "--discard-changes", "owner"]]])(
    "and so is an edit of one that Git has there, or whose directory is a file there: %s", async (how, command) => {
      await afresh();
      await edit("dir/d.bin", "committed");
      await git("add", "--all");
      await git("commit", "-q", "-m", "dir");
      await git("branch", "-f", "owner");
      await git("switch", "-q", "owner");
      await box.mustBallast("repo", "remove", "a.bin", "dir/d.bin");
      await box.run("repo", "rm", ["-r", "dir"]);
      await edit("dir", "a file of Git's");
      await git("add", "--all");
      await git("commit", "-q", "-m", "Git's");
      await git("switch", "-q", "main");
      await box.settled("repo");
      const [mine, below] = [`an edit before ${how}`, `below, before ${how}`];
      await edit("a.bin", mine);
      await edit("dir/d.bin", below);
      await git(...command);
      expect((await box.read("repo/dir")).toString()).toBe("a file of Git's");
      for (const content of [mine, below]) expect(await box.mustBallast("repo", "show", sha256(content))).toBe(content);
    });

  it("is not told of where it was stashed before", async () => {
    await afresh();
    await edit("new.bin", "stashed");
    await git("stash", "push", "-q");
    expect(await box.exists("repo/.git/ballast/captured-new")).toBe(false);
    const { stderr } = await box.tryGit("repo", "switch", "plain");
    expect(stderr).not.toContain("Git put");
    await git("switch", "-q", "main");
    await git("stash", "pop", "-q");
    expect((await box.read("repo/new.bin")).toString()).toBe("stashed");
    await rm(box.path("repo/new.bin"));
  });
});
