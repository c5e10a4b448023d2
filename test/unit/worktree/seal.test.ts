import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, chmodSync, copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { lookLive, recordLive } from "../../../src/worktree/live.ts";
import { worktreeState } from "../../../src/git/repository.ts";
import { writeStamped } from "../../../src/worktree/stamp.ts";
import { StatIndex } from "../../../src/worktree/stat-index.ts";
import { scene, type Scene } from "../../support/repository.ts";

/** Longer than the window in which a file is racy. */
const WINDOW_MS = 130;

/** A hook that has a block of ours. */
const HOOK = "#!/bin/sh\n# >>> ballast\n:\n# <<< ballast\n";

let world: Scene;
let top: string;
const at = (path: string): string => join(top, path);

beforeEach(async () => {
  world = await scene();
  top = world.context.repository.top;
  mkdirSync(at(".ballast"));
  mkdirSync(at("art/deep"), { recursive: true });
  writeFileSync(at(".gitignore"), "# >>> ballast\n/art/\n*.psd\n# <<< ballast\n");
  for (const path of ["art/a", "art/b", "art/deep/c", "top.psd"]) writeFileSync(at(path), `content of ${path}`);
  writeStamped(world.context.repository, '{"ballast":"manifest","version":1}\n');
  writeFileSync(at(".git/hooks/pre-push"), HOOK);
  symlinkSync("pre-push", at(".git/hooks/post-merge"));
  await pause(WINDOW_MS);
});

/** Records all, has the manifest file follow, and says whether what is on disk is sealed. */
async function record(): Promise<boolean> {
  writeStamped(world.context.repository, await recordLive(world.context, { follows: true }));
  return isSealed();
}

/** As hooks/filter.sh asks. */
function isSealed(): boolean {
  const file = worktreeState(world.context.repository, "seal");
  return spawnSync("sh", ["-c", 'sealed=; . "$1"; [ "$sealed" = yes ]', "sh", file], { cwd: top, stdio: "ignore" }).status === 0;
}

const manifest = (): string => readFileSync(at(".ballast/manifest.jsonl"), "utf8");

describe("what was recorded is sealed at once, and is so no more after", () => {
  const keepTimes = (path: string, change: () => void): void => {
    const { atime, mtime } = statSync(at(path));
    change();
    utimesSync(at(path), atime, mtime);
  };
  const changes: Record<string, () => void | Promise<void>> = {
    "an edit": () => writeFileSync(at("art/a"), "edited"),
    "an edit of the same size": () => writeFileSync(at("art/a"), "CONTENT of art/a"),
    "an edit of the same size and modification time": () => keepTimes("art/a", () => writeFileSync(at("art/a"), "CONTENT of art/a")),
    "an edit by a rename that keeps size and time": () => keepTimes("art/a", () => (writeFileSync(at("other"), "CONTENT of art/a"), renameSync(at("other"), at("art/a")))),
    "two assets that change places": () => (renameSync(at("art/a"), at("x")), renameSync(at("art/b"), at("art/a")), renameSync(at("x"), at("art/b"))),
    "a deletion": () => rmSync(at("art/deep/c")),
    "the deletion of all": () => rmSync(at("art"), { recursive: true }),
    "a new file in a tracked directory": () => writeFileSync(at("art/new"), ""),
    "a new file in a new directory there": () => (mkdirSync(at("art/x/y"), { recursive: true }), writeFileSync(at("art/x/y/new"), "")),
    "a new file that a pattern matches": () => writeFileSync(at("other.psd"), ""),
    "a new file far below that a pattern matches": () => (mkdirSync(at("x/y"), { recursive: true }), writeFileSync(at("x/y/other.psd"), "")),
    "a file in a new directory that a pattern matches": () => (mkdirSync(at("x/y.psd"), { recursive: true }), writeFileSync(at("x/y.psd/other"), "")),
    "the executable bit": () => chmodSync(at("art/a"), 0o755),
    "a link in the place of an asset": () => (rmSync(at("art/a")), symlinkSync("b", at("art/a"))),
    "a link in the place of a directory": () => (renameSync(at("art"), at("moved")), symlinkSync("moved", at("art"))),
    "a directory in the place of an asset": () => (rmSync(at("art/a")), mkdirSync(at("art/a"))),
    "another pattern": () => appendFileSync(at(".gitignore"), "# >>> ballast\n*.wav\n# <<< ballast\n"),
    "another pattern of the same length": () => keepTimes(".gitignore", () => writeFileSync(at(".gitignore"), readFileSync(at(".gitignore"), "utf8").replace("psd", "wav"))),
    "a change of Git's configuration": () => void execFileSync("git", ["config", "core.fileMode", "false"], { cwd: top }),
    "a hook of ours that another program has written anew": () => writeFileSync(at(".git/hooks/pre-push"), "#!/bin/sh\n"),
    "a hook that is gone": () => rmSync(at(".git/hooks/pre-push")),
    "another manifest": () => writeStamped(world.context.repository, manifest().replace(/"path":"art\/a"/, '"path":"art/A"')),
    "the loss of the index": () => rmSync(worktreeState(world.context.repository, "index")),
    "an index that somebody wrote": async () => {
      const index = StatIndex.open(worktreeState(world.context.repository, "index"));
      index.update("art/a", { told: true });
      await index.save();
    },
    "a part of it that is cut off": () => {
      const file = worktreeState(world.context.repository, "seal");
      writeFileSync(file, readFileSync(file, "utf8").slice(0, -14));
    },
  };
  for (const [what, change] of Object.entries(changes)) {
    it(what, async () => {
      expect(await record()).toBe(true);
      expect(isSealed()).toBe(true);
      await change();
      expect(isSealed()).toBe(false);
    });
  }
});

