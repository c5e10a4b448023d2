import { chmod } from "node:fs/promises";
import { expect, it } from "vitest";
import { project } from "../support/project.ts";

it("a Git that is too old gets one clear error before anything is written, and doctor says so", async () => {
  const { box, commit } = await project();
  await commit({ "a.bin": "a1" });
  await box.git("repo", "push", "-q", "origin", "main");
  const real = (await box.run(".", "sh", ["-c", "command -v git"])).stdout.trim();
  await box.write("bin/git", `#!/bin/sh\n[ "$1" != --version ] || { echo git version 2.25.1; exit 0; }\nexec ${real} "$@"\n`);
  await chmod(box.path("bin/git"), 0o755);
  await box.git(".", "init", "-q", "new");
  await box.git(".", "clone", "-q", "upstream.git", "clone");
  for (const [repo, ...command] of [["new", "init"], ["clone", "checkout"], ["clone", "install"]] as const) {
    const { status, stderr } = await box.ballast(repo, ...command);
    expect(status).toBe(3);
    expect(stderr).toMatch(/^ballast: Git 2\.25\.1 is too old: .*\n +→ install Git 2\.30 or later\n$/);
  }
  expect(await box.exists("new/.ballast")).toBe(false);
  expect(await box.exists("clone/.git/hooks/post-index-change")).toBe(false);
  expect((await box.ballast("repo", "doctor")).stdout).toMatch(/Git version.*2\.25\.1 is too old/);
});
