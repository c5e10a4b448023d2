import { expect, test } from "vitest";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { asset } from "../support/project.ts";
import { sandbox, sha256 } from "../support/sandbox.ts";
import { testS3 } from "../support/s3.ts";

const s3 = await testS3();

test.runIf(s3)("push, clone, fetch and purge through a bucket", async () => {
  const bucket = await s3!.bucket();
  const box = await sandbox({ env: { ...s3!.env(), BALLAST_STORE_ENDPOINT: s3!.endpoint, BALLAST_STORE_PATH_STYLE: "true", BALLAST_STORE_REGION: "us-east-1" } });
  const keys = async (): Promise<string[]> => {
    const { Contents = [] } = await s3!.client().send(new ListObjectsV2Command({ Bucket: bucket, Prefix: "team/objects/" }));
    return Contents.map(({ Key }) => Key!.split("/").at(-1)!).sort();
  };
  await box.git(".", "init", "-q", "--bare", "upstream.git");
  await box.git(".", "init", "-q", "repo");
  await box.git("repo", "remote", "add", "origin", box.path("upstream.git"));
  await box.mustBallast("repo", "init", `s3://${bucket}/team`);
  await box.mustBallast("repo", "track", "*.bin");
  const contents = [asset("a", 6_000_000), asset("b"), Buffer.alloc(0)];
  for (const [i, content] of contents.entries()) await box.write(`repo/sub/${i}.bin`, content);
  await box.git("repo", "add", "--all");
  await box.git("repo", "commit", "-q", "-m", "assets");
  await box.git("repo", "push", "-q", "-u", "origin", "main");
  expect(await keys()).toEqual(contents.map(sha256).sort());

  await box.mustBallast(".", "clone", "upstream.git", "clone");
  for (const [i, content] of contents.entries()) expect((await box.read(`clone/sub/${i}.bin`)).equals(content)).toBe(true);
  expect(await box.git("clone", "status", "--porcelain")).toBe("");

  await box.write("repo/never.bin", asset("never"));
  await box.mustBallast("repo", "track", "--modified", "--push");
  expect(await keys()).toContain(sha256(asset("never")));
  await box.mustBallast("repo", "remove", "--purge", "never.bin");
  expect(await keys()).toEqual(contents.map(sha256).sort());

  const [oid] = contents.map(sha256);
  const { DeleteObjectCommand } = await import("@aws-sdk/client-s3");
  await s3!.client().send(new DeleteObjectCommand({ Bucket: bucket, Key: `team/objects/${oid!.slice(0, 2)}/${oid}` }));
  await box.git(".", "clone", "-q", "upstream.git", "late");
  const { status, stdout, stderr } = await box.ballast("late", "fetch");
  expect(status).toBe(6);
  expect(stdout + stderr).toContain("sub/0.bin");
  expect(await box.objects("late/.git/ballast")).toEqual(contents.slice(1).map(sha256).sort());
  // The machine that has it mends the store.
  await box.mustBallast("repo", "push", "--all");
  await box.mustBallast("late", "checkout");
  expect((await box.read("late/sub/0.bin")).equals(contents[0]!)).toBe(true);
});