describe("no seal is made", () => {
  /** Just written, however long this machine takes until somebody looks. */
  const fresh = (path: string): void => utimesSync(at(path), new Date(), new Date(Date.now() + 60_123));
  const aged = async (path: string): Promise<void> => {
    utimesSync(at(path), new Date(), new Date(Date.now() - 60_123));
    await pause(WINDOW_MS);
  };

  it("before the manifest file has what the disk has", async () => {
    const live = await recordLive(world.context, { follows: true });
    expect(isSealed()).toBe(false);
    writeStamped(world.context.repository, live);
    expect(isSealed()).toBe(true);
  });

  it("for an asset that was written a moment ago; the next look seals it", async () => {
    await record();
    writeFileSync(at("art/a"), "just now");
    fresh("art/a");
    expect(await record()).toBe(false);
    await aged("art/a");
    expect((await lookLive(world.context)).toString()).toBe(manifest());
    expect(isSealed()).toBe(true);
  });

  it("with patterns that were written a moment ago", async () => {
    appendFileSync(at(".gitignore"), "\n");
    fresh(".gitignore");
    expect(await record()).toBe(false);
    await aged(".gitignore");
    await lookLive(world.context);
    expect(isSealed()).toBe(true);
  });

  it("beside a hook that was written a moment ago", async () => {
    writeFileSync(at(".git/hooks/pre-push"), `${HOOK}true\n`);
    fresh(".git/hooks/pre-push");
    expect(await record()).toBe(false);
    await aged(".git/hooks/pre-push");
    await lookLive(world.context);
    expect(isSealed()).toBe(true);
  });

  it("for an edit that Git is not told to keep", async () => {
    await record();
    writeFileSync(at("art/a"), "edited");
    await pause(WINDOW_MS);
    expect((await lookLive(world.context)).toString()).not.toBe(manifest());
    expect(isSealed()).toBe(false);
    writeStamped(world.context.repository, await lookLive(world.context));
    expect(isSealed()).toBe(false);
  });

  it("where an asset is not on disk, or is not tracked", async () => {
    await record();
    copyFileSync(at("art/a"), at("ar"));
    writeFileSync(at(".ballast/manifest.jsonl"), manifest().replace('"art/a"', '"ar"'));
    writeStamped(world.context.repository, manifest());
    await pause(WINDOW_MS);
    await lookLive(world.context);
    expect(isSealed()).toBe(false);
  });

  it("where the patterns say more than find can be told", async () => {
    writeFileSync(at(".gitignore"), "# >>> ballast\n/art/\n*.[p]sd\n# <<< ballast\n");
    await pause(WINDOW_MS);
    expect(await record()).toBe(false);
  });
});

it("a recorded deletion and a rename are sealed too", async () => {
  await record();
  rmSync(at("art/b"));
  renameSync(at("art/a"), at("art/renamed"));
  await pause(WINDOW_MS);
  expect(await record()).toBe(true);
  expect((await lookLive(world.context)).toString()).toBe(manifest());
});
