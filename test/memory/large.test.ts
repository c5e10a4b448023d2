import { copyFile, rm, stat } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { sandbox, type Sandbox } from "../support/sandbox.ts";
import { damage, editLarge, makeRepository, objectsIn, writeLarge } from "./contents.ts";
import { EXHAUSTIVE, Meter } from "./meter.ts";

/*
 * A large asset in bounded memory, by every command that reads its content. The bound for 4 GiB is 200 MB, and holds for
 * less too: the index of a delta's base has grown to its full size, and a command that held a whole file would take that
 * and some 50 MB for itself.
 */
const MIB = 1024 ** 2;
const GIB = 1024 * MIB;
const SIZE_BYTES = EXHAUSTIVE ? 4 * GIB : 192 * MIB;
const BOUND_MB = 200;
const TIMEOUT_MS = EXHAUSTIVE ? 3_600_000 : 240_000;

describe("a large asset takes bounded memory", { timeout: TIMEOUT_MS }, () => {
  let box: Sandbox;
  let meter: Meter;
  const edit = (seed: string): Promise<void> => editLarge(box, "repo/film.mov", SIZE_BYTES, seed);
  const commit = async (...args: string[]): Promise<void> => {
    await box.git("repo", "commit", "-q", ...args);
    await box.settled("repo");
  };
  beforeAll(async () => {
    box = await sandbox();
    meter = new Meter(box);
    await makeRepository(box, `file://${box.path("store")}`, "*.mov");
  });

  it("from its recording to a clone", async () => {
    await writeLarge(box, "repo/film.mov", SIZE_BYTES);
    await meter.hold("git add, a new asset", BOUND_MB, "repo", "git", "add", "--all");
    await commit("-m", "film");
    await meter.hold("git push", BOUND_MB, "repo", "git", "push", "-q", "origin", "main");
    await meter.hold("clone", BOUND_MB, ".", box.path("bin/git-ballast"), "clone", "-q", box.path("up.git"), "clone");
    expect((await stat(box.path("clone/film.mov"))).size).toBe(SIZE_BYTES);
  });

  it("when it has another version", async () => {
    await edit("second");
    await meter.hold("status", BOUND_MB, "repo", "git", "ballast", "status");
    await meter.hold("diff", BOUND_MB, "repo", "git", "ballast", "diff");
    await meter.hold("git add, another version", BOUND_MB, "repo", "git", "add", "--all");
    await commit("-m", "second");
    await meter.hold("git push, another version", BOUND_MB, "repo", "git", "push", "-q", "origin", "main");
    await meter.hold("git pull", BOUND_MB, "clone", "git", "pull", "-q");
    await meter.hold("show", BOUND_MB, "repo", "sh", "-c", "git ballast show HEAD:film.mov >/dev/null");
    await meter.hold("checkout --from", BOUND_MB, "repo", "git", "ballast", "checkout", "--from", "HEAD~1", "film.mov");
    await meter.hold("checkout --force", BOUND_MB, "repo", "git", "ballast", "checkout", "--force", "film.mov");
  });

  it("when Git takes an edit away and brings it back", async () => {
    await edit("stashed");
    await meter.hold("git stash", BOUND_MB, "repo", "git", "stash", "-q");
    await meter.hold("git stash pop", BOUND_MB, "repo", "git", "stash", "pop", "-q");
    await meter.hold("git reset --hard", BOUND_MB, "repo", "git", "reset", "-q", "--hard");
  });

  it.runIf(EXHAUSTIVE)("in a merge, a conflict and its resolution", async () => {
    await box.git("repo", "switch", "-q", "-c", "side");
    await edit("side");
    await meter.hold("git commit -a", BOUND_MB, "repo", "git", "commit", "-qam", "side");
    await meter.hold("git switch", BOUND_MB, "repo", "git", "switch", "-q", "main");
    await box.write("repo/note", "");
    await box.git("repo", "add", "note");
    await commit("-m", "note");
    await meter.hold("git merge", BOUND_MB, "repo", "git", "merge", "-q", "-m", "merge", "side");
    await box.git("repo", "reset", "-q", "--hard", "HEAD~1");
    await box.settled("repo");
    await meter.hold("git rebase", BOUND_MB, "repo", "git", "rebase", "-q", "main", "side");
    await box.git("repo", "switch", "-q", "main");
    await box.settled("repo");
    await edit("main");
    await commit("-am", "main");
    await meter.hold("git merge, a conflict", BOUND_MB, "repo", "sh", "-c", "! git merge -q side");
    await meter.hold("resolve --ours", BOUND_MB, "repo", "git", "ballast", "resolve", "--ours", "film.mov");
    const merge = async (): Promise<void> => {
      await box.git("repo", "reset", "-q", "--hard");
      await box.settled("repo");
      expect((await box.tryGit("repo", "merge", "-q", "side")).status).not.toBe(0);
      await box.settled("repo");
    };
    await merge();
    await meter.hold("resolve --theirs", BOUND_MB, "repo", "git", "ballast", "resolve", "--theirs", "film.mov");
    await merge();
    await copyFile(box.path("clone/film.mov"), box.path("other.mov"));
    await editLarge(box, "other.mov", SIZE_BYTES, "other");
    await meter.hold("resolve --file", BOUND_MB, "repo", "git", "ballast", "resolve", "--file", box.path("other.mov"), "film.mov");
    await rm(box.path("other.mov"));
    await commit("-m", "merged");
    await box.git("repo", "push", "-q", "origin", "main", "side");
  });

  it("when stores are looked after", async () => {
    if (EXHAUSTIVE) await meter.hold("fetch", BOUND_MB, "clone", "sh", "-c", "git fetch -q && git ballast fetch --all");
    // So much room is wanted below.
    await rm(box.path("clone"), { recursive: true });
    await meter.hold("fsck --deep", BOUND_MB, "repo", "git", "ballast", "fsck", "--deep");
    await meter.hold("repack, to whole objects", BOUND_MB, "repo", "git", "ballast", "--set", "delta.mode=never", "repack");
    await meter.hold("repack, to deltas", BOUND_MB, "repo", "git", "ballast", "repack");
    await meter.hold("store set", BOUND_MB, "repo", "git", "ballast", "store", "set", box.path("moved"));
    await commit("-am", "moved");
    await meter.hold("prune", BOUND_MB, "repo", "git", "ballast", "prune", "--recent", "0");
    // The first version, which is whole.
    await damage((await objectsIn(box.path("moved"))).find(({ base }) => base === undefined)!.path, SIZE_BYTES / 4);
    await meter.hold("fsck --deep --repair --from", BOUND_MB, "repo", "git", "ballast", "fsck", "--deep", "--repair", "--from", box.path("store"));
    await meter.hold("checkout", BOUND_MB, "repo", "sh", "-c", "rm film.mov && git ballast checkout --all");
    await meter.hold("cleanup", BOUND_MB, "repo", "git", "ballast", "cleanup", "--now", "--yes", "--older-than", "0");
  });
});
