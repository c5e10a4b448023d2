import { describe, expect, it } from "vitest";
import { assetsOf, expectClean } from "../support/assets.ts";
import { sandbox } from "../support/sandbox.ts";

/*
 * Settings of Git that change how it names objects, keeps its index or writes files. Whatever they are, the same work ends
 * the same way.
 */
interface Kind {
  readonly name: string;
  /** Arguments of `git init`, for repository and upstream. */
  readonly init?: readonly string[];
  readonly config?: Readonly<Record<string, string>>;
  /** Git commands that are given at the beginning. */
  readonly begin?: readonly (readonly string[])[];
  /** How often the same conflict is met; once unless given. */
  readonly conflicts?: number;
}

const KINDS: readonly Kind[] = [
  { name: "object names of SHA-256", init: ["--object-format=sha256"] },
  { name: "feature.manyFiles: version 4 of the index, and the cache of untracked files", config: { "feature.manyFiles": "true", "core.untrackedCache": "true" } },
  { name: "a split index", config: { "core.splitIndex": "true", "splitIndex.maxPercentChange": "0" } },
  { name: "a sparse index", begin: [["sparse-checkout", "set", "--cone", "--sparse-index", "art"]] },
  { name: "line ends of another system", config: { "core.autocrlf": "true", "core.safecrlf": "false" } },
  { name: "rerere, which settles conflicts as they were settled before", config: { "rerere.enabled": "true", "rerere.autoUpdate": "true" }, conflicts: 2 },
  { name: "status without writing the index", config: { "core.preloadIndex": "false", "core.checkStat": "minimal", "core.trustctime": "false" } },
];

describe("with", () => {
  it.each(KINDS)("$name", async ({ init = [], config = {}, begin = [], conflicts = 1 }) => {
    const box = await sandbox();
    const git = async (...args: string[]): Promise<string> => {
      const out = await box.git("repo", ...args);
      await box.settled("repo");
      return out;
    };
    await box.git(".", "init", "-q", "--bare", ...init, "upstream.git");
    await box.git(".", "init", "-q", ...init, "repo");
    for (const [key, value] of Object.entries(config)) await git("config", key, value);
    await git("remote", "add", "origin", box.path("upstream.git"));
    await box.mustBallast("repo", "init", box.path("store"));
    await box.mustBallast("repo", "track", "*.bin");
    const one = { "a.bin": "a1", "art/b.bin": "b1" };
    for (const [path, content] of Object.entries(one)) await box.write(`repo/${path}`, content);
    await box.write("repo/other/text.txt", "text\n");
    await git("add", "-A");
    await git("commit", "-qm", "1");
    for (const args of begin) await git(...args);
    await expectClean(box, "repo", one);

    // An edit is seen, stashed and brought back; recorded by add and by commit -a.
    await box.write("repo/art/b.bin", "b2");
    expect(await git("status", "--porcelain")).toBe(" M .ballast/manifest.jsonl");
    await git("stash", "-q");
    await expectClean(box, "repo", one);
    await git("stash", "pop", "-q");
    await git("add", "-A");
    await git("commit", "-qm", "2");
    await expectClean(box, "repo", { ...one, "art/b.bin": "b2" });
    await git("switch", "-qc", "side", "HEAD~");
    await expectClean(box, "repo", one);
    await box.write("repo/a.bin", "a2");
    await git("commit", "-qam", "side");
    await git("merge", "-q", "--no-edit", "main");
    const merged = { "a.bin": "a2", "art/b.bin": "b2" };
    await expectClean(box, "repo", merged);

    // A conflict waits for the user, also one that was settled before.
    await git("switch", "-q", "main");
    for (let time = 1; time <= conflicts; time++) {
      await box.write("repo/a.bin", "a of main");
      await git("commit", "-qam", "main");
      expect((await box.tryGit("repo", "merge", "-q", "--no-edit", "side")).status).toBe(1);
      await box.settled("repo");
      expect(await git("status", "--porcelain", "--untracked-files=no")).toBe("UU .ballast/manifest.jsonl");
      expect(await assetsOf(box, "repo")).toMatchObject({ "a.bin": "a of main" });
      await box.mustBallast("repo", "resolve", "a.bin", "--theirs");
      await git("commit", "-q", "--no-edit");
      await expectClean(box, "repo", merged);
      if (time < conflicts) await git("reset", "-q", "--hard", "HEAD~2");
    }

    // What Git discards it discards, and a push brings everything to others.
    await box.write("repo/a.bin", "an edit");
    await git("reset", "-q", "--hard");
    await expectClean(box, "repo", merged);
    await git("push", "-q", "origin", "main");
    await box.git(".", "clone", "-q", "upstream.git", "clone");
    await box.mustBallast("clone", "checkout");
    await expectClean(box, "clone", merged);
  });
});
