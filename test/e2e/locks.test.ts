import { chmod, stat, utimes } from "node:fs/promises";
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { asset, project, type Project } from "../support/project.ts";
import type { Result, Sandbox } from "../support/sandbox.ts";

/** Ann works in `repo`, Ben in `ben`; both push to one upstream and one store. */
let p: Project;
let box: Sandbox;

async function begin(...track: string[]): Promise<void> {
  p = await project();
  box = p.box;
  if (track.length > 0) await box.mustBallast("repo", "track", ...track);
  await p.commit({ "art/hero.bin": asset("hero"), "art/tree.bin": asset("tree") });
  await box.git("repo", "push", "-q", "-u", "origin", "main");
  await box.mustBallast(".", "clone", "upstream.git", "ben");
}

async function as<T>(who: string, work: () => Promise<T>): Promise<T> {
  const before = { ...box.env };
  Object.assign(box.env, { GIT_COMMITTER_NAME: who, GIT_COMMITTER_EMAIL: `${who.toLowerCase()}@example.com` });
  try {
    return await work();
  } finally {
    Object.assign(box.env, before);
  }
}
const ann = (...args: string[]): Promise<Result> => as("Ann", () => box.ballast("repo", ...args));
const ben = (...args: string[]): Promise<Result> => as("Ben", () => box.ballast("ben", ...args));
const benGit = (...args: string[]): Promise<Result> => as("Ben", () => box.tryGit("ben", ...args));
const annGit = (...args: string[]): Promise<Result> => as("Ann", () => box.tryGit("repo", ...args));
const mode = async (path: string): Promise<number> => (await stat(box.path(path))).mode & 0o777;
const recordOf = (path: string, number: number): string => `store/locks/${createHash("sha256").update(path).digest("hex")}.${number}.json`;

async function benCommits(path: string, content: Uint8Array | undefined): Promise<Result> {
  if (content) await box.write(`ben/${path}`, content);
  else await box.run("ben", "rm", ["-f", path]);
  await benGit("add", "-A");
  return benGit("commit", "-q", "-m", "change");
}

describe("a lock", () => {
  beforeAll(() => begin());

  it("is one person's, who sees it as theirs, and others see whose it is", async () => {
    expect(await ann("lock", "art/hero.bin")).toMatchObject({ status: 0, stdout: "locked  art/hero.bin\n" });
    expect((await ann("lock", "art/hero.bin")).stdout).toMatch(/^yours already art\/hero\.bin {2}Ann <ann@example\.com> on .+ since \d{4}-\d\d-\d\d \d\d:\d\d UTC\n$/);
    const refused = await ben("lock", "art/hero.bin", "art/tree.bin");
    expect(refused.status).toBe(12);
    expect(refused.stdout).toMatch(/^held {4}art\/hero\.bin {2}Ann <ann@example\.com> on .*\nlocked {2}art\/tree\.bin\n$/);
    expect((await ann("locks")).stdout).toMatch(/^\* art\/hero\.bin {2}Ann .*\n {2}art\/tree\.bin {2}Ben .*\n$/);
    expect(JSON.parse((await ben("locks", "--mine", "--json")).stdout)).toMatchObject([{ path: "art/tree.bin", mine: true, owner: { name: "Ben", email: "ben@example.com" } }]);
  });

  it("of somebody else is released by force only", async () => {
    expect((await ben("unlock", "art/hero.bin")).status).toBe(12);
    expect((await ben("unlock", "art/hero.bin")).stdout).toMatch(/^held .*art\/hero\.bin {2}Ann /);
    expect(await ben("unlock", "--force", "art/hero.bin")).toMatchObject({ status: 0 });
    expect((await ann("unlock", "art/hero.bin")).stdout).toBe("not locked art/hero.bin\n");
    expect((await ben("unlock", "art")).stdout).toMatch(/^not locked art\/hero\.bin\nunlocked {3}art\/tree\.bin {2}Ben /);
    expect((await ann("locks")).stdout).toBe("");
  });

  it("can be had for a file that would be an asset, and for no other", async () => {
    expect((await ann("lock", "art/not yet.bin")).stdout).toBe("locked  art/not yet.bin\n");
    expect(await ann("lock", "notes.txt")).toMatchObject({ status: 2, stderr: expect.stringContaining("no asset matches notes.txt") });
    expect((await ann("unlock", "art/not yet.bin")).status).toBe(0);
    expect((await ann("lock")).status).toBe(2);
  });

  it("is not released while the asset has changes, but by force", async () => {
    await ann("lock", "art/hero.bin");
    await box.write("repo/art/hero.bin", asset("edited"));
    expect(await ann("unlock", "art/hero.bin")).toMatchObject({ status: 5, stderr: expect.stringContaining("art/hero.bin has changes that no commit has") });
    expect((await ann("unlock", "--force", "art/hero.bin")).status).toBe(0);
    await box.mustBallast("repo", "checkout", "--force", "art/hero.bin");
  });

  it("is there for two worktrees and clones of the same person", async () => {
    await ann("lock", "art/hero.bin");
    expect((await as("ANN", () => box.ballast("ben", "lock", "art/hero.bin"))).stdout).toMatch(/^yours already/);
    expect((await as("ANN", () => box.ballast("ben", "unlock", "art/hero.bin"))).status).toBe(0);
  });
});

