import { existsSync } from "node:fs";
import { utimes } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { Status } from "../../src/commands/status.ts";
import { asset, project, type Project } from "../support/project.ts";
import { sha256 } from "../support/sandbox.ts";

/*
 * Conflicts of assets: one for each path, ours in place and theirs beside it, settled by hand or by a strategy, and
 * nothing is lost whichever side is taken.
 */
const [BASE, OURS, THEIRS] = [asset("base"), asset("ours"), asset("theirs")];
const BESIDE = "repo/art/hero.ballast-theirs.bin";

const templates = new Map<string, Promise<Project>>();

/** A project whose `repo` is as `make` left it; that is done once, and then copied. */
async function fresh(name: string, make: () => Promise<Project>): Promise<Project> {
  if (!templates.has(name)) templates.set(name, make().then(async (p) => p.box.run(".", "mv", ["repo", "template"]).then(() => p)));
  const p = await templates.get(name)!;
  await p.box.run(".", "sh", ["-c", "rm -rf repo && cp -a template repo"]);
  return p;
}

/** Branches `main` and `theirs` that both changed art/hero.bin; theirs is the newer one. */
function diverged(change: { ours?: Buffer | null; theirs?: Buffer | null } = {}): Promise<Project> {
  const { ours = OURS, theirs = THEIRS } = change;
  return fresh(`diverged ${ours === null} ${theirs === null}`, () => diverge(ours, theirs));
}

async function diverge(ours: Buffer | null, theirs: Buffer | null): Promise<Project> {
  const p = await project();
  const { box, commit } = p;
  const put = async (content: Buffer | null, message: string): Promise<void> => {
    if (content === null) await box.run("repo", "rm", ["art/hero.bin"]);
    await commit({ [`${message}.bin`]: asset(message), ...(content ? { "art/hero.bin": content } : {}) }, message);
  };
  await commit({ "art/hero.bin": BASE }, "base");
  await box.git("repo", "branch", "theirs");
  box.env["GIT_COMMITTER_DATE"] = "2026-01-01T00:00:00Z";
  await put(ours, "mine");
  await box.git("repo", "switch", "-q", "theirs");
  await box.settled("repo");
  box.env["GIT_COMMITTER_DATE"] = "2026-01-02T00:00:00Z";
  await put(theirs, "other");
  delete box.env["GIT_COMMITTER_DATE"];
  await box.git("repo", "switch", "-q", "main");
  await box.settled("repo");
  return p;
}

const conflictsOf = async ({ box }: Project): Promise<string[]> => {
  const { entries } = JSON.parse(await box.mustBallast("repo", "status", "--json")) as Status;
  return entries.filter(({ state }) => state === "conflict").map(({ path }) => path);
};

