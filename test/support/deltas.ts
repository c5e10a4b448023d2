import { encodeDelta } from "../../src/delta/encode.ts";
import { formatName, objectKey, type ObjectName } from "../../src/object/name.ts";
import { oidOf, type Oid } from "../../src/object/oid.ts";
import { bufferSource } from "../../src/object/source.ts";
import type { DirectoryStore } from "../../src/store/directory.ts";
import { memoryAccess } from "../../src/util/random-access.ts";
import { random } from "./sandbox.ts";

/** Versions of a content that does not compress; each differs from the one before in a few places. */
export function editions(count: number, seed: string, sizeBytes = 40_000): Buffer[] {
  const versions = [random(sizeBytes, seed)];
  for (let i = 1; i < count; i++) {
    const next = Buffer.from(versions[i - 1]!);
    random(100, `${seed} ${i}`).copy(next, (i * 7919) % (sizeBytes - 100));
    versions.push(next);
  }
  return versions;
}

/** The VCDIFF file that makes `target` of `base`. */
export async function deltaOf(target: Uint8Array, base: Uint8Array): Promise<Buffer> {
  const parts: Buffer[] = [];
  const header = { oid: oidOf(target), base: oidOf(base) };
  await encodeDelta(memoryAccess(target), memoryAccess(base), async (bytes) => void parts.push(Buffer.from(bytes)), { header });
  return Buffer.concat(parts);
}

/** Puts a content into a store, as a delta when a base is given; returns the object's name. */
export async function putContent(store: DirectoryStore, content: Buffer, base?: Buffer): Promise<string> {
  const name: ObjectName = base === undefined ? { oid: oidOf(content), encoding: "raw" } : { oid: oidOf(content), encoding: "delta", base: oidOf(base) };
  await store.write(objectKey(name), bufferSource(base === undefined ? content : await deltaOf(content, base)));
  return formatName(name);
}

/** Puts versions into a store: the first one whole, each other as a delta against the one before. */
export async function putChain(store: DirectoryStore, versions: readonly Buffer[]): Promise<string[]> {
  const names: string[] = [];
  for (const [i, version] of versions.entries()) names.push(await putContent(store, version, versions[i - 1]));
  return names;
}

/** Content as something that a path needs. */
export function wanted(content: Buffer, path = "a"): { oid: Oid; sizeBytes: number; path: string } {
  return { oid: oidOf(content), sizeBytes: content.length, path };
}
