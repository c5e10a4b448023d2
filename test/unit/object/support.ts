import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { afterAll, expect } from "vitest";
import type { CompressionSettings } from "../../../src/config/settings.ts";
import { BallastError, type ErrorCode } from "../../../src/errors.ts";
import { openDirectoryStore, type DirectoryStore } from "../../../src/store/directory.ts";
import { plainStore } from "../../../src/store/plain-store.ts";
import type { Store } from "../../../src/store/port.ts";

const directories: string[] = [];
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A directory that is removed after the test file. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "ballast-object-"));
  directories.push(directory);
  return directory;
}

/** A bundle of the workers' entry, for tests of what starts threads: the sources run unbundled. */
export async function bundleWorker(): Promise<URL> {
  const outfile = join(temporaryDirectory(), "worker.mjs");
  const entry = fileURLToPath(new URL("../../../src/object/worker.ts", import.meta.url));
  await build({ entryPoints: [entry], outfile, bundle: true, format: "esm", platform: "node", logLevel: "error" });
  return pathToFileURL(outfile);
}

export async function newStore(): Promise<DirectoryStore> {
  const store = openDirectoryStore(join(temporaryDirectory(), "store"));
  await store.initialise();
  return store;
}

/** The same store as somebody sees it who does not know that it is a directory. */
export function remote(store: DirectoryStore): Store {
  return plainStore(store, { url: "s3://bucket" });
}

export const RAW: CompressionSettings = { mode: "never", level: 6, engine: "zlib" };
export const GZIP: CompressionSettings = { mode: "always", level: 6, engine: "zlib" };
export const AUTO: CompressionSettings = { mode: "auto", level: 6, engine: "zlib" };

export function newFile(content: string | Uint8Array): string {
  const path = join(temporaryDirectory(), "file");
  writeFileSync(path, content);
  return path;
}

/** The names of the objects in a store, and of what was left half done. */
export function filesOf(store: DirectoryStore): { objects: string[]; temporary: string[] } {
  const names = (directory: string): string[] => {
    try {
      return readdirSync(join(store.root, directory), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name)
        .sort();
    } catch {
      return [];
    }
  };
  return { objects: names("objects"), temporary: names("tmp") };
}

/** Awaits a failure with this code. */
export async function failure(promise: Promise<unknown>, ...codes: ErrorCode[]): Promise<BallastError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof BallastError)) throw new Error(`not a BallastError: ${String(error)}`, { cause: error });
  expect(codes).toContain(error.code);
  return error;
}

export async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of bytes) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** Bytes in pieces; each piece is spoilt once the next one is asked for, as readers with one buffer do it. */
export async function* pieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = Buffer.from(bytes.subarray(at, at + pieceBytes));
    yield piece;
    piece.fill(0xee);
  }
}