describe("a merge in which both sides edited one asset", () => {
  it("is one conflict: ours stays, theirs is beside it, Git shows it, and neither Git nor Ballast records the copy", async () => {
    const p = await diverged();
    const { box } = p;
    const merge = await box.tryGit("repo", "merge", "--no-edit", "theirs");
    expect(merge.status).toBe(1);
    expect(merge.stderr).toContain("both sides changed art/hero.bin");
    expect(await conflictsOf(p)).toEqual(["art/hero.bin"]);
    expect(await box.git("repo", "status", "--short")).toBe("UU .ballast/manifest.jsonl");
    expect(await box.read("repo/art/hero.bin")).toEqual(OURS);
    expect(await box.read(BESIDE)).toEqual(THEIRS);
    expect(await box.read("repo/other.bin")).toEqual(asset("other"));
    expect(await box.mustBallast("repo", "show", ":3:art/hero.bin").then(() => "shown")).toBe("shown");
    expect(await box.mustBallast("repo", "diff", "--name-only")).toBe("art/hero.bin");
    await box.mustBallast("repo", "resolve", "art/hero.bin", "--ours");
    expect(await box.exists(BESIDE)).toBe(false);
    await box.git("repo", "add", "-A");
    await box.git("repo", "commit", "-q", "--no-edit");
    expect(await box.git("repo", "ls-files")).not.toContain("theirs");
    expect(await box.git("repo", "show", "HEAD:.ballast/manifest.jsonl")).not.toContain("ballast-theirs");
    expect(await box.git("repo", "status", "--short")).toBe("");
  });

  it.each([
    ["--theirs", THEIRS, OURS],
    ["--ours", OURS, THEIRS],
    ["--newest", THEIRS, OURS],
    ["--strategy=newest", THEIRS, OURS],
  ])("resolve %s takes that side, and tells how to get the other one back", async (option, taken, lost) => {
    const { box } = await diverged();
    await box.tryGit("repo", "merge", "--no-edit", "theirs");
    const said = await box.mustBallast("repo", "resolve", "art/hero.bin", option);
    expect(said).toContain(`git ballast show ${sha256(lost)}`);
    await box.git("repo", "commit", "-q", "--no-edit");
    await box.settled("repo");
    expect(await box.read("repo/art/hero.bin")).toEqual(taken);
    expect(await box.git("repo", "show", "HEAD:.ballast/manifest.jsonl")).toContain(sha256(taken));
    expect(await box.git("repo", "status", "--short")).toBe("");
    expect((await box.run("repo", "sh", ["-c", `git ballast show ${sha256(lost)} | sha256sum`])).stdout).toContain(sha256(lost));
  });

  it("resolve --file records the content of a file made by hand, also of the asset itself", async () => {
    const { box } = await diverged();
    await box.tryGit("repo", "merge", "--no-edit", "theirs");
    await box.write("repo/art/hero.bin", "merged by hand");
    const said = await box.mustBallast("repo", "resolve", "art/hero.bin", "--file", "art/hero.bin");
    expect(said).toContain(sha256(OURS));
    expect(said).toContain(sha256(THEIRS));
    await box.git("repo", "commit", "-q", "--no-edit");
    expect(await box.git("repo", "show", "HEAD:.ballast/manifest.jsonl")).toContain(sha256("merged by hand"));
    expect((await box.read("repo/art/hero.bin")).toString()).toBe("merged by hand");
    expect(await box.git("repo", "status", "--short")).toBe("");
  });

  it("checkout settles by the configured strategy, and by none as long as it is manual", async () => {
    const p = await diverged();
    const { box } = p;
    await box.tryGit("repo", "merge", "--no-edit", "theirs");
    await box.mustBallast("repo", "checkout");
    expect(await conflictsOf(p)).toEqual(["art/hero.bin"]);
    expect((await box.ballast("repo", "resolve", "art/hero.bin")).status).toBe(2);
    await box.git("repo", "config", "ballast.conflict.strategy", "theirs");
    expect(await box.mustBallast("repo", "checkout")).toContain("resolved  art/hero.bin");
    expect(await box.read("repo/art/hero.bin")).toEqual(THEIRS);
    expect(await conflictsOf(p)).toEqual([]);
  });

  it("an abort takes the copy away, but not one that was changed since", async () => {
    const p = await diverged();
    const { box } = p;
    await box.tryGit("repo", "merge", "--no-edit", "theirs");
    await box.git("repo", "merge", "--abort");
    await box.settled("repo");
    expect(await box.exists(BESIDE)).toBe(false);
    expect(await conflictsOf(p)).toEqual([]);
    await box.tryGit("repo", "merge", "--no-edit", "theirs");
    await box.write(BESIDE, "mine now");
    await box.git("repo", "merge", "--abort");
    await box.settled("repo");
    expect((await box.read(BESIDE)).toString()).toBe("mine now");
  });

  it("a merge can be aborted after all is resolved, whichever side was taken", async () => {
    const { box } = await diverged();
    for (const side of ["--theirs", "--ours"]) {
      await box.tryGit("repo", "merge", "--no-edit", "theirs");
      await box.mustBallast("repo", "resolve", "art/hero.bin", side);
      await box.git("repo", "merge", "--abort");
      await box.settled("repo");
      expect(await box.read("repo/art/hero.bin")).toEqual(OURS);
      expect(await box.git("repo", "status", "--short")).toBe("");
    }
  });
});

