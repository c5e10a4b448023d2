import { rm } from "node:fs/promises";
import { expect, test } from "vitest";
import type { VerifyResult } from "../../src/commands/verify.ts";
import { asset, project } from "../support/project.ts";
import { sha256, type Sandbox } from "../support/sandbox.ts";

/* `verify`: what a job of CI can tell about commits, without a local store and without uploading. */
async function verify(box: Sandbox, cwd: string, ...args: string[]): Promise<VerifyResult & { status: number }> {
  const { status, stdout, stderr } = await box.ballast(cwd, "verify", "--json", ...args);
  if (stdout === "") throw new Error(`verify ended with ${status}: ${stderr}`);
  return { ...(JSON.parse(stdout) as VerifyResult), status };
}

test("the store has what the commits of a range add, or it is named with path and commit", async () => {
  const { box, commit } = await project();
  const first = await commit({ "a.bin": asset("1") });
  await box.git("repo", "push", "-q", "-u", "origin", "main");
  const second = await commit({ "a.bin": asset("2"), "b.bin": asset("b") });
  await commit({ "a.bin": asset("3") });
  await box.git("repo", "push", "-q");
  await box.git(".", "clone", "-q", "upstream.git", "ci");
  expect(await verify(box, "ci", "--base", first)).toMatchObject({ status: 0, base: first, commits: 2, contents: 3, findings: [] });
  const oid = sha256(asset("2"));
  await rm(box.path("store/objects", oid.slice(0, 2), oid));
  expect(await verify(box, "ci", "--base", first)).toMatchObject({ status: 1, findings: [{ kind: "missing", oid, neededBy: [{ path: "a.bin", commit: second }] }] });
  // Neither the tip alone nor what came before has it.
  expect(await verify(box, "ci", "--base", "HEAD~1")).toMatchObject({ status: 0, commits: 1, contents: 1 });
  expect(await verify(box, "ci", "--revision", first)).toMatchObject({ status: 0, revision: first, contents: 1 });
  expect(await box.objects("ci/.git/ballast")).toEqual([]);
  expect((await box.ballast("ci", "verify")).stdout).toMatch(/^missing +[0-9a-f]{64}: .*\n +needed by a\.bin of commit [0-9a-f]{12}\n.*1 finding\.$/m);
});

test("a manifest that nobody can read is found, also in the middle of a range, and hides nothing else", async () => {
  const { box, commit } = await project();
  const base = await commit({ "a.bin": asset("1") });
  await box.git("repo", "push", "-q", "-u", "origin", "main");
  // As by somebody without Ballast: no hook, no filter.
  await box.git(".", "clone", "-q", "upstream.git", "plain");
  const manifest = (await box.read("plain/.ballast/manifest.jsonl")).toString();
  const bad: string[] = [];
  const line = `{"path":"lost.bin","oid":"${sha256("lost")}","size":4}\n`;
  for (const text of [
    `${manifest}{"path":"big.bin","provisional":true,"size":5,"mtime":"1"}\n`,
    `${manifest}{"path":"../out","oid":"${sha256("x")}","size":1}\n`,
    manifest.split("\n").slice(1).join("\n"),
    `${manifest}${manifest.split("\n")[1]}\n`,
    `${manifest}${line}`,
  ]) {
    await box.write("plain/.ballast/manifest.jsonl", text);
    await box.git("plain", "commit", "-q", "-a", "-m", "by hand");
    bad.push(await box.git("plain", "rev-parse", "HEAD"));
  }
  const good = bad.pop();
  const { status, findings } = await verify(box, "plain", "--base", base);
  expect(status).toBe(1);
  expect(findings.filter(({ kind }) => kind === "manifest").map(({ key }) => key).sort()).toEqual(bad.sort());
  expect(findings.filter(({ kind }) => kind === "missing")).toMatchObject([{ oid: sha256("lost"), neededBy: [{ path: "lost.bin", commit: good }] }]);
  const fsck = await box.ballast("plain", "fsck");
  expect(fsck.status).toBe(1);
  // It reads what each commit adds, not each manifest as a whole.
  expect(fsck.stdout.match(/^manifest /gm)).toHaveLength(2);
});

test("an unknown base is told, with the way out of a shallow clone", async () => {
  const { box, commit } = await project();
  const base = await commit({ "a.bin": asset("1") });
  await commit({ "a.bin": asset("2") });
  await box.git("repo", "push", "-q", "-u", "origin", "main");
  await box.git(".", "clone", "-q", "--depth=1", `file://${box.path("upstream.git")}`, "ci");
  const { status, stderr } = await box.ballast("ci", "verify", "--base", base);
  expect(status).toBe(2);
  expect(stderr).toContain("--unshallow");
  expect(await verify(box, "ci")).toMatchObject({ status: 0, notes: [expect.stringContaining("shallow")] });
});
