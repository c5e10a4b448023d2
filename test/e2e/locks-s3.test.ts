import { expect, it } from "vitest";
import { asset } from "../support/project.ts";
import { sandbox } from "../support/sandbox.ts";
import { testS3 } from "../support/s3.ts";

const s3 = await testS3();

it.runIf(s3)("locks in a bucket keep others from pushing, and credentials that are refused keep everybody", async () => {
  const box = await sandbox({ env: s3!.env() });
  await box.git(".", "init", "-q", "--bare", "upstream.git");
  await box.git(".", "init", "-q", "repo");
  await box.git("repo", "remote", "add", "origin", box.path("upstream.git"));
  await box.mustBallast("repo", "init", `s3://${await s3!.bucket()}/team`);
  await box.mustBallast("repo", "track", "--lockable", "*.bin");
  await box.write("repo/hero.bin", asset("hero"));
  await box.git("repo", "add", "--all");
  await box.git("repo", "commit", "-q", "-m", "assets");
  await box.git("repo", "push", "-q", "-u", "origin", "main");
  expect((await box.ballast("repo", "doctor")).stdout).toMatch(/ok {3}conditional writes: of 8 writers of one object at most one is told/);

  const secret = box.env["AWS_SECRET_ACCESS_KEY"]!;
  box.env["AWS_SECRET_ACCESS_KEY"] = "expired";
  const denied = await box.ballast("repo", "lock", "hero.bin");
  expect(denied.status, denied.stderr).toBe(9);
  expect((await box.ballast("repo", "locks")).status).toBe(9);
  expect(denied.stdout + denied.stderr).not.toContain(secret);
  box.env["AWS_SECRET_ACCESS_KEY"] = secret;
  expect(await box.mustBallast("repo", "locks")).toBe("");

  expect(await box.mustBallast("repo", "lock", "hero.bin")).toBe("locked  hero.bin");
  box.env["GIT_COMMITTER_EMAIL"] = "ben@example.com";
  expect((await box.ballast("repo", "lock", "hero.bin")).status).toBe(12);
  await box.write("repo/hero.bin", asset("edited"));
  await box.git("repo", "commit", "-q", "-a", "-m", "edit");
  const push = await box.tryGit("repo", "push");
  expect(push.status).not.toBe(0);
  expect(push.stderr).toContain("hero.bin (changed by commit");
  box.env["AWS_SECRET_ACCESS_KEY"] = "expired";
  expect((await box.tryGit("repo", "push")).status).not.toBe(0);
  box.env["AWS_SECRET_ACCESS_KEY"] = secret;
  box.env["GIT_COMMITTER_EMAIL"] = "committer@example.com";
  await box.git("repo", "push", "-q");
  expect(await box.mustBallast("repo", "unlock", "hero.bin")).toMatch(/^unlocked {3}hero\.bin {2}C\. Committer <committer@example\.com>/);
  expect(await box.mustBallast("repo", "locks")).toBe("");
});