describe("a file that one side tracks and the other has in Git", () => {
  async function both(): Promise<Project> {
    const p = await project();
    const { box, commit } = p;
    await commit({ "a.bin": BASE });
    await box.git("repo", "switch", "-q", "-c", "theirs");
    await box.mustBallast("repo", "track", "*.dat");
    await commit({ "note.dat": THEIRS });
    await box.git("repo", "switch", "-q", "main");
    await box.settled("repo");
    await commit({ "note.dat": OURS });
    return p;
  }

  it("is in conflict after the merge, which says so; resolve leaves it to Ballast, and nothing is lost", async () => {
    const { box } = await both();
    const merged = await box.tryGit("repo", "merge", "-q", "--no-edit", "theirs");
    expect(merged.status).toBe(0);
    expect(merged.stderr).toContain("note.dat: your edit meets another version");
    expect(await box.read("repo/note.dat")).toEqual(OURS);
    const { stdout, stderr } = await box.ballast("repo", "status");
    expect(stdout).toMatch(/conflict +note\.dat/);
    expect(stderr).toContain("Git itself has note.dat too");
    expect((await box.ballast("repo", "doctor")).stdout).toMatch(/Git itself has note\.dat too, .*\n.*git ballast track --modified/);

    await box.write("repo/note.dat", BASE);
    await box.git("repo", "add", "note.dat");
    expect((await box.tryGit("repo", "commit", "-q", "-m", "Git's file")).stderr).toContain("not committed: note.dat is in conflict");

    expect(await box.mustBallast("repo", "resolve", "note.dat", "--ours")).toContain("note.dat leaves Git with the next commit");
    await box.git("repo", "add", "--all");
    await box.git("repo", "commit", "-q", "-m", "left to Ballast");
    expect(await box.git("repo", "show", "HEAD:.ballast/manifest.jsonl")).toContain(sha256(BASE));
    expect(await box.git("repo", "ls-files", "note.dat")).toBe("");
    expect(await box.git("repo", "status", "--short")).toBe("");
    expect(await box.read("repo/note.dat")).toEqual(BASE);
    await box.mustBallast("repo", "checkout", "--from", "theirs", "note.dat");
    expect(await box.read("repo/note.dat")).toEqual(THEIRS);
  });

  it("is theirs, and Ballast's, with --theirs", async () => {
    const { box } = await both();
    await box.git("repo", "merge", "-q", "--no-edit", "theirs");
    expect(await box.mustBallast("repo", "resolve", "note.dat", "--theirs")).toMatch(/not taken: git ballast show [0-9a-f]{64}/);
    expect(await box.read("repo/note.dat")).toEqual(THEIRS);
    expect(await box.git("repo", "status", "--short")).toBe("D  note.dat");
    await box.git("repo", "commit", "-q", "-m", "left to Ballast");
    await box.mustBallast("repo", "show", sha256(OURS));
  });

  it("is left to Ballast by track --modified where both have the same content", async () => {
    const { box, commit } = await both();
    await commit({ "note.dat": THEIRS });
    await box.git("repo", "merge", "-q", "--no-edit", "theirs");
    expect(await box.git("repo", "status", "--short")).toBe("");
    expect((await box.ballast("repo", "status")).stderr).toContain("Git itself has note.dat too, and writes its own version; git ballast track --modified");
    expect((await box.ballast("repo", "track", "--modified")).stderr).toContain("note.dat leaves Git with the next commit");
    await box.git("repo", "commit", "-q", "-m", "left to Ballast");
    expect((await box.ballast("repo", "status")).stderr).not.toContain("Git itself");
    expect(await box.git("repo", "status", "--short")).toBe("");
    expect(await box.read("repo/note.dat")).toEqual(THEIRS);
  });

  it("stays Git's, with remove, where no pattern matches it", async () => {
    const { box } = await both();
    await box.git("repo", "merge", "-q", "--no-edit", "theirs");
    await box.write("repo/.gitignore", (await box.read("repo/.gitignore")).toString().replace("*.dat\n", ""));
    expect((await box.ballast("repo", "status")).stderr).toContain("git ballast remove note.dat");
    await box.mustBallast("repo", "remove", "note.dat");
    await box.git("repo", "commit", "-q", "-am", "left to Git");
    expect(await box.git("repo", "ls-files", "note.dat")).toBe("note.dat");
    expect(await box.ballast("repo", "status")).toMatchObject({ stdout: expect.not.stringContaining("conflict"), stderr: expect.not.stringContaining("Git itself") });
    expect(await box.read("repo/note.dat")).toEqual(OURS);
  });
});

