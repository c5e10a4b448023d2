import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import type { TestS3 } from "./s3.ts";

/** The keys of a store as somebody changes them who knows nothing of Ballast. */
export interface RawStore {
  keys(prefix: string): Promise<string[]>;
  get(key: string): Promise<Buffer>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  remove(key: string): Promise<void>;
}

export function rawDirectory(root: string): RawStore {
  return {
    async keys(prefix) {
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      const keys = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
      return keys.filter((key) => key.startsWith(prefix)).sort();
    },
    get: (key) => readFile(join(root, key)),
    async put(key, bytes) {
      await mkdir(dirname(join(root, key)), { recursive: true });
      // What is there may share its blocks, or its file, with something else.
      await rm(join(root, key), { force: true });
      await writeFile(join(root, key), bytes);
    },
    remove: (key) => rm(join(root, key), { recursive: true }),
  };
}

export function rawBucket(s3: TestS3, Bucket: string, prefix: string): RawStore {
  const client = s3.client();
  return {
    async keys(start) {
      const keys: string[] = [];
      for (let StartAfter: string | undefined; ; ) {
        const { Contents = [], IsTruncated } = await client.send(new ListObjectsV2Command({ Bucket, Prefix: prefix + start, ...(StartAfter === undefined ? {} : { StartAfter }) }));
        keys.push(...Contents.map(({ Key }) => Key!.slice(prefix.length)));
        if (!IsTruncated) return keys.sort();
        StartAfter = Contents.at(-1)!.Key!;
      }
    },
    async get(key) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: prefix + key }));
      return Buffer.from(await Body!.transformToByteArray());
    },
    async put(key, bytes) {
      await client.send(new PutObjectCommand({ Bucket, Key: prefix + key, Body: bytes }));
    },
    async remove(key) {
      await client.send(new DeleteObjectCommand({ Bucket, Key: prefix + key }));
    },
  };
}
