import { oidOf, OidHasher, type Oid } from "./oid.ts";
import { readChunks, readSmall, readStable, SMALL_BYTES, type FileStat } from "./stable-file.ts";

export interface HashedFile {
  readonly oid: Oid;
  readonly sizeBytes: number;
  /** The owner's executable bit. */
  readonly exec: boolean;
  /** Taken after the last byte was read. */
  readonly stat: FileStat;
}

/**
 * The oid of a file that nobody writes meanwhile.
 * @throws NOT_A_FILE, FILE_CHANGED, FILE_DENIED, the signal's reason
 */
export async function hashFile(
  path: string,
  { signal, onBytes }: { signal?: AbortSignal | undefined; onBytes?: ((bytes: number) => void) | undefined } = {},
): Promise<HashedFile> {
  const { made: oid, stat } = await readStable(path, async (file) => {
    signal?.throwIfAborted();
    if (file.sizeBytes <= SMALL_BYTES) {
      const content = readSmall(file);
      return content && oidOf(content);
    }
    const hasher = new OidHasher();
    let sizeBytes = 0;
    for await (const chunk of readChunks(file.fd, file.sizeBytes, signal)) {
      hasher.update(chunk);
      sizeBytes += chunk.length;
      onBytes?.(chunk.length);
    }
    return sizeBytes === file.sizeBytes ? hasher.digest() : undefined;
  });
  if (stat.size <= SMALL_BYTES) onBytes?.(Number(stat.size));
  return { oid, sizeBytes: Number(stat.size), exec: isExecutable(stat), stat };
}

export function isExecutable(stat: FileStat): boolean {
  return (stat.mode & 0o100n) !== 0n;
}
