import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { inspect, promisify } from "node:util";
import {
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { S3Settings } from "../../src/config/settings.ts";
import { silent } from "../../src/events.ts";
import { objectKey } from "../../src/object/name.ts";
import { oidOf, type Oid } from "../../src/object/oid.ts";
import { bufferSource } from "../../src/object/source.ts";
import { openDirectoryStore } from "../../src/store/directory.ts";
import type { Diagnosis, Store } from "../../src/store/port.ts";
import { openS3Store } from "../../src/store/s3/store.ts";
import { forEachParallel } from "../../src/util/pool.ts";
import { faultProxy, type FaultProxy } from "../support/fault-proxy.ts";
import { testS3 } from "../support/s3.ts";
import { collect, expectCode, keys, pseudoRandom, rawObject, storeContract } from "./contract.ts";

const s3 = await testS3();
const MIB = 1024 * 1024;

if (s3) {
  storeContract("a bucket", async () => openS3Store(`s3://${await s3.bucket()}`, s3.settings(), silent));
  storeContract("a prefix of a bucket", async () => openS3Store(`s3://${await s3.bucket()}/some/prefix`, s3.settings(), silent));

  const stores: Store[] = [];
  let proxy: FaultProxy;

  beforeAll(async () => {
    proxy = await faultProxy(s3.endpoint);
  });
  afterEach(() => {
    for (const store of stores.splice(0)) store.close();
    proxy.reset();
  });
  afterAll(() => proxy.close());

  /** Through the proxy, which only counts here. */
  function open(url: string, changes: Partial<S3Settings> = {}): Store {
    const store = openS3Store(url, s3!.settings({ endpoint: proxy.endpoint, ...changes }), silent);
    stores.push(store);
    return store;
  }

  describe("finding objects in a bucket of 4,700", () => {
    let bucket: string;
    let there: Oid[];

    beforeAll(async () => {
      bucket = await s3.bucket();
      const client = s3.client();
      there = Array.from({ length: 4700 }, (_, i) => oidOf(Buffer.from(`object ${i}`)));
      await forEachParallel(there, 32, async (oid) => {
        await client.send(new PutObjectCommand({ Bucket: bucket, Key: objectKey({ oid, encoding: "raw" }), Body: "-" }));
      });
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: "locks/one", Body: "-" }));
      client.destroy();
    });

    function some(count: number): Oid[] {
      return Array.from({ length: count }, (_, i) => (i % 2 === 0 ? there[i]! : oidOf(Buffer.from(`absent ${i}`))));
    }

    it.each([1, 2, 3, 10, 100, 1000, 4700])("asks %i wanted objects with no more requests than that, nor many more than pages", async (count) => {
      const wanted = some(count);
      const found = await open(`s3://${bucket}`).find(wanted);
      const expected = wanted.filter((_, i) => i % 2 === 0);
      expect([...found.keys()].sort()).toEqual([...expected].sort());
      // Five pages, and one begun by each segment.
      expect(proxy.requests.length).toBeLessThanOrEqual(Math.min(count, 5 + 5 + 1));
    });

    it("needs one request when everything that is wanted lies in one page", async () => {
      const wanted = [...there].sort().slice(100, 700);
      expect((await open(`s3://${bucket}`).find(wanted)).size).toBe(600);
      expect(proxy.requests).toHaveLength(1);
    });

    it("lists everything in as many requests as there are pages", async () => {
      expect(await keys(open(`s3://${bucket}`).list("objects/"))).toEqual(there.map((oid) => objectKey({ oid, encoding: "raw" })).sort());
      expect(proxy.requests).toHaveLength(5);
    });
  });

  it("find answers for an object that has more encodings than a page", async () => {
    const bucket = await s3.bucket();
    const [oid, last] = [oidOf(Buffer.from("many bases")), "f".repeat(64) as Oid];
    const client = s3.client();
    await forEachParallel(Array.from({ length: 1100 }, (_, i) => i), 32, async (i) => {
      const base = oidOf(Buffer.from(`base ${i}`));
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: objectKey({ oid, encoding: "delta", base }), Body: "-" }));
    });
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: objectKey({ oid: last, encoding: "raw" }), Body: "-" }));
    client.destroy();
    const store = open(`s3://${bucket}`);
    expect((await store.find([oid])).get(oid)).toHaveLength(1100);
    const both = await store.find([oid, last]);
    expect(both.get(oid)).toHaveLength(1100);
    expect(both.get(last)).toHaveLength(1);
  });

  it("a race of 16 connections for one key has one winner", async () => {
    const url = `s3://${await s3.bucket()}`;
    for (let round = 0; round < 3; round++) {
      const contents = Array.from({ length: 16 }, (_, i) => Buffer.from(`{"nonce":${i}}`));
      const outcomes = await Promise.all(contents.map((content) => open(url).write(`locks/${round}.json`, bufferSource(content))));
      expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(1);
      expect(await collect(open(url).read(`locks/${round}.json`))).toEqual(contents[outcomes.indexOf("created")]);
    }
  });

  it("small objects share connections, and so do large parts", async () => {
    let connections = 0;
    const { hostname, port } = new URL(s3.endpoint);
    const { createServer: listen, connect } = await import("node:net");
    const relay = listen((socket) => {
      connections += 1;
      const onward = connect(Number(port), hostname);
      socket.pipe(onward).pipe(socket);
      socket.on("error", () => onward.destroy());
      onward.on("error", () => socket.destroy());
    });
    await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
    const store = open(`s3://${await s3.bucket()}`, { endpoint });
    const large = pseudoRandom(60 * MIB, "connections");
    await store.write("objects/aa/large", bufferSource(large));
    for (let i = 0; i < 30; i++) await store.write(`objects/aa/${i}`, bufferSource(Buffer.alloc(10, i)));
    expect(connections).toBeLessThanOrEqual(8);
    store.close();
    relay.close();
  });

  describe("settings", () => {
    it("are sent with what they concern", async () => {
      const store = open(`s3://${await s3.bucket()}`, { sse: "AES256", storageClass: "STANDARD", requesterPays: true });
      const { key, bytes } = rawObject("with settings");
      await store.write(key, bufferSource(bytes));
      await store.replace("gc/x.json", bytes);
      await store.write("objects/aa/large", bufferSource(pseudoRandom(6 * MIB, "settings")));
      const puts = proxy.requests.filter(({ method, query }) => (method === "PUT" && !query.has("uploadId")) || query.has("uploads"));
      const created = puts.filter(({ path, method, query }) => path.includes("/objects/") && (method === "PUT" || (method === "POST" && query.has("uploads"))));
      expect(created.length).toBeGreaterThanOrEqual(2);
      for (const { headers } of created) expect(headers).toMatchObject({ "x-amz-server-side-encryption": "AES256", "x-amz-storage-class": "STANDARD" });
      const control = puts.find(({ path }) => path.includes("/gc/"))!;
      expect(control.headers["x-amz-server-side-encryption"]).toBe("AES256");
      expect(control.headers["x-amz-storage-class"]).toBeUndefined();
      expect(proxy.requests.every(({ headers }) => headers["x-amz-request-payer"] === "requester")).toBe(true);
    });

    it("name a key for encryption by KMS", async () => {
      proxy.add({ when: ({ method }) => method === "PUT", fault: { kind: "answer", status: 200 } });
      await open(`s3://${await s3.bucket()}`, { sse: "aws:kms", sseKmsKeyId: "alias/assets" }).replace("gc/x.json", Buffer.from("x"));
      expect(proxy.requests[0]!.headers).toMatchObject({ "x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "alias/assets" });
    });

    it("send every body with its checksums", async () => {
      await open(`s3://${await s3.bucket()}`).write("objects/aa/large", bufferSource(pseudoRandom(11 * MIB, "checksums")));
      const bodies = proxy.requests.filter(({ method }) => method === "PUT");
      expect(bodies).toHaveLength(3);
      for (const { headers } of bodies) {
        expect(headers["x-amz-checksum-sha256"]).toMatch(/^[A-Za-z0-9+/]{43}=$/);
        expect(headers["content-md5"]).toMatch(/^[A-Za-z0-9+/]{22}==$/);
        expect(headers["transfer-encoding"]).toBeUndefined();
      }
    });

    it("may come from the variables of the AWS tools, which do not make another provider AWS", async () => {
      process.env["AWS_ENDPOINT_URL_S3"] = proxy.endpoint;
      try {
        const store = open(`s3://${await s3.bucket()}`, { endpoint: undefined });
        const { key, bytes } = rawObject("by environment");
        expect(await store.write(key, bufferSource(bytes))).toBe("created");
        // It looks first, and tries out whether it must.
        expect(proxy.requests.map(({ method }) => method)).toEqual(["HEAD", "PUT", "PUT"]);
        expect(await collect(store.read(key))).toEqual(bytes);
      } finally {
        delete process.env["AWS_ENDPOINT_URL_S3"];
      }
    });

    it("can leave requests unsigned, for a public bucket", async () => {
      const bucket = await s3.bucket();
      const { key, bytes, oid } = rawObject("public");
      await open(`s3://${bucket}`).write(key, bufferSource(bytes));
      const anonymous = open(`s3://${bucket}`, { noSignRequest: true });
      await expectCode(collect(anonymous.read(key)), "STORE_DENIED");
      const client = s3.client();
      const Resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
      const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: "*", Action: ["s3:GetObject", "s3:ListBucket"], Resource }] });
      await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
      client.destroy();
      proxy.reset();
      expect(await collect(anonymous.read(key))).toEqual(bytes);
      expect((await anonymous.find([oid])).size).toBe(1);
      expect(proxy.requests.every(({ headers }) => headers["authorization"] === undefined)).toBe(true);
      await expectCode(anonymous.write("objects/aa/x", bufferSource(bytes)), "STORE_DENIED");
    });

    it("mark what lies in an archive", async () => {
      const store = open(`s3://${await s3.bucket()}`, { storageClass: "GLACIER" });
      const { key, bytes, oid } = rawObject("archived");
      await store.write(key, bufferSource(bytes));
      expect((await store.find([oid])).get(oid)).toMatchObject([{ key, archived: true }]);
      const head = { when: ({ method }: { method: string }) => method === "POST", fault: { kind: "answer", status: 202 } } as const;
      proxy.add(head);
      expect(await store.requestRestore!(key, 7)).toEqual({ state: "requested", expectedHours: 5 });
      proxy.add({ when: ({ method }) => method === "POST", fault: { kind: "answer", status: 409, code: "RestoreAlreadyInProgress" } });
      expect(await store.requestRestore!(key, 7)).toEqual({ state: "in-progress", expectedHours: 5 });
      await expectCode(store.requestRestore!("objects/aa/none", 7), "OBJECT_MISSING");
    });
  });

  describe("what is wrong with a store", () => {
    const { bytes } = rawObject("x");

    it("is told apart: no bucket, no right, no server", async () => {
      const missing = open("s3://there-is-no-such-bucket");
      for (const attempt of [() => missing.find([oidOf(bytes)]), () => keys(missing.list("")), () => missing.write("objects/aa/x", bufferSource(bytes)), () => collect(missing.read("objects/aa/x"))]) {
        const error = await expectCode(attempt(), "STORE_MISSING");
        expect(error.message).toContain("there-is-no-such-bucket");
      }
      const nobody = createServer();
      await new Promise<void>((resolve) => nobody.listen(0, "127.0.0.1", resolve));
      const { port } = nobody.address() as AddressInfo;
      await new Promise((resolve) => nobody.close(resolve));
      await expectCode(keys(open("s3://any-bucket", { endpoint: `http://127.0.0.1:${port}`, attempts: 2 }).list("")), "STORE_UNREACHABLE");
    });

    it("is told without the credentials: wrong ones are denied, none are missing", async () => {
      const bucket = await s3.bucket();
      const saved = { ...process.env };
      const directory = await mkdtemp(join(tmpdir(), "ballast-no-credentials-"));
      try {
        for (const [id, secret] of [[s3.accessKeyId, "a wrong secret"], ["NOBODYKNOWSTHIS", "hush-hush"]] as const) {
          const store = open(`s3://${bucket}`);
          process.env["AWS_ACCESS_KEY_ID"] = id;
          process.env["AWS_SECRET_ACCESS_KEY"] = secret;
          const error = await expectCode(keys(store.list("")), "STORE_DENIED");
          const shown = inspect(error, { depth: 10, showHidden: true });
          expect(shown).not.toContain(id);
          expect(shown).not.toContain(secret);
        }
        const store = open(`s3://${bucket}`);
        delete process.env["AWS_ACCESS_KEY_ID"];
        delete process.env["AWS_SECRET_ACCESS_KEY"];
        Object.assign(process.env, { HOME: directory, AWS_CONFIG_FILE: join(directory, "c"), AWS_SHARED_CREDENTIALS_FILE: join(directory, "s"), AWS_EC2_METADATA_DISABLED: "true" });
        const error = await expectCode(keys(store.list("")), "CREDENTIALS_MISSING");
        expect(error.hint).toContain("aws configure");
      } finally {
        for (const name of Object.keys(process.env)) if (!(name in saved)) delete process.env[name];
        Object.assign(process.env, saved);
        await rm(directory, { recursive: true, force: true });
      }
    });
  });

  describe("diagnosis", () => {
    async function diagnose(store: Store): Promise<Map<string, Diagnosis>> {
      const result = new Map<string, Diagnosis>();
      for await (const diagnosis of store.diagnose!()) result.set(diagnosis.name, diagnosis);
      return result;
    }

    it("tells what holds and what is missing, and leaves nothing behind but the key that locks try out", async () => {
      const bucket = await s3.bucket();
      const store = open(`s3://${bucket}/team`);
      const before = await diagnose(store);
      expect([...before.keys()]).toEqual(["bucket", "clock", "conditional writes", "unfinished uploads", "versioning"]);
      expect(before.get("bucket")?.ok).toBe(true);
      expect(before.get("clock")?.ok).toBe(true);
      expect(before.get("conditional writes")?.ok).toBe(true);
      expect(before.get("unfinished uploads")?.ok).toBe(false);
      expect(before.get("versioning")?.detail).toContain("off");
      expect(await keys(store.list(""))).toEqual(["locks/probe.json"]);

      const client = s3.client();
      const Rules = [{ ID: "abort", Status: "Enabled" as const, Filter: { Prefix: "" }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } }];
      await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket: bucket, LifecycleConfiguration: { Rules } }));
      await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } }));
      client.destroy();
      const after = await diagnose(store);
      expect(after.get("unfinished uploads")).toMatchObject({ ok: true });
      expect(after.get("versioning")?.detail).toContain("on");
    });

    it("notices a provider that overwrites, and a clock that is off", async () => {
      const store = open(`s3://${await s3.bucket()}`);
      proxy.add({ when: ({ headers }) => headers["if-none-match"] !== undefined, fault: { kind: "answer", status: 200 } });
      expect((await diagnose(store)).get("conditional writes")?.ok).toBe(false);
      const date = new Date(Date.now() - 20 * 60 * 1000).toUTCString();
      proxy.add({ when: ({ method }) => method === "HEAD", fault: { kind: "answer", status: 200, headers: { Date: date } } });
      const clock = (await diagnose(store)).get("clock");
      expect(clock).toMatchObject({ ok: false });
      expect(clock?.detail).toContain("behind");
    });

    it("ends at a bucket that is not there", async () => {
      const found = await diagnose(open("s3://there-is-no-such-bucket"));
      expect([...found]).toMatchObject([["bucket", { ok: false }]]);
    });
  });

  it("a bucket that another tool copies to a directory is a store there, and the other way round", async () => {
    const [bucket, second] = [await s3.bucket(), await s3.bucket()];
    const directory = await mkdtemp(join(tmpdir(), "ballast-copy-"));
    try {
      const store = open(`s3://${bucket}/team`);
      const objects = [rawObject("small"), rawObject("")];
      for (const { key, bytes } of objects) await store.write(key, bufferSource(bytes));
      const large = pseudoRandom(11 * MIB, "copied");
      const oid = oidOf(large);
      await store.write(objectKey({ oid, encoding: "raw" }), bufferSource(large));

      await copyOut(bucket, "team/", directory);
      const copy = openDirectoryStore(directory);
      stores.push(copy);
      expect(await keys(copy.list(""))).toEqual(await keys(store.list("")));
      for (const { key, bytes } of objects) expect(await collect(copy.read(key))).toEqual(bytes);
      expect(oidOf(await collect(copy.read(objectKey({ oid, encoding: "raw" }))))).toBe(oid);

      await copyIn(directory, second, await keys(copy.list("")), copy);
      const back = open(`s3://${second}`);
      expect([...(await back.find([oid, ...objects.map((object) => object.oid)])).keys()].sort()).toEqual([oid, ...objects.map((object) => object.oid)].sort());
      expect(oidOf(await collect(back.read(objectKey({ oid, encoding: "raw" }))))).toBe(oid);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
}

/** Copies what is below `prefix` to a directory: with the aws program where there is one, else with the SDK alone. */
async function copyOut(bucket: string, prefix: string, directory: string): Promise<void> {
  if (await aws("s3", "sync", `s3://${bucket}/${prefix}`, directory)) return;
  const client = s3!.client();
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
  for (const { Key } of Contents) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
    const path = join(directory, Key!.slice(prefix.length));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, Body as Readable);
  }
  client.destroy();
}

async function copyIn(directory: string, bucket: string, names: readonly string[], from: Store): Promise<void> {
  if (await aws("s3", "sync", directory, `s3://${bucket}`)) return;
  const client = s3!.client();
  for (const Key of names) await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: await collect(from.read(Key)) }));
  client.destroy();
}

/** Runs the aws program; false where there is none. */
async function aws(...args: string[]): Promise<boolean> {
  const run = promisify(execFile);
  const there = await run("aws", ["--version"]).then(() => true, () => false);
  if (there) await run("aws", args, { env: { ...process.env, ...s3!.env(), AWS_REQUEST_CHECKSUM_CALCULATION: "when_required" } });
  return there;
}