describe("a push of what somebody else holds", () => {
  beforeAll(async () => {
    await begin();
    await ann("lock", "art/hero.bin");
    expect((await ben("locks", "--cached")).stdout).toBe("");
    await ben("fetch");
    expect((await ben("locks", "--cached")).stdout).toMatch(/^ {2}art\/hero\.bin {2}Ann /);
  });
  const reset = () => benGit("reset", "-q", "--hard", "origin/main");
  const refused = async (...push: string[]): Promise<string> => {
    const before = await p.upstream("main");
    const { status, stderr } = await benGit("push", ...push);
    expect(status, stderr).not.toBe(0);
    expect(await p.upstream("main")).toBe(before);
    return stderr;
  };

  it("is refused, naming the holder, and a commit warns of it", async () => {
    const commit = await benCommits("art/hero.bin", asset("ben's"));
    expect(commit.stderr).toMatch(/art\/hero\.bin is locked by Ann <ann@example\.com> on .* \(seen .* UTC\)\n.*git push will refuse/);
    const head = (await box.git("ben", "rev-parse", "HEAD")).slice(0, 12);
    expect(await refused()).toMatch(new RegExp(`not pushed: art/hero\\.bin \\(changed by commit ${head}\\) is locked by Ann <ann@example\\.com>`));
    expect(await box.objects("store")).toHaveLength(2);
    await reset();
  });

  it("is refused when a later commit takes the change back", async () => {
    await benCommits("art/hero.bin", asset("ben's"));
    await benCommits("art/hero.bin", asset("hero"));
    expect(await benGit("diff", "--quiet", "origin/main")).toMatchObject({ status: 0 });
    expect(await refused()).toContain("art/hero.bin");
    await reset();
  });

  it("is refused for a deletion, a renaming and a new executable bit", async () => {
    await benCommits("art/hero.bin", undefined);
    expect(await refused()).toContain("art/hero.bin");
    await reset();
    await box.run("ben", "mv", ["art/hero.bin", "art/heroine.bin"]);
    await benGit("add", "-A");
    await benGit("commit", "-q", "-m", "rename");
    expect(await refused()).toContain("art/hero.bin");
    await reset();
    await box.run("ben", "rm", ["-f", "art/heroine.bin"]);
    await chmod(box.path("ben/art/hero.bin"), 0o755);
    await benGit("add", "-A");
    await benGit("commit", "-q", "-m", "mode");
    expect(await refused()).toContain("art/hero.bin");
    await reset();
  });

  it("is not refused for other assets, for the holder, and where that is switched off", async () => {
    await benCommits("art/tree.bin", asset("other tree"));
    expect(await benGit("push", "-q")).toMatchObject({ status: 0 });
    await benCommits("art/hero.bin", asset("ben's"));
    await refused();
    await benGit("branch", "mine");
    box.env["BALLAST_LOCKS_VERIFY"] = "false";
    try {
      expect((await benGit("push", "-q", "origin", "mine")).status).toBe(0);
    } finally {
      delete box.env["BALLAST_LOCKS_VERIFY"];
    }
    await reset();
    await annGit("pull", "-q");
    await box.write("repo/art/hero.bin", asset("ann's"));
    await annGit("commit", "-qam", "hero");
    expect(await annGit("push", "-q")).toMatchObject({ status: 0 });
  });

  it("is not refused for a merge of what the holder pushed, but for one that makes up another version", async () => {
    await benCommits("art/tree.bin", asset("a third tree"));
    expect(await benGit("pull", "-q", "--no-rebase", "--no-edit")).toMatchObject({ status: 0 });
    expect(await box.git("ben", "rev-list", "--merges", "--count", "origin/main..HEAD")).toBe("1");
    expect(await benGit("push", "-q")).toMatchObject({ status: 0 });
    await benGit("switch", "-q", "-c", "side", "HEAD~");
    await box.write("ben/notes.txt", "x");
    await benGit("add", "notes.txt");
    await benGit("commit", "-qm", "notes");
    await benGit("switch", "-q", "main");
    await box.write("ben/code.txt", "x");
    await benGit("add", "code.txt");
    await benGit("commit", "-qm", "code");
    await benGit("merge", "-q", "--no-commit", "side");
    await box.write("ben/art/hero.bin", asset("made up"));
    await benGit("commit", "-qam", "evil merge");
    expect(await box.git("ben", "rev-list", "--merges", "--count", "origin/main..HEAD")).toBe("1");
    expect(await refused()).toContain("art/hero.bin");
    await reset();
  });

  it("is refused for a lock that nobody can read, and such a one is listed and released by force", async () => {
    const record = recordOf("art/tree.bin", 1);
    for (const content of ["no json", `{"ballast":"lock","version":1,"path":"art/hero.bin","owner":{"name":"x","email":""},"machine":"m","time":"2026-01-01","nonce":"n"}`, Buffer.alloc(100_000, "x")]) {
      await box.write(record, content);
      expect((await ben("locks")).stdout).toMatch(/ {2}art\/tree\.bin {2}nobody knows whom: the record locks\/[0-9a-f]{64}\.1\.json cannot be read, since it/);
      await benCommits("art/tree.bin", asset("again"));
      expect(await refused()).toContain("art/tree.bin");
      await reset();
      expect((await ben("lock", "art/tree.bin")).status).toBe(12);
    }
    expect((await ben("unlock", "art/tree.bin")).status).toBe(12);
    expect((await ben("unlock", "--force", "art/tree.bin")).status).toBe(0);
    expect((await ben("lock", "art/tree.bin")).stdout).toBe("locked  art/tree.bin\n");
    expect(await box.exists(recordOf("art/tree.bin", 3))).toBe(true);
  });

  it("shows an owner's name without what a terminal would obey", async () => {
    const evil = { name: "\u001b]0;owned\u0007Mallory\n\u202e\u001b[2J", email: "m\u009b31m@example.com" };
    const body = { ballast: "lock", version: 1, path: "art/hero.bin", owner: evil, machine: "\u001b[31mbox", time: "2026-01-01T00:00:00Z", nonce: "n" };
    await ann("unlock", "--force", "art/hero.bin");
    const next = (await box.exists(recordOf("art/hero.bin", 3))) ? 5 : 3;
    await box.write(recordOf("art/hero.bin", next), JSON.stringify(body));
    await benCommits("art/hero.bin", asset("ben's"));
    const said = [await refused(), (await ben("locks")).stdout, (await ben("lock", "art/hero.bin")).stdout].join("");
    expect(said).toContain("Mallory");
    expect(said).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect((await ben("locks")).stdout.split("\n").filter(Boolean)).toHaveLength(2);
    await reset();
  });
});

