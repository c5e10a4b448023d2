import { beforeAll, describe, expect, it, test } from "vitest";
import { sandbox, sha256, type Sandbox } from "../support/sandbox.ts";

/*
 * Plain Git does the rest: each test runs ordinary Git commands on a worktree with assets and then looks at what
 * `git status` says and what is on disk.
 */
let box: Sandbox;
beforeAll(async () => {
  box = await sandbox();
});

interface Repo {
  readonly name: string;
  git(...args: string[]): Promise<string>;
  write(path: string, content: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** The assets on disk and their content, once nothing runs in the background any more. */
  assets(): Promise<Record<string, string>>;
  status(): Promise<string>;
}

let count = 0;

/** A repository with the assets a and b committed. */
async function repo(): Promise<Repo> {
  const name = `repo${count++}`;
  await box.git(".", "init", "--quiet", name);
  await box.mustBallast(name, "init", box.path(`${name}.store`));
  const self: Repo = {
    name,
    git: (...args) => box.git(name, ...args),
    write: (path, content) => box.write(`${name}/${path}`, content),
    remove: async (path) => void (await box.run(name, "rm", [path])),
    assets: async () => {
      await box.settled(name);
      const listed = await box.run(name, "find", [".", "-name", "*.psd", "-type", "f"]);
      const found: Record<string, string> = {};
      for (const path of listed.stdout.split("\n").filter(Boolean).sort()) found[path.slice(2)] = (await box.read(`${name}/${path}`)).toString();
      return found;
    },
    status: async () => {
      await box.settled(name);
      return box.git(name, "status", "--short");
    },
  };
  await self.write("a.psd", "a1");
  await self.write("b.psd", "b1");
  await self.write("code.txt", "code");
  await box.mustBallast(name, "track", "*.psd");
  await self.git("add", "--all");
  await self.git("commit", "--quiet", "-m", "one");
  return self;
}

const DIRTY = " M .ballast/manifest.jsonl";

describe("after an asset was edited", () => {
  it("git status and git diff say so, and git commit -a records it with nothing else changed", async () => {
    const { git, write, status, assets } = await repo();
    expect(await status()).toBe("");
    await write("a.psd", "a2, longer");
    expect(await status()).toBe(DIRTY);
    const diff = await git("diff", "-U0");
    expect(diff).toMatch(new RegExp(`^-a\\.psd  2 B  ${sha256("a1").slice(0, 12)}$`, "m"));
    expect(diff).toMatch(new RegExp(`^\\+a\\.psd  10 B  ${sha256("a2, longer").slice(0, 12)}$`, "m"));
    await git("commit", "--quiet", "-am", "two");
    expect(await status()).toBe("");
    expect(await git("show", "HEAD:.ballast/manifest.jsonl")).toContain(sha256("a2, longer"));
    expect(await assets()).toEqual({ "a.psd": "a2, longer", "b.psd": "b1" });
  });

  it("git add -A and git commit record a new, an edited and a deleted one", async () => {
    const { git, write, remove, status } = await repo();
    await write("deep/new.psd", "n1");
    await write("a.psd", "a2");
    await remove("b.psd");
    await git("add", "--all");
    expect(await status()).toBe("M  .ballast/manifest.jsonl");
    await git("commit", "--quiet", "-m", "two");
    expect(await status()).toBe("");
    const manifest = await git("show", "HEAD:.ballast/manifest.jsonl");
    expect(manifest.split("\n").slice(1).map((line) => (JSON.parse(line) as { path: string }).path)).toEqual(["a.psd", "deep/new.psd"]);
    expect(await git("ls-files")).not.toContain(".psd");
  });

  it("an edit after git add is not in the commit, as with any file", async () => {
    const { git, write, status } = await repo();
    await write("a.psd", "a2");
    await git("add", "--all");
    await write("a.psd", "a3");
    expect(await status()).toBe("MM .ballast/manifest.jsonl");
    await git("commit", "--quiet", "-m", "two");
    expect(await git("show", "HEAD:.ballast/manifest.jsonl")).toContain(sha256("a2"));
    expect(await status()).toBe(DIRTY);
  });

  it("git ballast add stages only what it is told", async () => {
    const { name, git, write, status } = await repo();
    await write("a.psd", "a2");
    await write("b.psd", "b2");
    await box.mustBallast(name, "add", "a.psd");
    await git("commit", "--quiet", "-m", "only a");
    const manifest = await git("show", "HEAD:.ballast/manifest.jsonl");
    expect(manifest).toContain(sha256("a2"));
    expect(manifest).toContain(sha256("b1"));
    expect(await status()).toBe(DIRTY);
  });

  it("reverting the edit by hand makes git status clean again", async () => {
    const { write, status } = await repo();
    await write("a.psd", "a2");
    expect(await status()).toBe(DIRTY);
    await write("a.psd", "a1");
    expect(await status()).toBe("");
  });

  it("a commit of other files leaves the edit alone", async () => {
    const { git, write, status, assets } = await repo();
    await write("a.psd", "a2");
    await write("code.txt", "changed");
    await git("commit", "--quiet", "-m", "code", "code.txt");
    expect(await status()).toBe(DIRTY);
    expect((await assets())["a.psd"]).toBe("a2");
  });
});

describe("git moves between versions", () => {
  it("switch restores each branch's assets, new and deleted ones too", async () => {
    const { git, write, remove, assets, status } = await repo();
    await git("switch", "--quiet", "-c", "other");
    await write("a.psd", "a2");
    await write("dir/c.psd", "c1");
    await remove("b.psd");
    await git("add", "--all");
    await git("commit", "--quiet", "-m", "other");
    await git("switch", "--quiet", "main");
    expect(await assets()).toEqual({ "a.psd": "a1", "b.psd": "b1" });
    expect(await status()).toBe("");
    await git("switch", "--quiet", "other");
    expect(await assets()).toEqual({ "a.psd": "a2", "dir/c.psd": "c1" });
    expect(await status()).toBe("");
  });

  it("switch refuses to lose an edit, and keeps one that it need not touch", async () => {
    const { git, name, write, assets } = await repo();
    await git("branch", "same");
    await git("switch", "--quiet", "-c", "other");
    await write("a.psd", "a2");
    await git("commit", "--quiet", "-am", "two");
    await git("switch", "--quiet", "main");
    await write("a.psd", "mine");
    const refused = await box.tryGit(name, "switch", "--quiet", "other");
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain(".ballast/manifest.jsonl");
    await git("switch", "--quiet", "same");
    expect((await assets())["a.psd"]).toBe("mine");
  });

  it("a branch from before Ballast and back", async () => {
    const name = `repo${count++}`;
    await box.git(".", "init", "--quiet", name);
    await box.write(`${name}/code.txt`, "x");
    await box.git(name, "add", "--all");
    await box.git(name, "commit", "--quiet", "-m", "before");
    await box.git(name, "branch", "old");
    await box.mustBallast(name, "init", box.path(`${name}.store`));
    await box.write(`${name}/a.psd`, "a1");
    await box.mustBallast(name, "track", "*.psd");
    await box.git(name, "add", "--all");
    await box.git(name, "commit", "--quiet", "-m", "one");
    await box.git(name, "switch", "--quiet", "old");
    expect(await box.exists(`${name}/a.psd`)).toBe(false);
    expect(await box.git(name, "status", "--short")).toBe("");
    await box.git(name, "switch", "--quiet", "main");
    expect((await box.read(`${name}/a.psd`)).toString()).toBe("a1");
    expect(await box.git(name, "status", "--short")).toBe("");
  });

  it("merge brings both sides' assets together without a word", async () => {
    const { git, write, assets, status } = await repo();
    await git("switch", "--quiet", "-c", "other");
    await write("a.psd", "a2");
    await git("commit", "--quiet", "-am", "a2");
    await git("switch", "--quiet", "main");
    await write("b.psd", "b2");
    await write("c.psd", "c1");
    await git("add", "--all");
    await git("commit", "--quiet", "-m", "b2");
    await git("merge", "--quiet", "-m", "merged", "other");
    expect(await assets()).toEqual({ "a.psd": "a2", "b.psd": "b2", "c.psd": "c1" });
    expect(await status()).toBe("");
  });

  it("a merge of two edits of one asset is a conflict that resolve settles; the commit waits for it", async () => {
    const { git, name, write, assets, status } = await repo();
    await git("switch", "--quiet", "-c", "other");
    await write("a.psd", "theirs");
    await git("commit", "--quiet", "-am", "theirs");
    await git("switch", "--quiet", "main");
    await write("a.psd", "ours");
    await git("commit", "--quiet", "-am", "ours");
    const merge = await box.tryGit(name, "merge", "--quiet", "other");
    expect(merge.status).not.toBe(0);
    expect(merge.stderr).toContain("git ballast resolve a.psd");
    expect(await assets()).toEqual({ "a.psd": "ours", "a.ballast-theirs.psd": "theirs", "b.psd": "b1" });
    await git("add", "--all");
    expect((await box.tryGit(name, "commit", "-m", "too early")).stderr).toContain("a.psd is in conflict");
    await box.mustBallast(name, "resolve", "--theirs", "a.psd");
    await git("commit", "--quiet", "-m", "merged");
    expect(await assets()).toEqual({ "a.psd": "theirs", "b.psd": "b1" });
    expect(await status()).toBe("");
  });

  it("rebase, also interactive with a command after each step, ends with the right assets and edits visible", async () => {
    const { git, write, assets, status } = await repo();
    await git("switch", "--quiet", "-c", "topic");
    for (const content of ["c1", "c2"]) {
      await write("c.psd", content);
      await git("add", "--all");
      await git("commit", "--quiet", "-m", content);
    }
    await git("switch", "--quiet", "main");
    await write("a.psd", "a2");
    await git("commit", "--quiet", "-am", "a2");
    await git("switch", "--quiet", "topic");
    await git("rebase", "--quiet", "main");
    expect(await assets()).toEqual({ "a.psd": "a2", "b.psd": "b1", "c.psd": "c2" });
    expect(await status()).toBe("");
    await git("rebase", "--quiet", "-i", "--exec", "true", "HEAD~2");
    expect(await assets()).toEqual({ "a.psd": "a2", "b.psd": "b1", "c.psd": "c2" });
    await write("c.psd", "c3");
    expect(await status()).toBe(DIRTY);
  });

  it("an edit at a stop of a rebase is seen and recorded", async () => {
    const { git, write, assets, status } = await repo();
    await write("c.psd", "c1");
    await git("add", "--all");
    await git("commit", "--quiet", "-m", "c1");
    await write("d.psd", "d1");
    await git("add", "--all");
    await git("commit", "--quiet", "-m", "d1");
    box.env["GIT_SEQUENCE_EDITOR"] = "sed -i 1s/pick/edit/";
    await git("rebase", "--quiet", "-i", "HEAD~2");
    delete box.env["GIT_SEQUENCE_EDITOR"];
    expect(await assets()).toEqual({ "a.psd": "a1", "b.psd": "b1", "c.psd": "c1" });
    await write("c.psd", "c1 mended");
    expect(await status()).toBe(DIRTY);
    await git("commit", "--quiet", "-a", "--amend", "--no-edit");
    await git("rebase", "--continue");
    expect(await assets()).toEqual({ "a.psd": "a1", "b.psd": "b1", "c.psd": "c1 mended", "d.psd": "d1" });
    expect(await status()).toBe("");
  });

  it("cherry-pick and revert bring and take back one asset's change", async () => {
    const { git, write, assets, status } = await repo();
    await git("switch", "--quiet", "-c", "other");
    await write("c.psd", "c1");
    await git("add", "--all");
    await git("commit", "--quiet", "-m", "c1");
    await git("switch", "--quiet", "main");
    await git("cherry-pick", "other");
    expect(await assets()).toEqual({ "a.psd": "a1", "b.psd": "b1", "c.psd": "c1" });
    await git("revert", "--no-edit", "HEAD");
    expect(await assets()).toEqual({ "a.psd": "a1", "b.psd": "b1" });
    expect(await status()).toBe("");
  });

  it("pull restores what somebody else pushed, also with --rebase and an edit stashed away", async () => {
    const { git, name, write, assets, status } = await repo();
    await box.git(".", "init", "--quiet", "--bare", `${name}.git`);
    await git("remote", "add", "origin", box.path(`${name}.git`));
    await git("push", "--quiet", "-u", "origin", "main");
    await box.mustBallast(".", "clone", "--quiet", box.path(`${name}.git`), `${name}-clone`);
    await box.write(`${name}-clone/a.psd`, "a2");
    await box.git(`${name}-clone`, "commit", "--quiet", "-am", "a2");
    await box.git(`${name}-clone`, "push", "--quiet");
    await git("pull", "--quiet");
    expect(await assets()).toEqual({ "a.psd": "a2", "b.psd": "b1" });
    await box.write(`${name}-clone/a.psd`, "a3");
    await box.git(`${name}-clone`, "commit", "--quiet", "-am", "a3");
    await box.git(`${name}-clone`, "push", "--quiet");
    await write("b.psd", "mine");
    await git("pull", "--quiet", "--rebase", "--autostash");
    expect(await assets()).toEqual({ "a.psd": "a3", "b.psd": "mine" });
    expect(await status()).toBe(DIRTY);
  });
});

describe("git discards or sets aside", () => {
  it.each([
    ["reset --hard", ["reset", "--quiet", "--hard"], false],
    ["reset --hard after git status looked", ["reset", "--quiet", "--hard"], true],
    ["checkout -f", ["checkout", "--quiet", "--force"], false],
    ["checkout -f after git status looked", ["checkout", "--quiet", "--force"], true],
    ["restore .", ["restore", "."], true],
    ["checkout -- .", ["checkout", "--quiet", "--", "."], false],
  ])("%s brings the recorded versions back, and says how to get the edit", async (_what, command, look) => {
    const { git, name, write, remove, assets, status } = await repo();
    await write("a.psd", "precious");
    await remove("b.psd");
    if (look) expect(await status()).toBe(DIRTY);
    const { stderr } = await box.tryGit(name, ...command);
    // Whichever hooks the command ran: by the next one at the latest the assets have followed.
    const later = await box.tryGit(name, "commit", "--quiet", "--allow-empty", "-m", "next");
    expect(await assets()).toEqual({ "a.psd": "a1", "b.psd": "b1" });
    expect(await status()).toBe("");
    const oid = /git ballast show ([0-9a-f]{64}) > a\.psd/.exec(stderr + later.stderr)?.[1];
    expect(oid).toBe(sha256("precious"));
    expect((await box.ballast(name, "show", oid!)).stdout).toBe("precious");
    expect(await git("log", "--format=%s")).toBe("next\none");
  });

  it("reset --hard to another commit restores that commit's assets", async () => {
    const { git, write, assets, status } = await repo();
    await write("a.psd", "a2");
    await git("commit", "--quiet", "-am", "two");
    await git("reset", "--quiet", "--hard", "HEAD~1");
    expect(await assets()).toEqual({ "a.psd": "a1", "b.psd": "b1" });
    await git("reset", "--quiet", "--hard", "ORIG_HEAD");
    expect(await assets()).toEqual({ "a.psd": "a2", "b.psd": "b1" });
    expect(await status()).toBe("");
  });

  it("reset --hard leaves a new asset that no commit knows, as it leaves any untracked file", async () => {
    const { git, write, assets, status } = await repo();
    await write("new.psd", "n1");
    expect(await status()).toBe(DIRTY);
    await git("reset", "--quiet", "--hard");
    expect(await assets()).toEqual({ "a.psd": "a1", "b.psd": "b1", "new.psd": "n1" });
  });

  it("reset --soft and --mixed leave the files alone", async () => {
    const { git, write, assets, status } = await repo();
    await write("a.psd", "a2");
    await git("commit", "--quiet", "-am", "two");
    await git("reset", "--quiet", "--soft", "HEAD~1");
    expect(await status()).toBe("M  .ballast/manifest.jsonl");
    await git("reset", "--quiet");
    expect(await status()).toBe(DIRTY);
    expect((await assets())["a.psd"]).toBe("a2");
    await git("commit", "--quiet", "-am", "again");
    expect(await status()).toBe("");
  });

  it("a deletion that came back from a stash, or by a mixed reset, is still one for the next stash", async () => {
    const { git, write, remove, assets } = await repo();
    await remove("a.psd");
    await git("stash", "--quiet");
    await git("stash", "pop", "--quiet");
    await write("b.psd", "b2");
    const changed = await assets();
    await git("stash", "--quiet");
    await git("stash", "pop", "--quiet");
    expect(await assets()).toEqual(changed);

    await git("commit", "--quiet", "-am", "without a");
    await git("reset", "--quiet", "HEAD~1");
    await write("b.psd", "b3");
    await git("stash", "--quiet");
    await git("stash", "pop", "--quiet");
    expect(await assets()).toEqual({ "b.psd": "b3" });
  });

  it("stash takes edited, new and deleted assets away, and pop brings them back", async () => {
    const { git, write, remove, assets, status } = await repo();
    await write("a.psd", "a2");
    await write("new.psd", "n1");
    await remove("b.psd");
    await git("stash", "--quiet");
    expect(await assets()).toEqual({ "a.psd": "a1", "b.psd": "b1" });
    expect(await status()).toBe("");
    await git("stash", "pop", "--quiet");
    expect(await assets()).toEqual({ "a.psd": "a2", "new.psd": "n1" });
    expect(await status()).toBe(DIRTY);
    await git("commit", "--quiet", "-am", "two");
    expect(await assets()).toEqual({ "a.psd": "a2", "new.psd": "n1" });
  });
});

describe("renames", () => {
  it("of a directory are seen as renames, store nothing and upload nothing", async () => {
    const { git, name, write, assets, status } = await repo();
    for (let i = 0; i < 20; i++) await write(`art/${i}.psd`, `content ${i}`);
    await git("add", "--all");
    await git("commit", "--quiet", "-m", "art");
    await box.git(".", "init", "--quiet", "--bare", `${name}.git`);
    await git("remote", "add", "origin", box.path(`${name}.git`));
    await git("push", "--quiet", "origin", "main");
    const before = await box.objects(`${name}.store`);
    await box.run(name, "mv", ["art", "artwork"]);
    const said = JSON.parse(await box.mustBallast(name, "status", "--json")) as { entries: { state: string }[] };
    expect(said.entries.map(({ state }) => state)).toEqual(new Array(20).fill("renamed"));
    await git("commit", "--quiet", "-am", "renamed");
    await git("push", "--quiet", "origin", "main");
    expect(await box.objects(`${name}.store`)).toEqual(before);
    expect(Object.keys(await assets())).toContain("artwork/0.psd");
    expect(await status()).toBe("");
  });
});

test("after the index was lost, one git status suffices for a deletion to be seen again", async () => {
  const { git, remove, status, name } = await repo();
  await box.run(name, "rm", [".git/ballast/index"]);
  expect(await status()).toBe("");
  await remove("a.psd");
  expect(await status()).toBe(DIRTY);
  await git("commit", "--quiet", "-am", "gone");
  expect(await git("show", "HEAD:.ballast/manifest.jsonl")).not.toContain("a.psd");
});