it("two conflicts and nothing else: theirs are beside ours; two processes resolve them at once, and both count", async () => {
  const { box, commit } = await project();
  await commit({ "a.bin": BASE, "b.bin": asset("b") });
  await box.git("repo", "switch", "-q", "-c", "theirs");
  await commit({ "a.bin": THEIRS, "b.bin": asset("b theirs") });
  await box.git("repo", "switch", "-q", "main");
  await box.settled("repo");
  await commit({ "a.bin": OURS, "b.bin": asset("b ours") });
  await box.tryGit("repo", "merge", "--no-edit", "theirs");
  expect(await box.read("repo/a.ballast-theirs.bin")).toEqual(THEIRS);
  expect(await box.read("repo/b.ballast-theirs.bin")).toEqual(asset("b theirs"));
  await box.git("repo", "merge", "--abort");
  expect(await box.exists("repo/a.ballast-theirs.bin")).toBe(false);
  await box.tryGit("repo", "merge", "--no-edit", "theirs");
  await Promise.all([box.mustBallast("repo", "resolve", "a.bin", "--ours"), box.mustBallast("repo", "resolve", "b.bin", "--theirs")]);
  await box.git("repo", "commit", "-q", "--no-edit");
  const manifest = await box.git("repo", "show", "HEAD:.ballast/manifest.jsonl");
  expect(manifest).toContain(sha256(OURS));
  expect(manifest).toContain(sha256(asset("b theirs")));
  expect([await box.read("repo/a.bin"), await box.read("repo/b.bin")]).toEqual([OURS, asset("b theirs")]);
  expect(await box.git("repo", "status", "--short")).toBe("");
});

describe("a merge of an edit and a removal", () => {
  it("is a conflict that either side settles", async () => {
    const removed = await diverged({ ours: null });
    await removed.box.tryGit("repo", "merge", "--no-edit", "theirs");
    expect(await conflictsOf(removed)).toEqual(["art/hero.bin"]);
    expect(await removed.box.read(BESIDE)).toEqual(THEIRS);
    await removed.box.mustBallast("repo", "resolve", "art/hero.bin", "--theirs");
    expect(await removed.box.read("repo/art/hero.bin")).toEqual(THEIRS);
    await removed.box.git("repo", "commit", "-q", "--no-edit");
    expect(await removed.box.git("repo", "status", "--short")).toBe("");

    const edited = await diverged({ theirs: null });
    await edited.box.tryGit("repo", "merge", "--no-edit", "theirs");
    expect(await edited.box.read("repo/art/hero.bin")).toEqual(OURS);
    expect(await edited.box.mustBallast("repo", "resolve", "art/hero.bin", "--newest")).toContain(sha256(OURS));
    expect(await edited.box.exists("repo/art/hero.bin")).toBe(false);
    await edited.box.git("repo", "commit", "-q", "--no-edit");
    expect(await edited.box.git("repo", "status", "--short")).toBe("");
  });
});

it("a merge of a rename and an edit is none: the edit goes to the new name", async () => {
  const { box, commit } = await project();
  await commit({ "a.bin": BASE });
  await box.git("repo", "switch", "-q", "-c", "theirs");
  await commit({ "a.bin": THEIRS });
  await box.git("repo", "switch", "-q", "main");
  await box.settled("repo");
  await box.run("repo", "mv", ["a.bin", "b.bin"]);
  await commit({});
  await box.git("repo", "merge", "-q", "--no-edit", "theirs");
  await box.settled("repo");
  expect(await box.read("repo/b.bin")).toEqual(THEIRS);
  expect(await box.exists("repo/a.bin")).toBe(false);
  expect(await box.git("repo", "status", "--short")).toBe("");
});

