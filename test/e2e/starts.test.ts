import { appendFileSync, chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { sandbox, sha256, type Sandbox } from "../support/sandbox.ts";

/** Longer than the window in which a file is racy. */
const WINDOW_MS = 150;

let box: Sandbox;

beforeEach(async () => {
  box = await sandbox();
  await box.git(".", "init", "--quiet", "--bare", "upstream.git");
  await box.git(".", "clone", "--quiet", "upstream.git", "repo");
  await box.mustBallast("repo", "init", "--quiet", box.path("store"));
  await box.mustBallast("repo", "track", "art");
  for (const name of ["a", "b", "deep/c"]) await box.write(`repo/art/${name}`, `content of ${name}`);
  await box.write("repo/readme", "text");
  countStarts();
  await pause(WINDOW_MS);
  await box.git("repo", "add", "--all");
  await box.git("repo", "commit", "--quiet", "-m", "one");
  await box.git("repo", "push", "--quiet", "origin", "HEAD:main");
  await pause(WINDOW_MS);
  await box.git("repo", "status");
});

/** Has hooks and drivers start Node by a program that notes what for. */
function countStarts(): void {
  const counting = box.path("bin/counting-node");
  writeFileSync(counting, `#!/bin/sh\ncase $1 in --*) option=$1; shift ;; *) option=--no-warnings ;; esac\necho "$2 \${3:-}" >>'${box.path("starts")}'\nexec '${process.execPath}' "$option" "$@"\n`);
  chmodSync(counting, 0o755);
  const hooks = readdirSync(box.path("repo/.git/hooks")).map((name) => `repo/.git/hooks/${name}`);
  for (const file of ["repo/.git/config", ...hooks]) {
    writeFileSync(box.path(file), readFileSync(box.path(file), "utf8").replaceAll(`'${process.execPath}'`, `'${counting}'`));
  }
}

/** What Node is started for meanwhile, in order. */
async function starts(work: () => Promise<unknown>): Promise<string[]> {
  rmSync(box.path("starts"), { force: true });
  await work();
  return existsSync(box.path("starts")) ? readFileSync(box.path("starts"), "utf8").trim().split("\n").map((line) => line.trim()) : [];
}

const git = (...args: string[]) => () => box.git("repo", ...args);
const staged = async (): Promise<string> => (await box.git("repo", "cat-file", "blob", ":.ballast/manifest.jsonl")) + "\n";

describe("Node is started", () => {
  it("by no Git command that meets no change", async () => {
    for (const words of [["status"], ["diff"], ["add", "--all"], ["commit", "--quiet", "--allow-empty", "-m", "none"], ["stash", "list"], ["push", "--quiet", "origin", "HEAD~:main"]]) {
      expect(await starts(git(...words)), words.join(" ")).toEqual([]);
    }
  });

  it("by no Git command that meets changes of other files only", async () => {
    await box.write("repo/readme", "other text");
    expect(await starts(git("commit", "--quiet", "-am", "text"))).toEqual([]);
    expect(await box.git("repo", "status", "--short")).toBe("");
  });

  it("by no push of commits that leave the assets alone, also of a new branch beside it, of one that goes, and from another worktree", async () => {
    await box.write("repo/readme", "other text");
    await box.git("repo", "commit", "--quiet", "-am", "text");
    await box.git("repo", "worktree", "add", "--quiet", "-b", "side", "../side");
    await box.git("side", "commit", "--quiet", "--allow-empty", "-m", "side");
    for (const words of [["origin", "main", "main:refs/heads/new"], ["origin", ":new"]]) expect(await starts(git("push", "--quiet", ...words)), words.join(" ")).toEqual([]);
    expect(await starts(() => box.git("side", "push", "--quiet", "origin", "side:main"))).toEqual([]);
    expect(await box.git("upstream.git", "rev-parse", "main")).toBe(await box.git("side", "rev-parse", "side"));
  });

  it("by a push of an edit that a later commit, or a merge, has taken back", async () => {
    await box.write("repo/art/a", "for a while");
    await box.git("repo", "commit", "--quiet", "-am", "edit");
    await box.git("repo", "revert", "--no-edit", "HEAD");
    await box.git("repo", "switch", "--quiet", "-c", "side", "HEAD~2");
    await box.write("repo/art/b", "on a branch");
    await box.git("repo", "commit", "--quiet", "-am", "branch");
    await box.git("repo", "switch", "--quiet", "-c", "merged", "main~2");
    await box.git("repo", "merge", "--quiet", "--no-ff", "--strategy=ours", "--no-edit", "side");
    const whole = await box.objects("store");
    for (const [branch, content] of [["main", "for a while"], ["merged", "on a branch"]] as const) {
      expect(await starts(git("push", "--quiet", "origin", branch)), branch).toEqual(["hook pre-push"]);
      expect(whole).not.toContain(sha256(content));
      expect(await box.objects("store")).toContain(sha256(content));
    }
  });

  it("once by an add, not by the commit, once by the push of an edit", async () => {
    await box.write("repo/art/a", "edited");
    await pause(WINDOW_MS);
    expect(await starts(git("add", "--all"))).toEqual(["filter-process"]);
    expect(await box.git("repo", "status", "--short")).toBe("M  .ballast/manifest.jsonl");
    expect(readFileSync(box.path("repo/.ballast/manifest.jsonl"), "utf8")).toBe(await staged());
    expect(await staged()).toContain(sha256("edited"));
    expect(await starts(git("commit", "--quiet", "-m", "edit"))).toEqual([]);
    // What was recorded is in a commit, and is not kept in mind any longer.
    for (const name of ["captured", "captured-new"]) expect(await box.exists(`repo/.git/ballast/${name}`)).toBe(false);
    expect(await starts(git("push", "--quiet", "origin", "HEAD:main"))).toEqual(["hook pre-push"]);
    expect(await starts(git("status"))).toEqual([]);
  });

  it("not by the first commit, which brings settings and patterns along, unless these settings were not the ones that were obeyed", async () => {
    const unborn = async (): Promise<void> => void (await box.git("repo", "update-ref", "-d", await box.git("repo", "symbolic-ref", "HEAD")));
    await unborn();
    expect(await starts(git("commit", "--quiet", "-m", "first"))).toEqual([]);
    await unborn();
    appendFileSync(box.path("repo/.ballast/config"), "; a remark\n");
    await box.git("repo", "add", "--all");
    expect(await starts(git("commit", "--quiet", "-m", "first"))).toEqual(["hook pre-commit"]);
    expect(await box.git("repo", "show", "--format=", "--name-only", "HEAD")).toContain(".ballast/config");
  });

  it("once by a commit of all edits, also by the next one, and one that takes in several recordings", async () => {
    for (const content of ["edited", "edited again"]) {
      await box.write("repo/art/a", content);
      await pause(WINDOW_MS);
      expect(await starts(git("commit", "--quiet", "-am", content))).toEqual(["filter-process"]);
      expect(await box.git("repo", "status", "--short")).toBe("");
    }
    for (const name of ["a", "b", "new"]) {
      await box.write(`repo/art/${name}`, `recorded ${name}`);
      await pause(WINDOW_MS);
      expect(await starts(git("add", "--all"))).toEqual(["filter-process"]);
    }
    expect(await starts(git("commit", "--quiet", "-m", "three"))).toEqual([]);
    for (const name of ["a", "b", "new"]) expect(await staged()).toContain(sha256(`recorded ${name}`));
    expect(await starts(git("push", "--quiet", "origin", "HEAD:main"))).toEqual(["hook pre-push"]);
  });

  it("once by a switch that restores", async () => {
    await box.git("repo", "branch", "before");
    await box.write("repo/art/a", "edited");
    await pause(WINDOW_MS);
    await box.git("repo", "commit", "--quiet", "-am", "edit");
    await pause(WINDOW_MS);
    await box.git("repo", "status");
    expect(await starts(git("switch", "--quiet", "before"))).toEqual(["hook post-index-change"]);
    expect(readFileSync(box.path("repo/art/a"), "utf8")).toBe("content of a");
  });
});

it("each change is seen, whatever was sealed before", async () => {
  const edits: [string, () => Promise<unknown> | void][] = [
    ["edited", () => box.write("repo/art/a", "CONTENT OF A")],
    ["edited again in the same size", () => box.write("repo/art/a", "Content of a")],
    ["deleted", () => rmSync(box.path("repo/art/b"))],
    ["new", () => box.write("repo/art/x/y", "")],
    ["executable", () => chmodSync(box.path("repo/art/a"), 0o755)],
  ];
  for (const [what, edit] of edits) {
    expect(await starts(git("status")), what).toEqual([]);
    await edit();
    expect(await box.git("repo", "status", "--short"), what).toBe(" M .ballast/manifest.jsonl");
    await box.git("repo", "commit", "--quiet", "-am", what);
    expect(await box.git("repo", "status", "--short"), what).toBe("");
    await pause(WINDOW_MS);
    await box.git("repo", "status");
  }
});

it("where find or cmp cannot do it, Node looks", async () => {
  for (const program of ["find", "cmp"]) {
    await box.write(`bin/${program}`, "#!/bin/sh\nexit 2\n");
    chmodSync(box.path("bin", program), 0o755);
    expect(await starts(git("status", "--short")), program).toEqual(["filter-process"]);
    rmSync(box.path("bin", program));
  }
  expect(await starts(git("status", "--short"))).toEqual([]);
});

it("a hook that is killed while it follows loses nothing", async () => {
  const hook = box.path("repo/.git/hooks/post-index-change");
  const text = readFileSync(hook, "utf8");
  const marker = box.path("repo/.git/ballast/follow");
  // A program that ends the shell that runs it.
  await box.write("bin/killer", "#!/bin/sh\nkill -9 $PPID\n");
  chmodSync(box.path("bin/killer"), 0o755);
  const steps = ["BALLAST_SETTLING=1 git update-index -q --cacheinfo", "mv -f", "BALLAST_SETTLING=1 git update-index -q --cacheinfo", "rm -f"];
  for (const [index, step] of steps.entries()) {
    await box.write("repo/art/a", `edited ${index}`);
    await pause(WINDOW_MS);
    const at = index === 2 ? text.lastIndexOf(step) : text.indexOf(step);
    writeFileSync(hook, `${text.slice(0, at)}killer ${text.slice(at)}`);
    await box.git("repo", "add", "--all");
    writeFileSync(hook, text);
    expect(existsSync(marker), step).toBe(true);
    expect(await box.git("repo", "status", "--short"), step).toMatch(/^M[M ] \.ballast\/manifest\.jsonl$/);
    await box.git("repo", "commit", "--quiet", "-m", "edit");
    expect(await box.git("repo", "status", "--short"), step).toBe("");
    expect(readFileSync(box.path("repo/.ballast/manifest.jsonl"), "utf8"), step).toBe(await staged());
    expect(await staged(), step).toContain(sha256(`edited ${index}`));
    expect(existsSync(marker), step).toBe(false);
  }
});

describe("pre-commit starts Node, which refuses or checks,", () => {
  const edit = async (): Promise<string> => {
    await box.write("repo/art/a", "edited");
    await pause(WINDOW_MS);
    await box.git("repo", "add", "--all");
    return sha256("edited");
  };
  const commit = (): Promise<string[]> => starts(() => box.tryGit("repo", "commit", "--quiet", "-m", "edit"));

  it("when an object is gone since it was recorded", async () => {
    const oid = await edit();
    const object = `repo/.git/ballast/objects/${oid.slice(0, 2)}`;
    for (const name of await box.objects("repo/.git/ballast")) if (name.startsWith(oid)) rmSync(box.path(object, name));
    expect(await commit()).toContain("hook pre-commit");
    expect(await box.git("repo", "log", "-1", "--format=%s")).toBe("one");
  });

  it("when many were recorded, and of the objects one is gone or another came", async () => {
    for (let i = 0; i < 250; i++) await box.write(`repo/art/many/${i}`, `one of many: ${i}`);
    await pause(WINDOW_MS);
    expect(await starts(git("add", "--all"))).toEqual(["filter-process"]);
    const hook = (): Promise<string[]> => starts(() => box.run("repo", box.path("repo/.git/hooks/pre-commit"), []));
    expect(await hook()).toEqual([]);
    const another = box.path("repo/.git/ballast/objects/00/");
    mkdirSync(another, { recursive: true });
    writeFileSync(`${another}${"0".repeat(64)}`, "not noted");
    expect(await hook()).toEqual(["hook pre-commit"]);
    rmSync(`${another}${"0".repeat(64)}`);
    // Its list was cut off.
    const stored = box.path("repo/.git/ballast/stored");
    const whole = readFileSync(stored);
    writeFileSync(stored, whole.subarray(0, -1));
    expect(await hook()).toEqual(["hook pre-commit"]);
    writeFileSync(stored, whole);
    const lost = sha256("one of many: 77");
    rmSync(box.path("repo/.git/ballast/objects", lost.slice(0, 2), lost));
    expect(await commit()).toContain("hook pre-commit");
    expect(await box.git("repo", "log", "-1", "--format=%s")).toBe("one");
    await box.write("repo/.git/ballast/objects/" + lost.slice(0, 2) + "/" + lost, "one of many: 77");
    expect((await commit()).filter((start) => start === "hook pre-commit")).toEqual([]);
    expect(await box.git("repo", "log", "-1", "--format=%s")).toBe("edit");
  });

  it("when locks have been seen, an asset is staged in Git itself, or the note is not whole", async () => {
    await edit();
    await box.write("repo/.git/ballast/locks.json", "{}");
    expect(await starts(() => box.run("repo", box.path("repo/.git/hooks/pre-commit"), []))).toEqual(["hook pre-commit"]);
    rmSync(box.path("repo/.git/ballast/locks.json"));
    expect(await starts(() => box.run("repo", box.path("repo/.git/hooks/pre-commit"), []))).toEqual([]);
    await box.git("repo", "add", "--force", "art/b");
    expect(await starts(() => box.run("repo", box.path("repo/.git/hooks/pre-commit"), []))).toEqual(["hook pre-commit"]);
    await box.git("repo", "rm", "--quiet", "--cached", "art/b");
    const note = box.path("repo/.git/ballast/recorded");
    const whole = readFileSync(note, "utf8");
    // As versions wrote it that did not note the configuration: the first object stands in its place.
    writeFileSync(note, whole.replace(/^config .*\n/m, ""));
    expect(await starts(() => box.run("repo", box.path("repo/.git/hooks/pre-commit"), []))).toEqual(["hook pre-commit"]);
    writeFileSync(note, whole.replace(/\.\n$/, ""));
    expect(await starts(() => box.run("repo", box.path("repo/.git/hooks/pre-commit"), []))).toEqual(["hook pre-commit"]);
  });

  it("when something else is staged than was recorded on top of HEAD", async () => {
    await edit();
    await box.git("repo", "commit", "--quiet", "-m", "edit");
    await box.git("repo", "reset", "--quiet", "--soft", "HEAD~");
    expect(await commit()).toEqual([]);
    const blob = (await box.run("repo", "git", ["hash-object", "-w", "--stdin"], { input: (await staged()).replace(sha256("edited"), "0".repeat(64)) })).stdout.trim();
    await box.git("repo", "update-index", "--cacheinfo", `100644,${blob},.ballast/manifest.jsonl`);
    expect(await starts(() => box.run("repo", box.path("repo/.git/hooks/pre-commit"), []))).toEqual(["hook pre-commit"]);
  });
});

it("what is staged in another way than the filter said is not followed", async () => {
  await box.write("repo/art/a", "edited");
  await pause(WINDOW_MS);
  await box.git("repo", "add", "--all");
  await box.git("repo", "reset", "--quiet");
  await box.git("repo", "status");
  expect(readFileSync(box.path("repo/art/a"), "utf8")).toBe("edited");
  expect(await box.git("repo", "status", "--short")).toBe(" M .ballast/manifest.jsonl");
  appendFileSync(box.path("repo/art/a"), " twice");
  await box.git("repo", "commit", "--quiet", "-am", "edit");
  expect(await staged()).toContain(sha256("edited twice"));
});

it("a copy of the repository that keeps no times is settled by the first Git command", async () => {
  expect((await box.run(".", "cp", ["-r", "repo", "copy"])).status).toBe(0);
  for (const file of [".git/ballast/stamp", ".ballast/manifest.jsonl"]) expect((await box.run("copy", "touch", [file])).status).toBe(0);
  await box.git("copy", "status");
  await box.write("copy/art/a", "edited");
  expect(await box.git("copy", "status", "--short")).toBe(" M .ballast/manifest.jsonl");
});

it("in a copy that keeps all times, an edit that Git has never looked at outlives the first command that discards, and is shown; the next one keeps it in the store", async () => {
  await box.run(".", "cp", ["-a", "repo", "copy"]);
  await box.write("copy/art/a", "an edit");
  await box.git("copy", "reset", "--quiet", "--hard");
  expect((await box.read("copy/art/a")).toString()).toBe("an edit");
  expect(await box.git("copy", "status", "--short")).toBe(" M .ballast/manifest.jsonl");
  await box.git("copy", "reset", "--quiet", "--hard");
  expect((await box.read("copy/art/a")).toString()).toBe("content of a");
  expect(await box.mustBallast("copy", "show", sha256("an edit"))).toBe("an edit");
  expect(await box.git("copy", "status", "--short")).toBe("");
});
