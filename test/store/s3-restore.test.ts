import { readFileSync, readdirSync, statSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { BallastError } from "../../src/errors.ts";
import type { Asset } from "../../src/manifest/manifest.ts";
import { objectKey, type ObjectName } from "../../src/object/name.ts";
import { oidOf } from "../../src/object/oid.ts";
import { bufferSource } from "../../src/object/source.ts";
import { openS3Store } from "../../src/store/s3/store.ts";
import { materialiseEach } from "../../src/worktree/materialise-each.ts";
import { objectNames } from "../support/decodable.ts";
import { ballastError } from "../support/errors.ts";
import { scene, type Scene } from "../support/repository.ts";
import { testS3 } from "../support/s3.ts";

const s3 = await testS3();

if (s3) {
  describe("what is restored from a bucket", () => {
    /** A clone of nothing yet, whose bucket has these contents. */
    async function cloneOf(objects: readonly (readonly [Buffer, ObjectName["encoding"]])[]): Promise<Scene & { temporaryDirectory: string }> {
      const storeUrl = `s3://${await s3!.bucket()}`;
      const store = openS3Store(storeUrl, s3!.settings(), () => {});
      await store.write("ballast.json", bufferSource(Buffer.from('{"ballast":"store","version":1}\n')));
      for (const [content, encoding] of objects) {
        await store.write(objectKey({ oid: oidOf(content), encoding }), bufferSource(encoding === "gzip" ? gzipSync(content) : content));
      }
      store.close();
      const it = await scene({ storeUrl, s3: s3!.settings() });
      await it.box.write("tmp/keep", "");
      return { ...it, temporaryDirectory: it.box.path("tmp") };
    }

    const asset = (path: string, content: Buffer, exec = false): Asset => ({ path, oid: oidOf(content), sizeBytes: content.length, exec });
    const [one, text, large, empty] = [Buffer.from("one"), Buffer.from("text ".repeat(5000)), Buffer.alloc(5_000_000, 7), Buffer.alloc(0)];

    it("is put into place from the bytes that came, once for each path, and is in the local store as well", async () => {
      const it = await cloneOf([[one, "raw"], [text, "gzip"], [large, "raw"], [empty, "raw"]]);
      const wanted = [asset("a", one), asset("b/run", one, true), asset("text", text), asset("large", large), asset("empty", empty), asset("none", Buffer.from("none"))];
      const placed = new Map<string, { content: Buffer; exec: boolean }>();
      const { missing } = await materialiseEach(it.context, { wanted, temporaryDirectory: it.temporaryDirectory }, ({ path }, temporary) => {
        placed.set(path, { content: readFileSync(temporary), exec: (statSync(temporary).mode & 0o100) !== 0 });
      });
      expect(missing.map(({ path }) => path)).toEqual(["none"]);
      expect([...placed.keys()].sort()).toEqual(["a", "b/run", "empty", "large", "text"]);
      for (const { path, oid, exec } of wanted.slice(0, 5)) {
        expect(oidOf(placed.get(path)!.content)).toBe(oid);
        expect(placed.get(path)!.exec).toBe(exec);
      }
      expect(objectNames(it.local.root)).toEqual([oidOf(one), `${oidOf(text)}.gz`, oidOf(large), oidOf(empty)].sort());
      const files = it.events.flatMap((event) => (event.kind === "file" && event.op === "restore" ? [event.path] : []));
      expect(files.sort()).toEqual([...placed.keys()].sort());
      const start = it.events.find((event) => event.kind === "start" && event.op === "restore");
      expect(start).toMatchObject({ totalFiles: 5, totalBytes: 2 * one.length + text.length + large.length });
    });

    it("is not what is damaged there, or of another size than the manifest says", async () => {
      const it = await cloneOf([[one, "raw"]]);
      const store = openS3Store(it.context.settings.storeUrl!, s3.settings(), () => {});
      await store.write(objectKey({ oid: oidOf(text), encoding: "raw" }), bufferSource(Buffer.concat([text.subarray(1), text.subarray(0, 1)])));
      store.close();
      const placed: string[] = [];
      const wanted = [asset("damaged", text), { ...asset("longer", one), sizeBytes: 4 }, asset("right", one)];
      const { missing } = await materialiseEach(it.context, { wanted, temporaryDirectory: it.temporaryDirectory }, ({ path }) => void placed.push(path));
      expect(placed).toEqual(["right"]);
      expect(missing.map(({ path, code }) => [path, code]).sort()).toEqual([["damaged", "OBJECT_CORRUPT"], ["longer", "OBJECT_CORRUPT"]]);
    });

    it("stops at the first that cannot be put into place; what came is kept, and nothing lies about", async () => {
      const it = await cloneOf([[one, "raw"], [text, "gzip"]]);
      const placing = materialiseEach(it.context, { wanted: [asset("a", one), asset("text", text)], temporaryDirectory: it.temporaryDirectory }, (_asset, temporary) => {
        readFileSync(temporary);
        throw new BallastError("FILE_CHANGED", "it changed in this moment");
      });
      await expect(placing).rejects.toEqual(ballastError("FILE_CHANGED", /in this moment/));
      expect(objectNames(it.local.root)).toEqual([oidOf(one), `${oidOf(text)}.gz`].sort());
      expect(readdirSync(it.temporaryDirectory)).toEqual(["keep"]);
    });
  });
}