describe("a merge of two renames of one asset", () => {
  /** `ours.bin` here and `theirs.bin` there, both once `a.bin`; theirs was renamed later. */
  const apart = (): Promise<Project> => fresh("apart", async () => {
    const p = await project();
    const { box, commit } = p;
    await commit({ "a.bin": BASE });
    await box.git("repo", "branch", "theirs");
    const rename = async (to: string, date: string): Promise<void> => {
      box.env["GIT_COMMITTER_DATE"] = date;
      await box.run("repo", "mv", ["a.bin", to]);
      await commit({}, to);
      delete box.env["GIT_COMMITTER_DATE"];
    };
    await rename("ours.bin", "2026-01-01T00:00:00Z");
    await box.git("repo", "switch", "-q", "theirs");
    await box.settled("repo");
    await rename("theirs.bin", "2026-01-02T00:00:00Z");
    await box.git("repo", "switch", "-q", "main");
    await box.settled("repo");
    return p;
  });

  it.each([
    [["--ours", "."], ["ours.bin"]],
    [["--theirs", "."], ["theirs.bin"]],
    [["--newest", "."], ["theirs.bin"]],
    [["--theirs", "theirs.bin"], ["ours.bin", "theirs.bin"]],
  ])("is told, keeps both names in place, and waits for resolve %j", async (take, left) => {
    const p = await apart();
    const { box } = p;
    const merge = await box.tryGit("repo", "merge", "--no-edit", "theirs");
    expect(merge.status).toBe(1);
    expect(merge.stderr).toContain("both sides renamed a.bin, we to ours.bin and they to theirs.bin");
    expect(await conflictsOf(p)).toEqual(["ours.bin", "theirs.bin"]);
    expect((await box.tryGit("repo", "commit", "-qam", "too early")).status).toBe(1);
    for (const name of ["ours.bin", "theirs.bin"]) expect(await box.read(`repo/${name}`)).toEqual(BASE);
    expect((await box.run("repo", "ls", [])).stdout).not.toContain("ballast-theirs");
    const said = await box.mustBallast("repo", "resolve", ...take);
    // The content has one name at least: there is nothing to get back.
    expect(said).not.toContain("git ballast show");
    if (left.length > 1) await box.mustBallast("repo", "resolve", "--ours", "ours.bin");
    await box.git("repo", "commit", "-q", "--no-edit");
    await box.settled("repo");
    const names = ["a.bin", "ours.bin", "theirs.bin"];
    expect(names.filter((name) => existsSync(box.path("repo", name)))).toEqual(left);
    const manifest = await box.git("repo", "show", "HEAD:.ballast/manifest.jsonl");
    expect(names.filter((name) => manifest.includes(`"${name}"`))).toEqual(left);
    expect(await box.git("repo", "status", "--short")).toBe("");
  });
});

