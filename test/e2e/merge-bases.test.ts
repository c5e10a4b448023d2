import { expect, it } from "vitest";
import { expectClean } from "../support/assets.ts";
import { project, type Project } from "../support/project.ts";

/*
 * Merges in which Git asks the driver about something else than two commits and their only base.
 */

/** Has both branches merge what the other one had first; each settles the conflict by its own side, unless there is none. */
async function crossed({ box, commit }: Project, mine: Record<string, string>, other: Record<string, string>): Promise<void> {
  const git = async (...args: string[]): Promise<void> => {
    await box.git("repo", ...args);
    await box.settled("repo");
  };
  await commit({ "a.bin": "a" }, "base");
  await git("branch", "other");
  await commit(mine, "mine");
  await git("tag", "mine");
  await git("switch", "-q", "other");
  await commit(other, "theirs");
  await git("tag", "theirs");
  for (const [branch, from] of [["other", "mine"], ["main", "theirs"]] as const) {
    await git("switch", "-q", branch);
    const { status } = await box.tryGit("repo", "merge", "-q", "--no-edit", from);
    await box.settled("repo");
    if (status !== 0) await box.mustBallast("repo", "resolve", ".", "--ours");
    if (status !== 0) await git("commit", "-q", "--no-edit");
  }
}

it("two branches that merged each other and settled a conflict in different ways are in conflict again, and only about that", async () => {
  const p = await project();
  const { box } = p;
  await crossed(p, { "a.bin": "mine", "m.bin": "m" }, { "a.bin": "theirs", "t.bin": "t" });
  await expectClean(box, "repo", { "a.bin": "mine", "m.bin": "m", "t.bin": "t" });
  const { status, stderr } = await box.tryGit("repo", "merge", "-q", "--no-edit", "other");
  expect(status).toBe(1);
  expect(stderr.match(/both sides changed/g)).toHaveLength(1);
  await box.settled("repo");
  await box.mustBallast("repo", "resolve", "a.bin", "--theirs");
  await box.git("repo", "commit", "-q", "--no-edit");
  await expectClean(box, "repo", { "a.bin": "theirs", "m.bin": "m", "t.bin": "t" });
});

it("of two branches that merged each other, what each changed since is merged without a word", async () => {
  const p = await project();
  const { box, commit } = p;
  await crossed(p, { "m.bin": "m" }, { "t.bin": "t" });
  await commit({ "t.bin": "t of main" });
  await box.git("repo", "switch", "-q", "other");
  await box.settled("repo");
  await commit({ "m.bin": "m of other" });
  const { status, stderr } = await box.tryGit("repo", "merge", "-q", "--no-edit", "main");
  expect([status, stderr]).toEqual([0, expect.not.stringContaining("both sides")]);
  await expectClean(box, "repo", { "a.bin": "a", "m.bin": "m of other", "t.bin": "t of main" });
});

it("the manifest of a subtree is text: what is in conflict there has markers, and is no conflict of assets here", async () => {
  const { box, commit } = await project();
  await commit({ "a.bin": "a" });
  const [header, line] = (await box.read("repo/.ballast/manifest.jsonl")).toString().split("\n") as [string, string];
  const nested = async (digit: string): Promise<string> => commit({ "lib/.ballast/manifest.jsonl": `${header}\n${line.replace(/"oid":"./, `"oid":"${digit}`)}\n` });
  await commit({ "lib/.gitattributes": await box.read("repo/.gitattributes") });
  await nested("0");
  await box.git("repo", "switch", "-qc", "side");
  await nested("1");
  await box.git("repo", "switch", "-q", "main");
  await nested("2");
  const { status, stderr } = await box.tryGit("repo", "merge", "--no-edit", "side");
  expect([status, stderr]).toEqual([1, expect.not.stringContaining("ballast:")]);
  expect((await box.read("repo/lib/.ballast/manifest.jsonl")).toString()).toMatch(/^<{7} ours$[^]*"oid":"2[^]*^={7}$[^]*"oid":"1[^]*^>{7} theirs$/m);
  expect(await box.mustBallast("repo", "status")).toContain("every asset is as the manifest says");
  await box.git("repo", "merge", "--abort");
  await expectClean(box, "repo", { "a.bin": "a" });
});
