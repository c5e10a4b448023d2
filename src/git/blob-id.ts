import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Repository } from "./repository.ts";

/** The id that Git gives a blob of this content in this repository (gitformat-loose, hash-function-transition). */
export function blobId({ commonDir }: Repository, content: Uint8Array): string {
  const sha256 = /^\s*objectformat\s*=\s*"?sha256/im.test(readFileSync(join(commonDir, "config"), "utf8"));
  return createHash(sha256 ? "sha256" : "sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
}
