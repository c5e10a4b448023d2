import { DeleteObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BallastError } from "../../src/errors.ts";
import type { Store } from "../../src/store/port.ts";
import { openS3Store } from "../../src/store/s3/store.ts";
import { ballastError } from "../support/errors.ts";
import { faultProxy, type FaultProxy } from "../support/fault-proxy.ts";
import { testS3 } from "../support/s3.ts";

const s3 = await testS3();
const MINUTE_MS = 60_000;

/*
 * What docs/cleanup.md counts on where requests arrive late: a signature is good for a quarter of an hour, and nobody
 * signs a removal once it is too late to ask for it.
 */
if (s3) {
  describe("a bucket", () => {
    let Bucket: string;
    let proxy: FaultProxy;
    let store: Store;
    const clients: S3Client[] = [];

    beforeAll(async () => {
      Bucket = await s3.bucket();
      proxy = await faultProxy(s3.endpoint);
      store = openS3Store(`s3://${Bucket}`, s3.settings({ endpoint: proxy.endpoint }), () => {});
    });
    afterAll(async () => {
      for (const client of clients) client.destroy();
      store.close();
      await proxy.close();
    });

    /** A client that signs as one whose requests are so long under way. One for each request: a refusal sets its clock right. */
    function late(ms: number): S3Client {
      const { endpoint, accessKeyId, secretAccessKey } = s3!;
      clients.push(new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials: { accessKeyId, secretAccessKey }, requestChecksumCalculation: "WHEN_REQUIRED", maxAttempts: 1, systemClockOffset: -ms }));
      return clients.at(-1)!;
    }

    async function put(Key: string): Promise<void> {
      const client = s3!.client();
      await client.send(new PutObjectCommand({ Bucket, Key, Body: "x" }));
      client.destroy();
    }

    async function isThere(Key: string): Promise<boolean> {
      const client = s3!.client();
      return client.send(new HeadObjectCommand({ Bucket, Key })).then(() => true, () => false).finally(() => client.destroy());
    }

    it.each([
      ["was signed 16 minutes ago", 16 * MINUTE_MS, true],
      ["was signed by a clock that is 16 minutes ahead", -16 * MINUTE_MS, true],
      ["was signed 14 minutes ago", 14 * MINUTE_MS, false],
    ])("refuses a request that %s, or not", async (_when, ms, refused) => {
      await put("old");
      const removal = late(ms).send(new DeleteObjectCommand({ Bucket, Key: "old" }));
      if (refused) await expect(removal).rejects.toMatchObject({ Code: "RequestTimeTooSkewed", $metadata: { httpStatusCode: 403 } });
      else await removal;
      expect(await isThere("old")).toBe(refused);
      const key = `new-${ms}`;
      const write = late(ms).send(new PutObjectCommand({ Bucket, Key: key, Body: "x", IfNoneMatch: "*" }));
      if (refused) await expect(write).rejects.toMatchObject({ Code: "RequestTimeTooSkewed" });
      else await write;
      expect(await isThere(key)).toBe(!refused);
    });

    it("is asked once more only after a look whether that is still right, which comes after the signature", async () => {
      await put("victim");
      proxy.add({ when: ({ method }) => method === "DELETE", fault: { kind: "reset" } });
      const looks: number[] = [];
      await store.remove("victim", undefined, () => void looks.push(Date.now()));
      const tries = proxy.requests.filter(({ method }) => method === "DELETE");
      expect(tries).toHaveLength(2);
      expect(looks).toHaveLength(2);
      for (const [i, { headers }] of tries.entries()) expect(signedMs(headers["x-amz-date"] as string)).toBeLessThanOrEqual(looks[i]!);
      expect(await isThere("victim")).toBe(false);
    });

    it("is not asked once more when it has become too late meanwhile", async () => {
      await put("spared");
      proxy.reset();
      proxy.add({ when: ({ method }) => method === "DELETE", fault: { kind: "reset" } });
      let looks = 0;
      const tooLate = (): void => {
        if (++looks > 1) throw new BallastError("LOCKED", "slept");
      };
      await expect(store.remove("spared", undefined, tooLate)).rejects.toEqual(ballastError("LOCKED", /slept/));
      expect(proxy.count(({ method }) => method === "DELETE")).toBe(1);
      expect(await isThere("spared")).toBe(true);
    });
  });
}

/** The time of `20261121T175000Z`, in milliseconds. */
function signedMs(date: string): number {
  return Date.parse(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5"));
}
