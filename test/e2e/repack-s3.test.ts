import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { faultProxy, type FaultProxy } from "../support/fault-proxy.ts";
import { testS3 } from "../support/s3.ts";
import { random, sandbox, type Sandbox } from "../support/sandbox.ts";

const COUNT = 30;
const s3 = await testS3();

describe.runIf(s3)("a repack of a bucket that the clone has nothing of", () => {
  let box: Sandbox;
  let proxy: FaultProxy;
  beforeAll(async () => {
    proxy = await faultProxy(s3!.endpoint);
    box = await sandbox({ env: { ...s3!.env(), AWS_ENDPOINT_URL_S3: proxy.endpoint, BALLAST_STORE_ENDPOINT: proxy.endpoint } });
    await box.git(".", "init", "-q", "--bare", "upstream.git");
    await box.git(".", "init", "-q", "repo");
    await box.git("repo", "remote", "add", "origin", box.path("upstream.git"));
    await box.mustBallast("repo", "init", `s3://${await s3!.bucket()}/store`);
    await box.mustBallast("repo", "track", "*.bin");
    for (let i = 0; i < COUNT; i++) await box.write(`repo/${i}.bin`, random(3000, i));
    await box.git("repo", "add", "--all");
    await box.git("repo", "commit", "-q", "-m", "assets");
    await box.settled("repo");
    await box.git("repo", "push", "-q", "-u", "origin", "main");
    await rm(box.path("repo/.git/ballast/objects"), { recursive: true });
  });
  afterAll(() => proxy?.close());

  /** What a run says, and how many objects it has fetched. */
  async function repack(...args: string[]): Promise<{ examined: number; rewritten: number; fetched: number; others: number }> {
    proxy.reset();
    const { examined, rewritten } = JSON.parse(await box.mustBallast("repo", "repack", "--json", ...args)) as { examined: number; rewritten: number };
    const fetched = proxy.count(({ method, path }) => method === "GET" && path.includes("/objects/"));
    return { examined, rewritten, fetched, others: proxy.requests.length - fetched };
  }

  it("fetches each object once, and lists when there is nothing to do", async () => {
    const first = await repack();
    expect(first).toMatchObject({ examined: COUNT, rewritten: 0, fetched: COUNT });
    const second = await repack();
    expect(second).toMatchObject({ examined: COUNT, rewritten: 0, fetched: 0 });
    // Claim, removal record and listings, however many objects there are.
    expect(second.others).toBeLessThan(COUNT);
    expect(await repack("--dry-run")).toMatchObject({ examined: COUNT, rewritten: 0, fetched: 0 });
  });

  it("fetches anew what other settings may change, and remembers both", async () => {
    const best = ["--set", "compression.level=9", "--dry-run"];
    expect(await repack(...best)).toMatchObject({ rewritten: 0, fetched: COUNT });
    expect(await repack(...best)).toMatchObject({ rewritten: 0, fetched: 0 });
    expect(await repack()).toMatchObject({ rewritten: 0, fetched: 0 });
  });
});
