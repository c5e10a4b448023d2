import { statSync } from "node:fs";
import { join } from "node:path";
import { bytesIn } from "../files.ts";
import type { Command } from "../measure.ts";
import { output } from "../programs.ts";
import type { Variant } from "../row.ts";
import type { Sample } from "../sample.ts";
import { shell } from "../shell.ts";
import { note, requireSame, XDELTA3, type Version } from "./delta-versions.ts";

/** Each version by itself. */
export function gzipEach(versions: readonly Version[]): Variant {
  return { name: "gzip -6, each by itself", needs: ["gzip"], run: (sample) => eachAgainst(sample, versions, {
    first: (version) => version.gzipBytes,
    encode: (version, _, out) => shell('gzip -6 -n -c "$1" > "$2"', version.path, out),
    decode: (_version, _base, out) => shell('gzip -dc "$1" | sha256sum', out),
    base: "previous",
  }) };
}

/** The stock program, whose deltas are gzipped as well as can be; its own recompression of inputs is off. */
export function xdelta3(versions: readonly Version[], base: "previous" | "first"): Variant {
  return { name: base === "previous" ? XDELTA3 : "xdelta3 -9, gzipped, against first", needs: ["xdelta3"], slow: base === "first", run: (sample) => eachAgainst(sample, versions, {
    first: (version) => version.gzipBytes,
    encode: (version, from, out) => shell('xdelta3 -e -9 -S none -D -R -c -s "$1" "$2" | gzip -9 -n > "$3"', from.path, version.path, out),
    decode: (_, from, out) => shell('gzip -dc "$2" | xdelta3 -d -D -R -c -s "$1" | sha256sum', from.path, out),
    base,
  }) };
}

/** Slow, and the smallest of all. */
export function zstd(versions: readonly Version[]): Variant {
  return { name: "zstd -19 --patch-from previous", needs: ["zstd"], slow: true, run: (sample) => eachAgainst(sample, versions, {
    first(version) {
      output("zstd", ["-q", "-19", version.path, "-o", join(sample.directory, "first")]);
      return statSync(join(sample.directory, "first")).size;
    },
    encode: (version, from, out) => shell('zstd -q -19 --long=27 --patch-from="$1" "$2" -o "$3"', from.path, version.path, out),
    decode: (_, from, out) => shell('zstd -q -d -c --long=27 --patch-from="$1" "$2" | sha256sum', from.path, out),
    base: "previous",
  }) };
}

interface Tool {
  first(version: Version): number;
  encode(version: Version, base: Version, out: string): Command;
  /** Prints the SHA-256 first. */
  decode(version: Version, base: Version, out: string): Command;
  readonly base: "previous" | "first";
}

async function eachAgainst(sample: Sample, versions: readonly Version[], { first, encode, decode, base }: Tool): Promise<void> {
  for (const [i, version] of versions.entries()) {
    if (i === 0) {
      note(sample, version, first(version));
      continue;
    }
    const from = versions[base === "first" ? 0 : i - 1]!;
    const out = join(sample.directory, "out");
    await sample.step("encode", encode(version, from, `${out}${i}`));
    note(sample, version, statSync(`${out}${i}`).size);
    requireSame(version, (await sample.step("decode", decode(version, from, `${out}${i}`))).stdout);
  }
}

/** A backup program that cuts content into chunks: one snapshot a version, in a repository on the same disk. */
export function restic(versions: readonly Version[], compression: "auto" | "max"): Variant {
  return { name: `restic --compression ${compression}`, needs: ["restic"], slow: true, run: async (sample) => {
    const repository = join(sample.directory, "restic");
    const file = join(sample.directory, "asset");
    const env = { RESTIC_REPOSITORY: repository, RESTIC_PASSWORD: "benchmark", HOME: sample.directory };
    const command = (...args: string[]): Command => ({ program: "restic", args: ["--no-cache", "-q", ...args], env });
    const all = { env: { ...process.env, ...env } };
    output("restic", ["--no-cache", "-q", "init"], all);
    let before = bytesIn(repository);
    for (const [i, version] of versions.entries()) {
      output("cp", [version.path, file]);
      const backup = ["backup", "--compression", compression, "--tag", `v${i}`, file];
      if (i === 0) output("restic", ["--no-cache", "-q", ...backup], all);
      else await sample.step("encode", command(...backup));
      const after = bytesIn(repository);
      note(sample, version, after - before);
      before = after;
    }
    for (const [i, version] of versions.entries()) {
      if (i === 0) continue;
      const { program, args } = command("dump", "--tag", `v${i}`, "latest", file);
      requireSame(version, (await sample.step("decode", { ...shell('"$@" | sha256sum', program, ...args), env })).stdout);
    }
  } };
}