describe("an edit that met another version", () => {
  /** The user edits while the hooks are off, and Git moves the manifest. */
  const met = (): Promise<Project> => fresh("met", meet);
  async function meet(): Promise<Project> {
    const p = await project();
    const { box, commit } = p;
    await commit({ "a.bin": BASE });
    const two = await commit({ "a.bin": THEIRS });
    await box.git("repo", "switch", "-q", "--detach", "HEAD~1");
    await box.settled("repo");
    await box.write("repo/a.bin", OURS);
    box.env["BALLAST_SKIP"] = "1";
    await box.git("repo", "-c", "filter.ballast.process=", "checkout", "-q", "-f", two);
    delete box.env["BALLAST_SKIP"];
    return p;
  }

  it.each([
    ["manual", "OURS"],
    ["ours", "OURS"],
    ["theirs", "THEIRS"],
    ["newest", "OURS"],
  ] as const)("checkout --strategy %s", async (strategy, taken) => {
    const p = await met();
    const { box } = p;
    const said = await box.ballast("repo", "checkout", "--strategy", strategy);
    expect(await conflictsOf(p)).toEqual(strategy === "manual" ? ["a.bin"] : []);
    expect(await box.read("repo/a.bin")).toEqual(taken === "OURS" ? OURS : THEIRS);
    if (strategy === "theirs") {
      expect(said.stdout).toContain(`git ballast show ${sha256(OURS)}`);
      expect((await box.run("repo", "sh", ["-c", `git ballast show ${sha256(OURS)} | sha256sum`])).stdout).toContain(sha256(OURS));
      expect(await box.git("repo", "status", "--short")).toBe("");
    }
    if (strategy === "ours") expect(await box.git("repo", "status", "--short")).toBe(" M .ballast/manifest.jsonl");
  });

  it("is shown by git status and git diff until it is settled, and recorded by nothing", async () => {
    const { box } = await met();
    await box.mustBallast("repo", "checkout");
    const dirty = " M .ballast/manifest.jsonl";
    expect(await box.git("repo", "status", "--short")).toBe(dirty);
    const diff = await box.git("repo", "diff");
    expect(diff).toContain(sha256(THEIRS).slice(0, 12));
    expect(diff).toContain(sha256(OURS).slice(0, 12));
    await box.git("repo", "add", "--all");
    expect(await box.git("repo", "diff", "--cached", "--name-only")).toBe("");
    expect((await box.tryGit("repo", "commit", "-q", "-am", "no")).status).not.toBe(0);
    expect(await box.git("repo", "status", "--short")).toBe(dirty);
    await box.mustBallast("repo", "resolve", "a.bin", "--theirs");
    expect(await box.git("repo", "status", "--short")).toBe("");
  });

  it("keeps commits from being made, code alone included, until it is settled", async () => {
    const { box } = await met();
    await box.write("repo/code.txt", "code\n");
    await box.git("repo", "add", "code.txt");
    const refused = await box.tryGit("repo", "commit", "-q", "-m", "code");
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toMatch(/not committed: a\.bin is in conflict\n.*git ballast resolve a\.bin --ours/);
    // By hand: their version in the place of ours.
    await box.write("repo/a.bin", THEIRS);
    await box.git("repo", "commit", "-q", "-m", "code");
    expect(existsSync(box.path("repo/.git/ballast/edits-in-conflict"))).toBe(false);
  });

  it("newest takes what Git brought when the file is older", async () => {
    const { box } = await met();
    await utimes(box.path("repo/a.bin"), 1_000_000_000, 1_000_000_000);
    await box.mustBallast("repo", "checkout", "--strategy", "newest");
    expect(await box.read("repo/a.bin")).toEqual(THEIRS);
  });
});

it.each([
  ["newer", "2026-02-01T00:00:00Z", THEIRS],
  ["older", "2025-02-01T00:00:00Z", OURS],
])("a stash that meets another version is settled by --newest: it is %s", async (_which, date, taken) => {
  const { box, commit } = await project();
  await commit({ "a.bin": BASE });
  await box.write("repo/a.bin", THEIRS);
  box.env["GIT_COMMITTER_DATE"] = date;
  await box.git("repo", "stash", "-q");
  await box.settled("repo");
  box.env["GIT_COMMITTER_DATE"] = "2026-01-01T00:00:00Z";
  await commit({ "a.bin": OURS });
  delete box.env["GIT_COMMITTER_DATE"];
  expect((await box.tryGit("repo", "stash", "pop")).status).toBe(1);
  await box.mustBallast("repo", "resolve", "a.bin", "--newest");
  expect(await box.read("repo/a.bin")).toEqual(taken);
  await box.git("repo", "commit", "-q", "--allow-empty", "-am", "settled");
  expect(await box.git("repo", "show", "HEAD:.ballast/manifest.jsonl")).toContain(sha256(taken));
  expect(await box.git("repo", "status", "--short")).toBe("");
});

