import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { appendFileSync, chmodSync, closeSync, mkdirSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { hashFile } from "../../../src/object/hash-file.ts";
import { ingestFile } from "../../../src/object/ingest.ts";
import { EMPTY_OID, oidOf } from "../../../src/object/oid.ts";
import { objectKey } from "../../../src/object/name.ts";
import { isVanished } from "../../../src/object/stable-file.ts";
import { bufferSource } from "../../../src/object/source.ts";
import { AUTO, failure, filesOf, GZIP, newFile, newStore, RAW, temporaryDirectory } from "./support.ts";

const LARGE = 9_000_000;

describe("ingesting a file", () => {
  const contents: [string, Buffer][] = [
    ["an empty file", Buffer.alloc(0)],
    ["a small file that shrinks", Buffer.from("words and words ".repeat(5000))],
    ["a small file that does not", randomBytes(50_000)],
    ["a file as large as one reading may be", randomBytes(4 * 1024 * 1024)],
    ["a large file that shrinks", Buffer.from("words and words ".repeat(LARGE / 16))],
    ["a large file that does not", randomBytes(LARGE)],
  ];
  for (const [what, content] of contents) {
    for (const compression of [AUTO, RAW, GZIP, { ...AUTO, engine: "pako" as const, level: 9 }]) {
      it(`stores ${what} with compression ${compression.mode} by ${compression.engine}`, async () => {
        const store = await newStore();
        const path = newFile(content);
        let counted = 0;
        const made = await ingestFile(path, store, compression, { onBytes: (bytes) => (counted += bytes) });
        expect(made).toMatchObject({ oid: oidOf(content), sizeBytes: content.length, exec: false, created: true });
        expect(counted).toBe(content.length);
        const stored = readFileSync(store.pathOf(objectKey(made)));
        expect(stored.length).toBe(made.storedBytes);
        const shrunk = compression.mode === "always" || (compression.mode === "auto" && what.endsWith("that shrinks"));
        expect(made.encoding).toBe(shrunk ? "gzip" : "raw");
        expect((shrunk ? gunzipSync(stored) : stored).equals(content)).toBe(true);
        expect(filesOf(store)).toEqual({ objects: [objectKey(made).slice(11)], temporary: [] });
        expect(await hashFile(path)).toMatchObject({ oid: made.oid, sizeBytes: content.length, stat: made.stat });
        expect(await ingestFile(path, store, RAW)).toMatchObject({ created: false, encoding: made.encoding, storedBytes: made.storedBytes });
        expect(filesOf(store).temporary).toEqual([]);
      });
    }
  }

  it("makes no second object where the store has a delta of the content", async () => {
    const store = await newStore();
    const content = Buffer.from("content");
    const name = { oid: oidOf(content), encoding: "delta+gzip" as const, base: EMPTY_OID };
    await store.write(objectKey(name), bufferSource(Buffer.from("a delta")));
    await store.write(objectKey({ oid: EMPTY_OID, encoding: "raw" }), bufferSource(Buffer.alloc(0)));
    expect(await ingestFile(newFile(content), store, AUTO)).toMatchObject({ created: false, encoding: "delta+gzip", storedBytes: 7 });
    expect(filesOf(store).objects).toHaveLength(2);
  });

  it("does not count on a delta whose base is not there", async () => {
    const store = await newStore();
    const content = Buffer.from("content");
    await store.write(objectKey({ oid: oidOf(content), encoding: "delta", base: EMPTY_OID }), bufferSource(Buffer.from("a delta")));
    expect(await ingestFile(newFile(content), store, AUTO)).toMatchObject({ created: true, encoding: "raw" });
  });

  it("tells the executable bit", async () => {
    const path = newFile("#!/bin/sh\n");
    chmodSync(path, 0o755);
    expect((await ingestFile(path, await newStore(), AUTO)).exec).toBe(true);
    expect((await hashFile(path)).exec).toBe(true);
  });

  it("stores a file only with the content that was expected", async () => {
    const store = await newStore();
    const path = newFile("new content");
    await failure(ingestFile(path, store, AUTO, { expected: oidOf(Buffer.from("old content")) }), "FILE_CHANGED");
    expect(filesOf(store)).toEqual({ objects: [], temporary: [] });
    await ingestFile(path, store, AUTO, { expected: oidOf(Buffer.from("new content")) });
  });

  it("refuses what is no regular file, without waiting for it", async () => {
    const store = await newStore();
    const directory = temporaryDirectory();
    const at = (name: string): string => join(directory, name);
    writeFileSync(at("target"), "target");
    symlinkSync("target", at("link"));
    symlinkSync("nowhere", at("dangling"));
    mkdirSync(at("directory"));
    execFileSync("mkfifo", [at("fifo")]);
    const server = createServer().listen(at("socket"));
    await new Promise((resolve) => server.once("listening", resolve));
    for (const name of ["link", "dangling", "directory", "fifo", "socket"]) {
      const error = await failure(ingestFile(at(name), store, AUTO), "NOT_A_FILE");
      expect(error.message).toContain(at(name));
      await failure(hashFile(at(name)), "NOT_A_FILE");
    }
    server.close();
    expect(filesOf(store)).toEqual({ objects: [], temporary: [] });
  });

  it("tells a file that has gone from one that changes", async () => {
    const store = await newStore();
    const path = join(temporaryDirectory(), "gone");
    expect(isVanished(await failure(ingestFile(path, store, AUTO), "FILE_CHANGED"))).toBe(true);
    expect(isVanished(await failure(hashFile(join(newFile("x"), "below a file")), "FILE_CHANGED"))).toBe(true);
  });

  for (const [what, sizeBytes] of [["small", 3_000_000], ["large", 30_000_000]] as const) {
    it(`never stores a ${what} file that is being written, and says so`, async () => {
      const store = await newStore();
      const path = newFile(randomBytes(sizeBytes));
      const writer = new AbortController();
      const writing = writeAgainAndAgain(path, writer.signal);
      await delay(300);
      try {
        // Quicker readings may lie between two ticks of the file system's clock; the index calls such files racy.
        for (const compression of what === "small" ? [GZIP] : [RAW, { ...GZIP, level: 1 }]) {
          const error = await failure(ingestFile(path, store, compression, { onBytes: () => touch(path) }), "FILE_CHANGED");
          expect(isVanished(error)).toBe(false);
        }
        if (what === "large") await failure(hashFile(path, { onBytes: () => touch(path) }), "FILE_CHANGED");
      } finally {
        writer.abort();
        await writing;
      }
      expect(filesOf(store)).toEqual({ objects: [], temporary: [] });
    });
  }

  it("reads a file again that changed once", async () => {
    const store = await newStore();
    const path = newFile(randomBytes(LARGE));
    let touched = false;
    const made = await ingestFile(path, store, RAW, {
      onBytes: () => {
        if (!touched) appendFileSync(path, "more");
        touched = true;
      },
    });
    expect(made.oid).toBe(createHash("sha256").update(readFileSync(path)).digest("hex"));
    expect(made.sizeBytes).toBe(LARGE + 4);
    expect(filesOf(store)).toEqual({ objects: [objectKey(made).slice(11)], temporary: [] });
  });

  it("ends with the signal's reason and leaves nothing", async () => {
    const store = await newStore();
    const path = newFile(randomBytes(LARGE));
    const reason = new Error("the user has gone");
    const controller = new AbortController();
    await expect(ingestFile(path, store, RAW, { signal: controller.signal, onBytes: () => controller.abort(reason) })).rejects.toBe(reason);
    await expect(hashFile(path, { signal: controller.signal })).rejects.toBe(reason);
    expect(filesOf(store)).toEqual({ objects: [], temporary: [] });
  });

  it("gives many callers of the same content one object", async () => {
    const store = await newStore();
    const path = newFile(randomBytes(100_000));
    const made = await Promise.all(Array.from({ length: 20 }, () => ingestFile(path, store, RAW)));
    expect(made.filter(({ created }) => created)).toHaveLength(1);
    expect(filesOf(store).temporary).toEqual([]);
    rmSync(path);
  });
});

function touch(path: string): void {
  const fd = openSync(path, "r+");
  writeSync(fd, randomBytes(8), 0, 8, 0);
  closeSync(fd);
}

/** Another process, which writes also while this one reads synchronously. */
async function writeAgainAndAgain(path: string, signal: AbortSignal): Promise<void> {
  const { spawn } = await import("node:child_process");
  const code = `const fs=require("fs"),fd=fs.openSync(${JSON.stringify(path)},"r+");for(;;)fs.writeSync(fd,require("crypto").randomBytes(64),0,64,Math.floor(Math.random()*1e6))`;
  const child = spawn(process.execPath, ["-e", code], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  signal.addEventListener("abort", () => child.kill("SIGKILL"), { once: true });
  await ended;
}
