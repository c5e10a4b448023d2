import { copyFileSync, createReadStream, mkdirSync, rmSync, statSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { scatteredEdits, writeLargeFile, type Edit } from "../large-file.ts";
import { Repository } from "../repository.ts";
import type { CaseResult, Goal, Row, Variant } from "../row.ts";
import { shell } from "../shell.ts";
import { codecCommand, writtenDelta } from "./delta-ballast.ts";
import { CODEC, PRODUCT } from "./delta-versions.ts";

const MIB = 2 ** 20;
const HASH = "sha256sum";

/** A large content and what was made of it. */
interface Pair {
  readonly base: string;
  readonly edited: string;
  readonly sizeBytes: number;
  /** Of the edited one. */
  readonly oid: string;
}

export const deltaLarge: Row = {
  name: "delta-large",
  budgetSeconds: 30,
  slow: true,
  work:
    "Large files that do not compress, and the same with edits of 100 bytes all over them, by turns overwritten, put in and taken out. " +
    "Decoding ends in a SHA-256; the repository records by `git add` and `git commit` and restores by `git checkout`. `sha256sum` reads the edited file once.",
  diskBytes: 14e9,
  async *cases({ scratch, thorough, wants, say }) {
    const directory = join(scratch, "large");
    mkdirSync(directory);
    if (wants("512MiB")) {
      const pair = await writePair(directory, 512 * MIB, scatteredEdits(1000, 512 * MIB), say);
      yield { name: "512MiB and 1,000 edits", bytes: pair.sizeBytes, reference: HASH, variants: [hash(pair), openssl(pair), codec(pair), product(pair), stock("xdelta3 -9, gzipped", "xdelta3", XDELTA3, pair), stock("zstd -3 --patch-from", "zstd", ZSTD, pair)] };
      rmSync(pair.base);
      rmSync(pair.edited);
    }
    if (thorough && wants("4GiB")) {
      const front = { at: 0, removeBytes: 0, insert: Buffer.from("put in at the front ".repeat(50)) };
      const pair = await writePair(directory, 4096 * MIB, [front, ...scatteredEdits(100, 4096 * MIB)], say);
      yield { name: "4GiB, 1,000 bytes put in at the front, and 100 edits", bytes: pair.sizeBytes, reference: HASH, variants: [hash(pair), openssl(pair), codec(pair)] };
    }
    rmSync(directory, { recursive: true });
  },
  goals,
};

async function writePair(directory: string, sizeBytes: number, edits: readonly Edit[], say: (line: string) => void): Promise<Pair> {
  say(`writing two files of ${sizeBytes / MIB} MiB`);
  const [base, edited] = [join(directory, "base"), join(directory, "edited")];
  await writeLargeFile(base, sizeBytes);
  const hash = createHash("sha256");
  return { base, edited, sizeBytes: await writeLargeFile(edited, sizeBytes, edits, hash), oid: hash.digest("hex") };
}

/** The yardstick: nobody can record or check a content without hashing it. */
function hash({ edited, oid }: Pair): Variant {
  return { name: HASH, needs: [HASH], run: async (sample) => {
    for (const step of ["encode", "decode"]) requireSame(oid, (await sample.step(step, { program: HASH, args: [edited] })).stdout);
  } };
}

/** The same with the processor's own instructions, where sha256sum does without. */
function openssl({ edited, oid }: Pair): Variant {
  return { name: "openssl dgst -sha256", needs: ["openssl"], run: async (sample) => {
    for (const step of ["encode", "decode"]) requireSame(oid, (await sample.step(step, { program: "openssl", args: ["dgst", "-r", "-sha256", edited] })).stdout);
  } };
}

function codec({ base, edited, oid }: Pair): Variant {
  return { name: CODEC, run: async (sample) => {
    const out = join(sample.directory, "delta");
    await sample.step("encode", codecCommand("encode", [edited, base, out]));
    sample.add("stored", statSync(writtenDelta(out)).size);
    requireSame(oid, (await sample.step("decode", codecCommand("decode", [writtenDelta(out), base]))).stdout);
  } };
}

function product({ base, edited, oid }: Pair): Variant {
  return { name: PRODUCT, run: async (sample) => {
    const repository = await Repository.create(sample.directory, "Ballast", "asset");
    const file = join(repository.path, "asset");
    copyFileSync(base, file);
    await repository.commit("base");
    copyFileSync(edited, file);
    await sample.step("encode", repository.command("add", "--all"));
    await sample.step("encode", repository.command("commit", "-q", "-m", "edited"));
    await repository.settled();
    sample.add("stored", storedBytes(repository, oid));
    repository.git("checkout", "-q", "HEAD~1");
    await repository.settled();
    await sample.step("decode", repository.command("checkout", "-q", "main"));
    requireSame(oid, await hashOf(file));
    await repository.settled();
  } };
}

const XDELTA3 = {
  encode: 'xdelta3 -e -9 -S none -D -R -c -s "$1" "$2" | gzip -9 -n > "$3"',
  decode: 'gzip -dc "$2" | xdelta3 -d -D -R -c -s "$1" | sha256sum',
};
const ZSTD = {
  encode: 'zstd -q -3 --long=30 --patch-from="$1" "$2" -o "$3"',
  decode: 'zstd -q -d -c --long=30 --patch-from="$1" "$2" | sha256sum',
};

/** A stock program, by the lines of shell that encode and decode. */
function stock(name: string, program: string, lines: typeof XDELTA3, { base, edited, oid }: Pair): Variant {
  return { name, needs: [program], once: true, run: async (sample) => {
    const out = join(sample.directory, "delta");
    await sample.step("encode", shell(lines.encode, base, edited, out));
    sample.add("stored", statSync(out).size);
    requireSame(oid, (await sample.step("decode", shell(lines.decode, base, out))).stdout);
  } };
}

function storedBytes(repository: Repository, oid: string): number {
  const object = repository.objects().get(oid);
  if (object === undefined) throw new Error(`the store has no object of ${oid}`);
  return object.sizeBytes;
}

async function hashOf(path: string): Promise<string> {
  const digest = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: MIB })) digest.update(chunk as Buffer);
  return digest.digest("hex");
}

function requireSame(oid: string, printed: string): void {
  if (!printed.startsWith(oid)) throw new Error(`what was decoded is ${printed.trim() || "nothing"}, not ${oid}`);
}

function goals(cases: readonly CaseResult[]): Goal[] {
  const found: Goal[] = [];
  for (const { name, bytes, variants } of cases) {
    const ballast = variants.find((variant) => variant.name === CODEC);
    if (ballast === undefined) continue;
    for (const [step, least] of [["encode", 150], ["decode", 400]] as const) {
      const { wallSeconds, cpuSeconds, peakBytes } = ballast.steps[step]!;
      const add = (what: string, value: number, unit: string, bound: Goal["bound"]): void => void found.push({ what: `${name.split(/[ ,]/)[0]}: ${step}, ${what}`, value, unit, bound });
      if (name.startsWith("512MiB")) {
        add("by wall time", bytes! / 1e6 / wallSeconds.median, "MB/s", { atLeast: least });
        add("by CPU time", bytes! / 1e6 / cpuSeconds.median, "MB/s", { atLeast: least });
      }
      if (peakBytes !== undefined) add("peak memory", peakBytes / 1e6, "MB", { atMost: 300 });
    }
    if (name.startsWith("4GiB")) found.push({ what: "4GiB: bytes of the delta", value: ballast.figures["stored"]! / 1e6, unit: "MB", bound: { atMost: 2 } });
  }
  return found;
}
