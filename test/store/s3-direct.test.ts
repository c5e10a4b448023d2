import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import type { S3Settings } from "../../src/config/settings.ts";
import { bufferSource, verifiedSource } from "../../src/object/source.ts";
import type { Store } from "../../src/store/port.ts";
import { openS3Store } from "../../src/store/s3/store.ts";
import { behindProxy } from "../support/behind-proxy.ts";
import type { Fault, Seen } from "../support/fault-proxy.ts";
import { testS3 } from "../support/s3.ts";
import { collect, expectCode, keys, pseudoRandom, rawObject } from "./contract.ts";

const s3 = await testS3();

if (s3) {
  const behind = await behindProxy(s3);
  const { proxy, bucket, retries } = behind;

  describe("requests for objects, once one has shown the way", () => {
    let opened = 0;

    /** A store that knows whether the bucket refuses to overwrite, and the way. */
    async function open(changes: Partial<S3Settings> = {}, url = `s3://${bucket}`): Promise<Store> {
      const store = behind.open(behind.settings(changes), url);
      const { key, bytes } = rawObject(`shows the way ${opened++}`);
      await store.write(key, bufferSource(bytes));
      proxy.reset();
      return store;
    }

    it("are one request each, which the SDK has no part in", async () => {
      const store = await open();
      const { key, bytes, oid } = rawObject("straight");
      expect(await store.write(key, verifiedSource(bytes, oid))).toBe("created");
      expect(await store.write(key, verifiedSource(bytes, oid))).toBe("exists");
      expect(await collect(store.read(key))).toEqual(bytes);
      expect(await collect(store.read(key, { start: 2, end: 5 }))).toEqual(bytes.subarray(2, 5));
      await expectCode(collect(store.read("objects/aa/none")), "OBJECT_MISSING");
      expect(proxy.requests.map(({ method, status }) => [method, status])).toEqual([["PUT", 200], ["PUT", 412], ["GET", 206], ["GET", 206], ["GET", 404]]);
      expect(proxy.requests.some(bySdk)).toBe(false);
    });

    it("carry the settings, and the body's SHA-256 in the signature", async () => {
      const store = await open({ sse: "AES256", storageClass: "STANDARD", requesterPays: true });
      const { key, bytes, oid } = rawObject("with settings, straight");
      await store.write(key, bufferSource(bytes));
      await store.replace("gc/x.json", bytes);
      await collect(store.read(key));
      const [object, control, got] = proxy.requests;
      for (const { headers } of [object!, control!]) {
        expect(headers).toMatchObject({ "x-amz-server-side-encryption": "AES256", "x-amz-content-sha256": oid, "x-amz-checksum-sha256": Buffer.from(oid, "hex").toString("base64") });
        expect(headers["authorization"]).toMatch(/SignedHeaders=[^,]*x-amz-content-sha256;/);
      }
      expect(object!.headers).toMatchObject({ "x-amz-storage-class": "STANDARD", "if-none-match": "*" });
      expect([control!.headers["x-amz-storage-class"], control!.headers["if-none-match"]]).toEqual([undefined, undefined]);
      for (const { headers } of [object!, control!, got!]) expect(headers["x-amz-request-payer"]).toBe("requester");
      expect(proxy.requests.some(bySdk)).toBe(false);
    });

    it("find keys with every kind of character", async () => {
      const store = await open({}, `s3://${bucket}/späße & mehr/(1)!*'~+=%41 ü𝄞/@$,;:`);
      const { key, bytes } = rawObject("odd");
      await store.write(key, bufferSource(bytes));
      expect(await collect(store.read(key))).toEqual(bytes);
      expect(proxy.requests.some(bySdk)).toBe(false);
      expect(await keys(store.list(key))).toEqual([key]);
    });

    it("leave bodies that are better announced, unsigned requests and what is no object to the SDK", async () => {
      const store = await open();
      await store.write("objects/aa/announced", bufferSource(pseudoRandom(2 * 1024 * 1024, "announced")));
      await keys(store.list("gc/"));
      await store.remove("objects/aa/announced");
      expect(proxy.requests.map(bySdk)).toEqual([true, true, true]);
    });

    it("read a bucket unsigned through the SDK alone", async () => {
      const anonymous = openS3Store(`s3://${bucket}`, s3.settings({ endpoint: proxy.endpoint, noSignRequest: true }), () => {});
      behind.keep(anonymous);
      for (let i = 0; i < 2; i++) await expectCode(collect(anonymous.read("ballast.json")), "STORE_DENIED");
      expect(proxy.requests.every((request) => bySdk(request) && request.headers["authorization"] === undefined)).toBe(true);
    });

    const passing: Record<string, Fault> = {
      "an internal error": { kind: "answer", status: 500 },
      "an error of a proxy that is no XML": { kind: "answer", status: 502, code: "<html>" },
      "a request to slow down": { kind: "answer", status: 503, code: "SlowDown" },
      "a timeout at the server": { kind: "answer", status: 400, code: "RequestTimeout" },
      "a broken connection": { kind: "reset" },
      "no answer": { kind: "ignore" },
    };

    for (const [what, fault] of Object.entries(passing)) {
      it(`are sent again after ${what}`, async () => {
        const silent = fault.kind === "ignore";
        const store = await open({ stallTimeoutMs: silent ? 1_000 : 30_000 });
        const { key, bytes } = rawObject(`again after ${what}`);
        proxy.add({ when: ({ method }) => method === "PUT", fault }, { when: ({ method }) => method === "GET", fault });
        expect(await store.write(key, bufferSource(bytes))).toBe("created");
        expect(await collect(store.read(key))).toEqual(bytes);
        if (silent) expect(retries()).toBeGreaterThanOrEqual(2);
        else expect(retries()).toBe(2);
        expect(proxy.requests.some(bySdk)).toBe(false);
      });
    }

    it("are sent again after a bit flipped on the way, which the signature shows", async () => {
      const store = await open();
      const { key, bytes } = rawObject("flipped, ".repeat(1000));
      proxy.add({ when: ({ method }) => method === "PUT", fault: { kind: "corrupt request", atByte: 4321 } });
      expect(await store.write(key, bufferSource(bytes))).toBe("created");
      expect(proxy.requests.map(({ status }) => status)).toEqual([400, 200]);
      expect(await collect(store.read(key))).toEqual(bytes);
    });

    it("know their own object again after a lost answer", async () => {
      const store = await open();
      proxy.add({ when: ({ method }) => method === "PUT", fault: { kind: "lose answer" } });
      expect(await store.write("locks/own-direct.json", bufferSource(Buffer.from('{"nonce":2}')))).toBe("created");
      expect(proxy.requests.filter(({ method }) => method === "PUT").map(({ status }) => status)).toEqual([200, 412]);
    });

    it("go on where a transfer broke", async () => {
      const store = await open();
      const bytes = pseudoRandom(300_000, "broken off, straight");
      await store.write("objects/aa/broken-off", bufferSource(bytes));
      proxy.add({ when: ({ method }) => method === "GET", fault: { kind: "truncate", afterBytes: 100_000 }, times: 2 });
      expect((await collect(store.read("objects/aa/broken-off"))).equals(bytes)).toBe(true);
      const reads = proxy.requests.filter(({ method }) => method === "GET");
      expect(reads.map(({ headers }) => /bytes=(\d+)/.exec(String(headers["range"]))![1])).toEqual(["0", "100000", "200000"]);
      expect(reads.slice(1).every(({ headers }) => headers["if-match"] === reads[1]!.headers["if-match"] && headers["if-match"] !== undefined)).toBe(true);
    });

    it("fetch a small object whole: in one request, going on where it broke, and nothing of another size", async () => {
      const store = await open();
      const bytes = pseudoRandom(300_000, "whole");
      await store.write("objects/aa/whole", bufferSource(bytes));
      proxy.reset();
      expect((await store.readWhole!("objects/aa/whole", bytes.length))!.equals(bytes)).toBe(true);
      expect(proxy.requests).toHaveLength(1);
      proxy.add({ when: () => true, fault: { kind: "truncate", afterBytes: 100_000 } }, { when: () => true, fault: { kind: "reset" } });
      expect((await store.readWhole!("objects/aa/whole", bytes.length))!.equals(bytes)).toBe(true);
      expect(proxy.requests.slice(1).map(({ headers }) => headers["range"])).toEqual(["bytes=0-299999", "bytes=100000-299999", "bytes=100000-299999"]);
      expect(retries()).toBe(2);
      for (const sizeBytes of [1, 299_999, 300_001]) expect(await store.readWhole!("objects/aa/whole", sizeBytes)).toBeUndefined();
      await store.write("objects/aa/empty", bufferSource(Buffer.alloc(0)));
      expect(await store.readWhole!("objects/aa/empty", 1)).toBeUndefined();
      await expectCode(store.readWhole!("objects/aa/none", 1), "OBJECT_MISSING");
    });

    it("fetch a small object whole also where a provider knows no ranges", async () => {
      const bytes = pseudoRandom(200_000, "no ranges");
      const server = createServer((_request, response) => response.writeHead(200, { "Content-Length": bytes.length, ETag: '"1"' }).end(bytes));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const store = openS3Store(`s3://${bucket}`, s3.settings({ endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }), () => {});
      behind.keep(store);
      for (let i = 0; i < 2; i++) {
        expect((await store.readWhole!("objects/aa/no-ranges", bytes.length))!.equals(bytes)).toBe(true);
        expect((await collect(store.read("objects/aa/no-ranges", { start: 5, end: 100_000 }))).equals(bytes.subarray(5, 100_000))).toBe(true);
      }
      server.close();
    });

    it.each([
      ["another region", 400, "AuthorizationHeaderMalformed"],
      ["another host", 307, "TemporaryRedirect"],
      ["a clock that is off", 403, "RequestTimeTooSkewed"],
      ["a signature that is not understood", 403, "SignatureDoesNotMatch"],
    ])("are handed to the SDK when the answer speaks of %s, and take the way that it goes then", async (_what, status, code) => {
      const store = await open();
      const { key, bytes } = rawObject(`astray ${code}`);
      proxy.add({ when: () => true, fault: { kind: "answer", status, code } });
      expect(await store.write(key, bufferSource(bytes))).toBe("created");
      expect(await collect(store.read(key))).toEqual(bytes);
      expect(proxy.requests.map(bySdk)).toEqual([false, true, false]);
      expect(retries()).toBe(0);
    });

    it("are all left to the SDK after the third of such answers", async () => {
      const store = await open();
      proxy.add({ when: (request) => !bySdk(request), fault: { kind: "answer", status: 403, code: "SignatureDoesNotMatch" }, times: Infinity });
      const { key, bytes } = rawObject("never understood");
      await store.write(key, bufferSource(bytes));
      for (let i = 0; i < 4; i++) expect(await collect(store.read(key))).toEqual(bytes);
      expect(proxy.requests.map(bySdk)).toEqual([false, true, false, true, false, true, true, true]);
    });

    it("are refused as the SDK's are: denied, archived, no quota", async () => {
      const store = await open();
      for (const [status, answer, code] of [[403, "AccessDenied", "STORE_DENIED"], [403, "InvalidObjectState", "OBJECT_ARCHIVED"], [403, "QuotaExceeded", "DISK_FULL"], [403, "ExpiredToken", "CREDENTIALS_MISSING"]] as const) {
        proxy.add({ when: () => true, fault: { kind: "answer", status, code: answer } });
        const error = await expectCode(collect(store.read("objects/aa/refused")), code);
        expect(error.message).toContain("objects/aa/refused");
      }
      expect(proxy.requests).toHaveLength(4);
    });

    it("end at once when they are no longer wanted", async () => {
      const store = await open();
      const { key, bytes } = rawObject("given up");
      for (const attempt of [(signal: AbortSignal) => store.write(key, bufferSource(bytes), signal), (signal: AbortSignal) => collect(store.read(key, undefined, signal))]) {
        const abort = new AbortController();
        proxy.add({ when: () => (abort.abort(new Error("enough")), true), fault: { kind: "ignore" } });
        await expect(attempt(abort.signal)).rejects.toThrow("enough");
      }
      expect(retries()).toBe(0);
    });

    it("are signed with what the credentials are by then, the session's token included", async () => {
      const saved = process.env["AWS_SESSION_TOKEN"];
      process.env["AWS_SESSION_TOKEN"] = "a token/of+this=session";
      proxy.add({ when: () => true, fault: { kind: "answer", status: 200 }, times: 3 });
      try {
        const store = openS3Store(`s3://${bucket}`, s3.settings({ endpoint: proxy.endpoint }), () => {});
        behind.keep(store);
        for (let i = 0; i < 2; i++) await store.replace("gc/x.json", Buffer.from("x"));
      } finally {
        if (saved === undefined) delete process.env["AWS_SESSION_TOKEN"];
        else process.env["AWS_SESSION_TOKEN"] = saved;
      }
      expect(proxy.requests.map(bySdk)).toEqual([true, false]);
      for (const { headers } of proxy.requests) {
        expect(headers["x-amz-security-token"]).toBe("a token/of+this=session");
        expect(headers["authorization"]).toMatch(/SignedHeaders=[^,]*x-amz-security-token/);
      }
    });
  });
}

/** What the SDK sends names the operation or the attempt. */
function bySdk({ headers }: Seen): boolean {
  return headers["amz-sdk-request"] !== undefined;
}