describe("pull --strategy", () => {
  it.each([["--no-rebase"], ["--rebase"]])("concludes a pull (%s) whose only conflicts it settles", async (how) => {
    const p = await project();
    const { box, commit } = p;
    await commit({ "a.bin": BASE });
    await box.git("repo", "push", "-q", "-u", "origin", "main");
    await box.git(".", "clone", "-q", "upstream.git", "other");
    await box.mustBallast("other", "checkout");
    await box.write("other/a.bin", THEIRS);
    // Commits of one second have no newest.
    box.env["GIT_COMMITTER_DATE"] = "2026-01-01T00:00:00Z";
    await box.git("other", "commit", "-qam", "theirs");
    delete box.env["GIT_COMMITTER_DATE"];
    await box.git("other", "push", "-q");
    await commit({ "a.bin": OURS });
    expect((await box.ballast("repo", "pull", how)).status).not.toBe(0);
    await box.git("repo", how === "--rebase" ? "rebase" : "merge", "--abort");
    await box.settled("repo");
    const said = await box.mustBallast("repo", "pull", how, "--strategy", "newest");
    await box.settled("repo");
    expect(said).toContain("resolved  a.bin");
    expect(await box.read("repo/a.bin")).toEqual(OURS);
    expect(await box.git("repo", "status", "--short")).toBe("");
    expect(await box.git("repo", "log", "-1", "--format=%s")).toMatch(how === "--rebase" ? /^change$/ : /^Merge branch .main. of /);
  });
});

describe("conflict markers in the manifest", () => {
  it("of a merge without the driver are understood, and settled like any conflict", async () => {
    const p = await diverged();
    const { box } = p;
    await box.git("repo", "config", "--remove-section", "merge.ballast");
    const merge = await box.tryGit("repo", "merge", "--no-edit", "theirs");
    expect(merge.stderr).toContain("both sides changed art/hero.bin");
    expect(await conflictsOf(p)).toEqual(["art/hero.bin"]);
    expect(await box.read("repo/art/hero.bin")).toEqual(OURS);
    expect(await box.read("repo/other.bin")).toEqual(asset("other"));
    await box.mustBallast("repo", "resolve", "art/hero.bin", "--theirs");
    await box.git("repo", "commit", "-q", "--no-edit");
    expect(await box.read("repo/art/hero.bin")).toEqual(THEIRS);
    expect(await box.git("repo", "status", "--short")).toBe("");
  });

  it("that somebody committed are reported, never misread, and mended by resolve and a commit", async () => {
    const p = await diverged();
    const { box } = p;
    box.env["BALLAST_SKIP"] = "1";
    await box.git("repo", "config", "--remove-section", "merge.ballast");
    await box.tryGit("repo", "-c", "filter.ballast.process=", "merge", "--no-edit", "theirs");
    await box.git("repo", "-c", "filter.ballast.process=", "commit", "-qam", "as a web page would");
    expect(await box.git("repo", "show", "HEAD:.ballast/manifest.jsonl")).toContain("<<<<<<<");
    expect(await conflictsOf(p)).toContain("art/hero.bin");
    delete box.env["BALLAST_SKIP"];
    await box.ballast("repo", "checkout");
    expect(await box.read("repo/art/hero.bin")).toEqual(OURS);
    const open = await conflictsOf(p);
    expect((await box.tryGit("repo", "commit", "-qam", "too early")).status).toBe(1);
    for (const path of open) await box.mustBallast("repo", "resolve", path, path === "mine.bin" ? "--ours" : path === "art/hero.bin" ? "--newest" : "--theirs");
    await box.git("repo", "commit", "-qam", "mended");
    await box.settled("repo");
    expect(await box.read("repo/art/hero.bin")).toEqual(THEIRS);
    expect(await box.read("repo/mine.bin")).toEqual(asset("mine"));
    expect(await box.read("repo/other.bin")).toEqual(asset("other"));
    expect(await box.git("repo", "status", "--short")).toBe("");
    expect(await conflictsOf(p)).toEqual([]);
  });
});
