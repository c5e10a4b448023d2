import { expect, test } from "vitest";
import { parseName } from "../../src/object/name.ts";
import { asset } from "../support/project.ts";
import { testS3 } from "../support/s3.ts";
import { sandbox, sha256 } from "../support/sandbox.ts";

const s3 = await testS3();

test.runIf(s3)("a base that only the bucket has is fetched where that is worth it, and never missed when it cannot be", async () => {
  const bucket = await s3!.bucket();
  const box = await sandbox({ env: { ...s3!.env(), BALLAST_STORE_ENDPOINT: s3!.endpoint, BALLAST_STORE_PATH_STYLE: "true", BALLAST_STORE_REGION: "us-east-1" } });
  const held = async (content: Buffer): Promise<string | undefined> => {
    const name = (await box.objects("repo/.git/ballast")).map((each) => parseName(each)!).find(({ oid }) => oid === sha256(content));
    return name && (name.base ?? name.encoding);
  };
  await box.git(".", "init", "-q", "--bare", "upstream.git");
  await box.git(".", "init", "-q", "repo");
  await box.git("repo", "remote", "add", "origin", box.path("upstream.git"));
  await box.mustBallast("repo", "init", `s3://${bucket}/team`);
  await box.mustBallast("repo", "track", "*.bin");
  const versions = [asset("hero", 60_000)];
  for (let i = 1; i < 5; i++) versions.push(Buffer.concat([versions.at(-1)!, Buffer.from(`version ${i}`)]));
  const record = async (i: number): Promise<void> => {
    await box.write("repo/hero.bin", versions[i]!);
    await box.git("repo", "add", "--all");
    await box.git("repo", "commit", "-q", "-m", `version ${i}`);
  };
  await record(0);
  await record(1);
  expect(await held(versions[1]!)).toBe(sha256(versions[0]!));
  await box.git("repo", "push", "-q", "-u", "origin", "main");

  // A cache that was emptied: the chain of the last version comes back for the next one.
  await box.run(".", "rm", ["-rf", "repo/.git/ballast/objects"]);
  await record(2);
  expect(await held(versions[2]!)).toBe(sha256(versions[1]!));
  expect(await held(versions[0]!)).toBe("raw");
  await box.git("repo", "push", "-q", "origin", "main");

  await box.run(".", "rm", ["-rf", "repo/.git/ballast/objects"]);
  box.env["BALLAST_STORE_ENDPOINT"] = "http://127.0.0.1:9";
  const began = Date.now();
  await record(3);
  expect(Date.now() - began).toBeLessThan(40_000);
  expect(await held(versions[3]!)).toBe("raw");
  box.env["BALLAST_STORE_ENDPOINT"] = s3!.endpoint;
  await box.git("repo", "push", "-q", "origin", "main");
  await box.mustBallast(".", "clone", "-q", "upstream.git", "clone");
  expect((await box.read("clone/hero.bin")).equals(versions[3]!)).toBe(true);
  const { total } = JSON.parse(await box.mustBallast("repo", "stats", "--remote", "--json")) as { total: { versions: number; absentBytes: number; storedBytes: number } };
  expect(total).toMatchObject({ versions: 4, absentBytes: 0 });
  expect(total.storedBytes).toBeLessThan(121_000);
});
