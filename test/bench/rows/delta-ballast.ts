import { copyFileSync, existsSync, readFileSync, statSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Command } from "../measure.ts";
import { Repository, type StoredObject } from "../repository.ts";
import type { Variant } from "../row.ts";
import { CODEC, note, PRODUCT, requireSame, type Version } from "./delta-versions.ts";

/** A run of the codec in a process of its own. */
export function codecCommand(mode: "encode" | "decode", paths: readonly string[]): Command {
  return { program: process.execPath, args: [join(import.meta.dirname, "codec.mjs"), mode, ...paths] };
}

/** The path of a delta that the codec wrote, gzipped or not. */
export function writtenDelta(path: string): string {
  return existsSync(`${path}.gz`) ? `${path}.gz` : path;
}

/** src/delta/ in one process: each version against the one before, whatever comes of it. */
export function codec(versions: readonly Version[]): Variant {
  return { name: CODEC, run: async (sample) => {
    const out = (i: number): string => join(sample.directory, `${i}.xd3`);
    const later = versions.slice(1);
    await sample.step("encode", codecCommand("encode", later.flatMap(({ path }, i) => [path, versions[i]!.path, out(i + 1)])));
    const { stdout } = await sample.step("decode", codecCommand("decode", later.flatMap((_, i) => [writtenDelta(out(i + 1)), versions[i]!.path])));
    for (const [i, version] of versions.entries()) note(sample, version, i === 0 ? version.gzipBytes : statSync(writtenDelta(out(i))).size);
    for (const [i, line] of stdout.trim().split("\n").entries()) requireSame(later[i]!, line);
  } };
}

/** The whole product: each version is copied over the last one and committed, then all are checked out in turn. */
export function product(versions: readonly Version[]): Variant {
  return { name: PRODUCT, run: async (sample) => {
    const repository = await Repository.create(sample.directory, "Ballast", "asset");
    const file = join(repository.path, "asset");
    const commits: string[] = [];
    for (const [i, version] of versions.entries()) {
      copyFileSync(version.path, file);
      for (const args of [["add", "--all"], ["commit", "-q", "-m", `version ${version.version}`]]) {
        if (i === 0) repository.git(...args);
        else await sample.step("encode", repository.command(...args));
      }
      await repository.settled();
      commits.push(repository.git("rev-parse", "HEAD"));
    }
    const objects = repository.objects();
    for (const version of versions) {
      const chain = chainOf(version.oid, objects);
      const fetch = chain.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / Math.min(version.gzipBytes, version.sizeBytes);
      note(sample, version, chain[0]!.sizeBytes, { depth: chain.length - 1, fetch: Number(fetch.toFixed(2)) });
    }
    repository.git("checkout", "-q", commits[0]!);
    await repository.settled();
    for (const [i, version] of versions.entries()) {
      if (i > 0) await sample.step("decode", repository.command("checkout", "-q", commits[i]!));
      requireSame(version, createHash("sha256").update(readFileSync(file)).digest("hex"));
      await repository.settled();
    }
  } };
}

/** The object of an oid and what it stands on, nearest first. */
function chainOf(oid: string, objects: ReadonlyMap<string, StoredObject>): StoredObject[] {
  const object = objects.get(oid);
  if (object === undefined) throw new Error(`the store has no object of ${oid}`);
  return [object, ...(object.base === undefined ? [] : chainOf(object.base, objects))];
}
