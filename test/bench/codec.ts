/*
 * The codec alone, as a process that is measured:
 *   encode <target> <base> <delta> …       writes deltas, gzipped as the product does it
 *   decode <delta> <base> …                prints the SHA-256 of what each makes
 * Contents are read from their files, and nothing else is done.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { decodeDelta } from "../../src/delta/decode.ts";
import { encodeDelta } from "../../src/delta/encode.ts";
import { gunzip, gzipWhole } from "../../src/object/gzip.ts";
import { parseOid } from "../../src/object/oid.ts";
import { openFileAccess } from "../../src/util/random-access.ts";

/** What stands in the application header does not matter here. */
const HEADER = { oid: parseOid("1".repeat(64)), base: parseOid("2".repeat(64)) };
/** As the product: deltas up to this are gzipped as well as can be. */
const WHOLE_BYTES = 8 * 1024 * 1024;

const [mode, ...paths] = process.argv.slice(2);
if (mode === "encode") for (let i = 0; i < paths.length; i += 3) await encode(paths[i]!, paths[i + 1]!, paths[i + 2]!);
else for (let i = 0; i < paths.length; i += 2) process.stdout.write(`${await decode(paths[i]!, paths[i + 1]!)}\n`);

async function encode(targetPath: string, basePath: string, deltaPath: string): Promise<void> {
  const [target, base] = [openFileAccess(targetPath), openFileAccess(basePath)];
  const plain = createWriteStream(deltaPath);
  const write = async (bytes: Uint8Array): Promise<void> => {
    if (!plain.write(bytes)) await once(plain, "drain");
  };
  await encodeDelta(target, base, write, { header: HEADER });
  plain.end();
  await once(plain, "close");
  target.close();
  base.close();
  const { size } = statSync(deltaPath);
  const gzipped = gzipWhole(readFileSync(deltaPath), { engine: "zlib", level: size > WHOLE_BYTES ? 6 : 9 });
  if (gzipped.length >= size) return;
  writeFileSync(deltaPath, gzipped);
  renameSync(deltaPath, `${deltaPath}.gz`);
}

async function decode(deltaPath: string, basePath: string): Promise<string> {
  const base = openFileAccess(basePath);
  const hash = createHash("sha256");
  const bytes = createReadStream(deltaPath, { highWaterMark: 256 * 1024 }) as AsyncIterable<Uint8Array>;
  for await (const chunk of decodeDelta(deltaPath.endsWith(".gz") ? gunzip(bytes) : bytes, base, { checksums: false })) hash.update(chunk);
  base.close();
  return hash.digest("hex");
}
