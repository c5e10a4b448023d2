import { createHash } from "node:crypto";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import type { S3Settings } from "../../src/config/settings.ts";
import { objectKey } from "../../src/object/name.ts";
import { oidOf } from "../../src/object/oid.ts";
import { bufferSource } from "../../src/object/source.ts";
import type { ByteSource, Store } from "../../src/store/port.ts";
import { openS3Store } from "../../src/store/s3/store.ts";
import { behindProxy, PATIENT_MS } from "../support/behind-proxy.ts";
import type { Fault, FaultProxy, Seen } from "../support/fault-proxy.ts";
import { testS3 } from "../support/s3.ts";
import { collect, expectCode, keys, pseudoRandom } from "./contract.ts";

const s3 = await testS3();
const MIB = 1024 * 1024;
const PART = 5 * MIB;
/** Where a test waits for it. */
const STALL_MS = 1_000;

if (s3) {
  const behind = await behindProxy(s3);
  const { proxy, bucket, settings, retries } = behind;

  describe("a bucket behind a bad network", () => {
    function open(changes: Partial<S3Settings> = {}): Store {
      return behind.open(settings(changes));
    }

    /** Past the proxy. */
    function direct(): Store {
      return behind.keep(openS3Store(`s3://${bucket}`, s3!.settings(), () => {}));
    }

    /** A store that takes silence for a stall soon, if silence is the fault. */
    function openFor(fault: Fault): Store {
      return open({ stallTimeoutMs: isSilence(fault) ? STALL_MS : PATIENT_MS });
    }

    /** With a short stall timeout, a slow machine may add retries of its own. */
    function expectRetries(fault: Fault, times: number): void {
      if (isSilence(fault)) expect(retries()).toBeGreaterThanOrEqual(times);
      else expect(retries()).toBe(times);
    }

    function object(sizeBytes: number, seed: string): { key: string; bytes: Buffer } {
      const bytes = pseudoRandom(sizeBytes, seed);
      return { bytes, key: objectKey({ oid: oidOf(bytes), encoding: "raw" }) };
    }

    const transient: Record<string, Fault> = {
      "an internal error": { kind: "answer", status: 500 },
      "a bad gateway": { kind: "answer", status: 502, code: "BadGateway" },
      "a request to slow down": { kind: "answer", status: 503, code: "SlowDown" },
      "a broken connection": { kind: "reset" },
      "no answer": { kind: "ignore" },
    };

    describe("reads", () => {
      const broken: Record<string, Fault> = {
        "that is cut off": { kind: "truncate", afterBytes: 1_000_000 },
        "that stalls": { kind: "stall", afterBytes: 1_000_000 },
      };

      for (const [what, fault] of Object.entries(broken)) {
        it(`go on at the byte where a transfer broke ${what}`, async () => {
          const { key, bytes } = object(3 * MIB, `read ${what}`);
          await direct().write(key, bufferSource(bytes));
          proxy.add({ when: isGet, fault, times: 2 });
          expect((await collect(openFor(fault).read(key))).equals(bytes)).toBe(true);
          const starts = proxy.requests.filter(isGet).map(rangeStart);
          expect(starts.slice(0, 3)).toEqual([0, 1_000_000, 2_000_000]);
          expectRetries(fault, 2);
        });
      }

      for (const [what, fault] of Object.entries(transient)) {
        it(`survive ${what}`, async () => {
          const { key, bytes } = object(100_000, `read ${what}`);
          await direct().write(key, bufferSource(bytes));
          proxy.add({ when: isGet, fault });
          expect((await collect(openFor(fault).read(key, { start: 10, end: 90_000 }))).equals(bytes.subarray(10, 90_000))).toBe(true);
          expectRetries(fault, 1);
        });
      }

      it("of large objects in parallel survive every other range breaking", async () => {
        const { key, bytes } = object(90 * MIB, "many breaks");
        await direct().write(key, bufferSource(bytes));
        proxy.add({ when: (request) => isGet(request) && request.nth % 2 === 0, fault: { kind: "truncate", afterBytes: 2 * MIB }, times: 12 });
        expect(oidOf(await collect(open().read(key)))).toBe(oidOf(bytes));
        const lent = createHash("sha256");
        proxy.add({ when: (request) => isGet(request) && request.nth % 2 === 0, fault: { kind: "truncate", afterBytes: 2 * MIB }, times: 12 });
        for await (const chunk of open().read(key, undefined, undefined, "lent")) lent.update(chunk);
        expect(lent.digest("hex")).toBe(oidOf(bytes));
        const late = proxy.requests.filter(isGet).map(rangeStart).filter((start) => start >= 32 * MIB);
        expect(late.length).toBeGreaterThanOrEqual(8);
      });

      it("never pass off a damaged object as a good one: the content no longer has the oid", async () => {
        const { key, bytes } = object(200_000, "damaged on the way");
        await direct().write(key, bufferSource(bytes));
        proxy.add({ when: isGet, fault: { kind: "corrupt answer", atByte: 123_456 } });
        const store = open();
        expect(oidOf(await collect(store.read(key)))).not.toBe(oidOf(bytes));
        expect(oidOf(await collect(store.read(key)))).toBe(oidOf(bytes));
      });

      it("end with an error of their own when nothing helps, and succeed in the next run", async () => {
        const { key, bytes } = object(50_000, "nothing helps");
        await direct().write(key, bufferSource(bytes));
        proxy.add({ when: isGet, fault: { kind: "reset" }, times: 3 }, { when: isGet, fault: { kind: "answer", status: 503, code: "SlowDown" }, times: 3 });
        const store = open({ attempts: 3 });
        await expectCode(collect(store.read(key)), "STORE_UNREACHABLE");
        await expectCode(collect(store.read(key)), "STORE_BUSY");
        expect((await collect(store.read(key))).equals(bytes)).toBe(true);
      });

      it("say that an object is archived", async () => {
        proxy.add({ when: isGet, fault: { kind: "answer", status: 403, code: "InvalidObjectState" } });
        const error = await expectCode(collect(open().read("objects/aa/x")), "OBJECT_ARCHIVED");
        expect(error.message).toContain("objects/aa/x");
        expect(proxy.requests).toHaveLength(1);
      });
    });

    describe("writes", () => {
      const damaging: Record<string, Fault> = {
        ...transient,
        "an answer that is lost": { kind: "lose answer" },
        "a bit that flips on the way": { kind: "corrupt request", atByte: 4321 },
        "a timeout at the server": { kind: "answer", status: 400, code: "RequestTimeout" },
      };

      for (const [what, fault] of Object.entries(damaging)) {
        it(`of one request survive ${what}`, async () => {
          const { key, bytes } = object(300_000, `write ${what}`);
          proxy.add({ when: isPut, fault });
          expect(await openFor(fault).write(key, bufferSource(bytes))).toBe("created");
          expectRetries(fault, 1);
          expect((await collect(direct().read(key))).equals(bytes)).toBe(true);
        });

        it(`in parts survive ${what}`, async () => {
          const { key, bytes } = object(3 * PART, `parts ${what}`);
          proxy.add({ when: (request) => partNumber(request) === 2, fault });
          expect(await openFor(fault).write(key, bufferSource(bytes))).toBe("created");
          expectRetries(fault, 1);
          expect(proxy.requests.filter((request) => partNumber(request) === 2).length).toBeGreaterThanOrEqual(2);
          expect(oidOf(await collect(direct().read(key)))).toBe(oidOf(bytes));
        });
      }

      describe("of parts too large to be held", () => {
        const changes = { partSizeBytes: 34 * MIB };

        it("survive a broken connection and a flipped bit", async () => {
          const { key, bytes } = object(70 * MIB, "large parts");
          proxy.add({ when: (request) => partNumber(request) === 1, fault: { kind: "corrupt request", atByte: 30 * MIB } });
          proxy.add({ when: (request) => partNumber(request) === 2, fault: { kind: "reset" } });
          expect(await open(changes).write(key, bufferSource(bytes))).toBe("created");
          expect(proxy.requests.map(partNumber).filter((number) => number !== undefined).sort()).toEqual([1, 1, 2, 2, 3]);
          expect(proxy.requests.filter(isPart).every(({ headers }) => headers["content-length"] !== undefined)).toBe(true);
          expect(oidOf(await collect(direct().read(key)))).toBe(oidOf(bytes));
        });

        it("end with the failure of a source that cannot be read again", async () => {
          const { key, bytes } = object(34 * MIB, "read once");
          const failure = new Error("the disk went away");
          let opened = 0;
          const source: ByteSource = {
            sizeBytes: bytes.length,
            async *open({ start, end }) {
              opened += 1;
              for (let at = start; at < end; at += MIB) {
                if (opened === 2 && at > 10 * MIB) throw failure;
                yield bytes.subarray(at, Math.min(end, at + MIB));
              }
            },
          };
          await expect(open(changes).write(key, source)).rejects.toBe(failure);
          expect(await keys(direct().list(key))).toEqual([]);
          expect(await open(changes).write(key, source)).toBe("created");
          expect(oidOf(await collect(direct().read(key)))).toBe(oidOf(bytes));
        });
      });

      for (const fault of [{ kind: "lose answer" }, { kind: "answer", status: 500 }, { kind: "reset" }] as const) {
        it(`in parts survive it when completing meets "${fault.kind}"`, async () => {
          const { key, bytes } = object(2 * PART + 1, `complete ${fault.kind}`);
          proxy.add({ when: isComplete, fault });
          expect(await open().write(key, bufferSource(bytes))).toBe("created");
          expect(oidOf(await collect(direct().read(key)))).toBe(oidOf(bytes));
          expect(proxy.count(isPart)).toBe(3);
        });
      }

      it("that fail for good leave no object, and the next run sends only what is missing", async () => {
        const { key, bytes } = object(4 * PART, "gives up");
        proxy.add({ when: (request) => partNumber(request) === 3, fault: { kind: "reset" }, times: 3 });
        await expectCode(open({ attempts: 3 }).write(key, bufferSource(bytes)), "STORE_UNREACHABLE");
        expect(await keys(direct().list(key))).toEqual([]);
        const finished = finishedParts(proxy);
        proxy.reset();
        expect(await open().write(key, bufferSource(bytes))).toBe("created");
        const sent = proxy.requests.map(partNumber).filter((number) => number !== undefined);
        expect(sent).toContain(3);
        // A part may have come to the server although nobody waited for the answer any more.
        expect(sent.length).toBeLessThanOrEqual(4 - finished.size);
        expect(new Set(sent).size).toBe(sent.length);
        expect(oidOf(await collect(direct().read(key)))).toBe(oidOf(bytes));
      });

      it("do not take an object of someone else for their own after a lost answer", async () => {
        const key = "locks/contested.json";
        // The first try never arrives; before the second, someone else is there.
        proxy.add({ when: isPut, fault: { kind: "reset" } });
        const other = direct();
        const report = async (): Promise<void> => void (await other.write(key, bufferSource(Buffer.from("theirs"))));
        let others: Promise<void> | undefined;
        const store = openS3Store(`s3://${bucket}`, settings(), (event) => {
          if (event.kind === "retry") others ??= report();
        });
        behind.keep(store);
        proxy.add({ when: isPut, fault: { kind: "delay", ms: 3000 } });
        expect(await store.write(key, bufferSource(Buffer.from("ours")))).toBe("exists");
        await others;
        expect((await collect(other.read(key))).toString()).toBe("theirs");
      });

      it("know their own object again after a lost answer", async () => {
        proxy.add({ when: isPut, fault: { kind: "lose answer" } });
        expect(await open().write("locks/own.json", bufferSource(Buffer.from('{"nonce":1}')))).toBe("created");
        expect(proxy.requests.filter(isPut).map(({ status }) => status)).toEqual([200, 412]);
      });

      it("slow down when asked: the requests under way become fewer", async () => {
        const many = Array.from({ length: 60 }, (_, i) => object(1000, `slow ${i}`));
        const store = open({ attempts: 10 });
        // The first write alone finds out what the provider does with conditions; the others wait for it.
        const first = object(1000, "slow, first");
        await store.write(first.key, bufferSource(first.bytes));
        proxy.add({ when: isPut, fault: { kind: "answer", status: 503, code: "SlowDown" }, times: 20 });
        await Promise.all(many.map(({ key, bytes }) => store.write(key, bufferSource(bytes))));
        expect(retries()).toBeGreaterThanOrEqual(20);
        const found = await store.find(many.map(({ bytes }) => oidOf(bytes)));
        expect(found.size).toBe(60);
      });
    });

    describe("listings", () => {
      for (const [what, fault] of Object.entries({ ...transient, "an answer that is cut off": { kind: "truncate", afterBytes: 200 } as Fault })) {
        it(`survive ${what}`, async () => {
          const { key, bytes } = object(10, "listed");
          const store = direct();
          await store.write(key, bufferSource(bytes));
          proxy.add({ when: isList, fault });
          expect((await openFor(fault).find([oidOf(bytes), oidOf(Buffer.from("absent"))])).size).toBe(1);
          expectRetries(fault, 1);
        });
      }
    });

    describe("an upload whose process is killed", () => {
      it("is continued by the next one without sending a finished part again", async () => {
        const directory = await mkdtemp(join(tmpdir(), "ballast-kill-"));
        try {
          const { key, bytes } = object(9 * PART + 17, "killed");
          const [file, program] = [join(directory, "file"), join(directory, "upload.mjs")];
          await writeFile(file, bytes);
          await bundle("upload-child.ts", program);
          proxy.add({ when: (request) => (partNumber(request) ?? 0) >= 6, fault: { kind: "ignore" }, times: Infinity });
          const child = spawn(process.execPath, [program, `s3://${bucket}`, key, file, JSON.stringify(settings({ stallTimeoutMs: 600_000 }))], { stdio: "inherit" });
          const ended = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
          while (finishedParts(proxy).size < 5) await pause(20);
          child.kill("SIGKILL");
          expect(await ended).toBe("SIGKILL");
          expect(await keys(direct().list(key))).toEqual([]);
          expect([...finishedParts(proxy)].sort()).toEqual([1, 2, 3, 4, 5]);

          proxy.reset();
          expect(await open().write(key, bufferSource(bytes))).toBe("created");
          expect(proxy.requests.map(partNumber).filter((number) => number !== undefined).sort((a, b) => a - b)).toEqual([6, 7, 8, 9, 10]);
          expect(oidOf(await collect(direct().read(key)))).toBe(oidOf(bytes));
        } finally {
          await rm(directory, { recursive: true, force: true });
        }
      });

      it("is not trusted where its parts are not ours", async () => {
        const { key, bytes } = object(3 * PART, "the right bytes");
        const wrong = pseudoRandom(3 * PART, "other bytes under the same key");
        proxy.add({ when: isComplete, fault: { kind: "answer", status: 500 }, times: 2 });
        await expectCode(open({ attempts: 2 }).write(key, bufferSource(wrong)), "STORE_UNREACHABLE");
        proxy.reset();
        expect(await open().write(key, bufferSource(bytes))).toBe("created");
        expect(proxy.count(isPart)).toBe(3);
        expect(oidOf(await collect(direct().read(key)))).toBe(oidOf(bytes));
      });

      it("is left alone where it was cut into parts of another size", async () => {
        const { key, bytes } = object(4 * PART, "cut otherwise");
        proxy.add({ when: isComplete, fault: { kind: "answer", status: 500 }, times: 2 });
        await expectCode(open({ attempts: 2 }).write(key, bufferSource(bytes)), "STORE_UNREACHABLE");
        proxy.reset();
        expect(await open({ partSizeBytes: 6 * MIB }).write(key, bufferSource(bytes))).toBe("created");
        expect(proxy.count(isPart)).toBe(4);
        expect(oidOf(await collect(direct().read(key)))).toBe(oidOf(bytes));
      });

      it("is abandoned when it has expired", async () => {
        const { key, bytes } = object(2 * PART, "expired");
        proxy.add({ when: isComplete, fault: { kind: "answer", status: 500 }, times: 2 });
        await expectCode(open({ attempts: 2 }).write(key, bufferSource(bytes)), "STORE_UNREACHABLE");
        proxy.reset();
        await pause(2100);
        expect(await open({ uploadExpiryMs: 1000 }).write(key, bufferSource(bytes))).toBe("created");
        expect(proxy.count(isPart)).toBe(2);
        expect(proxy.count(({ method, query }) => method === "DELETE" && query.has("uploadId"))).toBeGreaterThanOrEqual(1);
      });
    });

    describe("two writers that share an unfinished upload", () => {
      it("leave one object that is one writer's bytes, whole", async () => {
        const key = objectKey({ oid: oidOf(Buffer.from("shared")), encoding: "gzip" });
        const contents = [pseudoRandom(4 * PART, "shared 1"), pseudoRandom(4 * PART, "shared 2")];
        proxy.add({ when: isComplete, fault: { kind: "answer", status: 500 }, times: 2 });
        await expectCode(open({ attempts: 2 }).write(key, bufferSource(contents[0]!)), "STORE_UNREACHABLE");
        proxy.reset();
        const outcomes = await Promise.all(contents.map((content) => open().write(key, bufferSource(content))));
        expect(outcomes).toContain("created");
        const oid = oidOf(await collect(direct().read(key)));
        expect(contents.map(oidOf)).toContain(oid);
      });
    });

    describe("a provider without conditional writes", () => {
      it("that says so is asked first whether the object is there", async () => {
        const { key, bytes } = object(1000, "no conditions");
        proxy.add({ when: (request) => request.headers["if-none-match"] !== undefined, fault: { kind: "answer", status: 501, code: "NotImplemented" }, times: Infinity });
        const store = open();
        expect(await store.write(key, bufferSource(bytes))).toBe("created");
        expect(await store.write(key, bufferSource(Buffer.from("other")))).toBe("exists");
        expect((await collect(store.read(key))).equals(bytes)).toBe(true);
      });

      it("that keeps it to itself is found out, and asked first", async () => {
        const [first, second] = [object(1000, "first write"), object(1000, "second write")];
        const store = open();
        // The trial, which a good provider refuses.
        proxy.add({ when: (request) => isPut(request) && request.nth === 3, fault: { kind: "answer", status: 200 } });
        expect(await store.write(first.key, bufferSource(first.bytes))).toBe("created");
        expect(proxy.requests.map(({ method }) => method)).toEqual(["HEAD", "PUT", "PUT"]);
        proxy.reset();
        expect(await store.write(second.key, bufferSource(second.bytes))).toBe("created");
        expect(await store.write(second.key, bufferSource(Buffer.from("other")))).toBe("exists");
        expect(proxy.requests.map(({ method, headers }) => [method, headers["if-none-match"]])).toEqual([
          ["HEAD", undefined],
          ["PUT", undefined],
          ["HEAD", undefined],
        ]);
      });
    });

    function isGet({ method, path }: Seen): boolean {
      return method === "GET" && path.startsWith(`/${bucket}/objects/`);
    }
    function isPut({ method, query }: Seen): boolean {
      return method === "PUT" && !query.has("uploadId");
    }
    function isList({ query }: Seen): boolean {
      return query.get("list-type") === "2";
    }
  });
}

function isSilence({ kind }: Fault): boolean {
  return kind === "ignore" || kind === "stall";
}

function isComplete({ method, query }: Seen): boolean {
  return method === "POST" && query.has("uploadId");
}

function isPart(request: Seen): boolean {
  return partNumber(request) !== undefined;
}

function partNumber({ method, query }: Seen): number | undefined {
  const number = query.get("partNumber");
  return method === "PUT" && number !== null ? Number(number) : undefined;
}

/** The numbers of the parts that the server has taken. */
function finishedParts(proxy: FaultProxy): Set<number> {
  return new Set(proxy.requests.filter((request) => isPart(request) && request.status === 200).map((request) => partNumber(request)!));
}

function rangeStart({ headers }: Seen): number {
  return Number(/bytes=(\d+)-/.exec(String(headers["range"]))![1]);
}

/** Makes a program of a file in `test/support` that Node can run. */
async function bundle(name: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, "../support", name)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  });
}
