import { S3Client, GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { encodeKey, routeOf, type SentRequest } from "../../../../src/store/s3/route.ts";
import { EMPTY_SHA256, Signer } from "../../../../src/store/s3/signature.ts";

const EXAMPLE = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" };

describe("a signature", () => {
  // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
  it.each([
    [{ method: "GET", path: "/test.txt", headers: { range: "bytes=0-9" }, sha256: EMPTY_SHA256 }, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"],
    [
      {
        method: "PUT",
        path: "/test%24file.text",
        headers: { date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" },
        sha256: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
      },
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ],
  ])("is the one that Amazon's documentation shows: %o", (request, signature) => {
    const headers = { host: "examplebucket.s3.amazonaws.com", ...request.headers };
    const signed = new Signer("us-east-1").sign({ ...request, headers }, EXAMPLE, Date.UTC(2013, 4, 24));
    expect(signed["authorization"]).toContain(`Signature=${signature}`);
    expect(signed).toMatchObject({ "x-amz-date": "20130524T000000Z", "x-amz-content-sha256": request.sha256 });
  });

  it("belongs to the day and the secret, though the key for them is kept", () => {
    const request = { method: "GET", path: "/x", headers: { host: "h" }, sha256: EMPTY_SHA256 };
    const kept = new Signer("eu-west-3");
    const fresh = (secretAccessKey: string, nowMs: number): unknown => new Signer("eu-west-3").sign(request, { accessKeyId: "A", secretAccessKey }, nowMs);
    const lateMs = Date.UTC(2026, 0, 31, 23, 59, 59, 999);
    for (const [secret, nowMs] of [["one", lateMs], ["one", lateMs + 1], ["two", lateMs + 1], ["one", lateMs]] as const) {
      expect(kept.sign(request, { accessKeyId: "A", secretAccessKey: secret }, nowMs)).toEqual(fresh(secret, nowMs));
    }
  });

  describe("of any request", () => {
    const clients: S3Client[] = [];
    afterAll(() => clients.forEach((client) => client.destroy()));

    /** What the SDK would send. */
    async function sentBySdk(command: GetObjectCommand | PutObjectCommand, config: ConstructorParameters<typeof S3Client>[0]): Promise<SentRequest & { method: string }> {
      let sent: unknown;
      const client = new S3Client({ ...config, maxAttempts: 1, requestChecksumCalculation: "WHEN_REQUIRED" });
      clients.push(client);
      // It names the operation in the query (`x-id`), which servers ignore.
      client.middlewareStack.add((next) => (args) => (Object.assign(args.request as object, { query: {} }), next(args)), { step: "build" });
      client.middlewareStack.add(() => async (args) => ((sent = args.request), Promise.reject(new Error("not sent"))), { step: "deserialize", priority: "low" });
      await expect(client.send(command as GetObjectCommand)).rejects.toThrow("not sent");
      return sent as SentRequest & { method: string };
    }

    /** Headers that the SDK does not sign. */
    const UNSIGNED = new Set(["authorization", "user-agent", "expect", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"]);
    const places = [
      { forcePathStyle: true, endpoint: "http://127.0.0.1:7480" },
      { endpoint: "https://storage.example" },
      { region: "eu-central-1" },
      { region: "us-west-2", useAccelerateEndpoint: true },
      { region: "us-east-1", useDualstackEndpoint: true },
    ];
    const text = fc.string({ unit: "binary", minLength: 1, maxLength: 30 });
    const keys = fc.array(text, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")).filter((key) => !/(^|\/)\.{1,2}(\/|$)/.test(key));

    it("is the SDK's, and its way is found in one of the SDK's requests", async () => {
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...places), keys, keys, fc.option(fc.base64String({ minLength: 4 }), { nil: undefined }), fc.option(fc.uint8Array(), { nil: undefined }), async (place, Key, first, sessionToken, bytes) => {
          const credentials = { ...EXAMPLE, ...(sessionToken === undefined ? {} : { sessionToken }) };
          const config = { region: "us-east-1", ...place, credentials };
          const Bucket = "example-bucket";
          const route = routeOf(await sentBySdk(new GetObjectCommand({ Bucket, Key: first }), config), first)!;
          const sent = await sentBySdk(bytes ? new PutObjectCommand({ Bucket, Key, Body: bytes, IfNoneMatch: "*" }) : new GetObjectCommand({ Bucket, Key, Range: "bytes=0-1" }), config);
          expect(route.before + encodeKey(Key)).toBe(sent.path);
          expect([route.protocol, route.hostname, route.port]).toEqual([sent.protocol, sent.hostname, sent.port]);
          const date = sent.headers["x-amz-date"]!;
          const nowMs = Date.parse(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5"));
          const headers = Object.fromEntries(Object.entries(sent.headers).filter(([name]) => !UNSIGNED.has(name)));
          const signed = new Signer(route.region).sign({ method: sent.method, path: sent.path, headers, sha256: sent.headers["x-amz-content-sha256"]! }, credentials, nowMs);
          expect(signed["authorization"]).toBe(sent.headers["authorization"]);
        }),
        { numRuns: 60 },
      );
    });
  });
});

describe("a way to a bucket", () => {
  const headers = { host: "h", authorization: "AWS4-HMAC-SHA256 Credential=A/20261121/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0" };
  const request: SentRequest = { protocol: "https:", hostname: "h", path: "/b/a/key", headers };

  it("is what stands before the key", () => {
    expect(routeOf(request, "a/key")).toMatchObject({ before: "/b/", region: "us-east-1", host: "h" });
    expect(routeOf({ ...request, path: "/a/key" }, "a/key")).toMatchObject({ before: "/" });
  });

  it.each([
    ["has another key", { ...request, path: "/b/a/other" }],
    ["is not signed", { ...request, headers: { host: "h" } }],
    ["is signed for several regions", { ...request, headers: { ...headers, authorization: "AWS4-ECDSA-P256-SHA256 Credential=A/20261121/s3/aws4_request, SignedHeaders=host, Signature=0" } }],
    ["is signed for a directory bucket", { ...request, headers: { ...headers, authorization: headers.authorization.replace("/s3/", "/s3express/") } }],
  ])("is not taken from a request that %s", (_what, sent) => {
    expect(routeOf(sent, "a/key")).toBeUndefined();
  });
});
