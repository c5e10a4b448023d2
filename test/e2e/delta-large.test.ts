import { createCipheriv, createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { parseName } from "../../src/object/name.ts";
import { sandbox, sha256OfFile, type Sandbox } from "../support/sandbox.ts";

/*
 * A chain of two deltas on a gzipped base, each content larger than the memory that restoring it may take.
 */
const MIB = 1024 * 1024;
const MEBIBYTES = 224;
const MOST_RESIDENT_MIB = 200;

let box: Sandbox;
beforeAll(async () => {
  box = await sandbox();
});

/** Writes a version of the content: hex digits, which gzip halves, with some edits. */
async function writeVersion(path: string, version: number): Promise<string> {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 7), Buffer.alloc(16));
  const hash = createHash("sha256");
  const file = await open(box.path(path), "w");
  const put = async (bytes: Uint8Array): Promise<void> => {
    hash.update(bytes);
    await file.write(bytes);
  };
  await put(Buffer.from("inserted at the front ".repeat(10 * (version - 1))));
  for (let i = 0; i < MEBIBYTES; i++) {
    const chunk = Buffer.from(cipher.update(Buffer.alloc(MIB / 2)).toString("hex"));
    for (let edit = 2; edit <= version; edit++) if (i % 20 === edit) chunk.write(`edited in version ${edit}`, 1000 * i);
    await put(chunk);
  }
  await file.close();
  return hash.digest("hex");
}

describe("a large asset stored as a chain of deltas", () => {
  it("is restored in bounded memory, by a clone and back and forth", async () => {
    await box.git(".", "init", "--quiet", "--bare", "up.git");
    await box.git(".", "init", "--quiet", "big");
    await box.mustBallast("big", "init", box.path("store"));
    await box.git("big", "config", "ballast.compression.level", "1");
    const oids: string[] = [];
    for (const version of [1, 2, 3]) {
      oids.push(await writeVersion("big/scene.dat", version));
      if (version === 1) await box.mustBallast("big", "track", "*.dat");
      await box.git("big", "add", "--all");
      await box.git("big", "commit", "--quiet", "-m", `version ${version}`);
    }
    await box.git("big", "remote", "add", "origin", box.path("up.git"));
    await box.git("big", "push", "--quiet", "origin", "main");
    const names = (await box.objects("store")).map((name) => parseName(name)!);
    expect(names.map(({ oid, encoding, base }) => [oids.indexOf(oid), encoding.split("+")[0], base && oids.indexOf(base)]).sort()).toEqual([[0, "gzip", undefined], [1, "delta", 0], [2, "delta", 1]]);

    box.env["NODE_OPTIONS"] = `--require=${fileURLToPath(new URL("../support/peak-memory.cjs", import.meta.url))}`;
    box.env["PEAK_MEMORY_LOG"] = box.path("memory.log");
    await box.mustBallast(".", "clone", "--quiet", box.path("up.git"), "clone");
    expect(await sha256OfFile(box.path("clone/scene.dat"))).toBe(oids[2]);
    await box.git("clone", "checkout", "--quiet", "HEAD~1");
    expect(await sha256OfFile(box.path("clone/scene.dat"))).toBe(oids[1]);
    await box.git("clone", "checkout", "--quiet", "main");
    expect(await sha256OfFile(box.path("clone/scene.dat"))).toBe(oids[2]);
    delete box.env["NODE_OPTIONS"];
    const peaks = (await box.read("memory.log")).toString().trim().split("\n");
    expect(peaks.some((line) => line.endsWith(" clone --quiet"))).toBe(true);
    for (const line of peaks) expect(Number(line.split(" ")[0]) / 1024, line).toBeLessThan(MOST_RESIDENT_MIB);
  }, 300_000);
});