describe("a lockable asset", () => {
  beforeAll(() => begin("--lockable", "*.bin"));

  it("is read-only after the commit and in a clone, writable while locked, and nothing is modified by that", async () => {
    expect(await box.git("repo", "show", "HEAD:.gitattributes")).toContain("\n*.bin lockable\n");
    for (const path of ["repo/art/hero.bin", "ben/art/hero.bin"]) expect(await mode(path)).toBe(0o444);
    await ann("lock", "art/hero.bin");
    expect(await mode("repo/art/hero.bin")).toBe(0o644);
    expect(await mode("repo/art/tree.bin")).toBe(0o444);
    expect(await box.git("repo", "status", "--porcelain")).toBe("");
    await ann("unlock", "art/hero.bin");
    expect(await mode("repo/art/hero.bin")).toBe(0o444);
    expect(await box.git("repo", "status", "--porcelain")).toBe("");
    expect(await box.git("repo", "log", "-1", "--format=%s")).toBe("change");
  });

  it("keeps its executable bit, and is not read again for its mode", async () => {
    await ann("lock", "art/tree.bin");
    await chmod(box.path("repo/art/tree.bin"), 0o755);
    await annGit("commit", "-qam", "executable");
    expect(await mode("repo/art/tree.bin")).toBe(0o755);
    await ann("unlock", "art/tree.bin");
    expect(await mode("repo/art/tree.bin")).toBe(0o555);
    // Whatever is read again is noted anew.
    const index = await box.read("repo/.git/ballast/index");
    expect(await box.git("repo", "status", "--porcelain")).toBe("");
    expect((await box.read("repo/.git/ballast/index")).equals(index)).toBe(true);
    await annGit("push", "-q");
    await benGit("pull", "-q");
    expect(await mode("ben/art/tree.bin")).toBe(0o555);
  });

  it("that was edited nevertheless stays writable and is recorded, and a commit makes it read-only again", async () => {
    await chmod(box.path("ben/art/hero.bin"), 0o644);
    await box.write("ben/art/hero.bin", asset("edited"));
    expect(await box.git("ben", "status", "--porcelain")).toBe(" M .ballast/manifest.jsonl");
    await ben("checkout");
    expect(await mode("ben/art/hero.bin")).toBe(0o644);
    await benGit("add", "-A");
    await benGit("commit", "-qm", "edit");
    expect(await mode("ben/art/hero.bin")).toBe(0o444);
    await box.write("ben/art/new.bin", asset("new"));
    await benGit("add", "-A");
    expect(await mode("ben/art/new.bin")).toBe(0o644);
    await benGit("commit", "-qm", "new");
    expect(await mode("ben/art/new.bin")).toBe(0o444);
  });

  it("is replaced by Git's moves although it is read-only, and stays writable for its holder", async () => {
    await ben("lock", "art/new.bin");
    await benGit("switch", "-q", "--detach", "HEAD~");
    expect(await box.exists("ben/art/new.bin")).toBe(false);
    await benGit("switch", "-q", "main");
    expect(await mode("ben/art/new.bin")).toBe(0o644);
    await benGit("reset", "-q", "--hard", "HEAD~2");
    expect((await box.read("ben/art/hero.bin")).equals(asset("hero"))).toBe(true);
    expect(await mode("ben/art/hero.bin")).toBe(0o444);
  });

  it("is one no more after track --not-lockable", async () => {
    await box.mustBallast("repo", "track", "--lockable", "*.tif");
    await box.write("repo/scan.tif", "x");
    await utimes(box.path("repo/scan.tif"), 1, 1);
    await box.mustBallast("repo", "track", "--lockable", "*.tif");
    expect(await mode("repo/scan.tif")).toBe(0o444);
    expect((await ann("track", "--lockable", "--not-lockable", "*.tif")).status).toBe(2);
    await box.mustBallast("repo", "track", "--not-lockable", "*.tif");
    expect(await mode("repo/scan.tif")).toBe(0o644);
    expect((await box.read("repo/.gitattributes")).toString()).not.toContain("*.tif");
    expect(await mode("repo/art/hero.bin")).toBe(0o444);
  });

  it("may be a directory or a path with blanks, and an attribute of Git LFS counts", async () => {
    await box.mustBallast("repo", "track", "--lockable", "a b");
    await box.write("repo/a b/sub/x y.dat", "x");
    await box.write("repo/.gitattributes", `${(await box.read("repo/.gitattributes")).toString()}*.psd filter=lfs diff=lfs merge=lfs -text lockable\n`);
    await box.mustBallast("repo", "track", "a b/", "*.psd");
    await box.write("repo/a.psd", "x");
    await box.mustBallast("repo", "track", "--modified");
    await utimes(box.path("repo/a.psd"), 1, 1);
    await box.mustBallast("repo", "track", "--lockable", "a b/");
    expect(await mode("repo/a b/sub/x y.dat")).toBe(0o444);
    await box.mustBallast("repo", "checkout");
    expect(await mode("repo/a.psd")).toBe(0o444);
  });
});

describe("a store that a team moves to", () => {
  beforeAll(() => begin());

  it("has the locks, whoever held them, and numbers that go on from what it has", async () => {
    await ann("lock", "art/hero.bin");
    await ben("lock", "art/tree.bin");
    const carried = await ann("store", "set", "../moved");
    expect(carried.stdout).toContain("2 locks carried over");
    const listed = async (): Promise<string[]> => (JSON.parse((await ann("locks", "--json")).stdout) as { path: string; owner: { name: string } }[]).map(({ path, owner }) => `${path} ${owner.name}`);
    expect(await listed()).toEqual(["art/hero.bin Ann", "art/tree.bin Ben"]);
    // Back again: what the first store has of a path counts there.
    await ann("unlock", "art/hero.bin");
    await ann("lock", "art/hero.bin");
    expect((await ann("unlock", "--force", "art/tree.bin")).status).toBe(0);
    expect((await ann("store", "set", "../store")).stdout).toContain("1 lock carried over");
    expect(await listed()).toEqual(["art/hero.bin Ann", "art/tree.bin Ben"]);
  });
});
