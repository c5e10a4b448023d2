import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The stock program, the partner for interoperability. Its own recompression of inputs is always off (`-D -R`). */
export interface Xdelta3 {
  /** @param flags for example `-9`, `-n`, `-W 16384`, `-A header`; secondary compression is off unless these say so */
  encode(base: Uint8Array | undefined, target: Uint8Array, ...flags: string[]): Buffer;
  /** @throws when the program refuses the delta */
  decode(base: Uint8Array | undefined, delta: Uint8Array): Buffer;
}

/**
 * The program `xdelta3`, or undefined where it is not installed; then nothing is tested against it, which the run's
 * first lines say. With CI=true the run fails instead.
 */
export const xdelta3: Xdelta3 | undefined = hasXdelta3() ? { encode, decode } : undefined;

export function hasXdelta3(): boolean {
  return spawnSync("xdelta3", ["-V"], { stdio: "ignore" }).status === 0;
}

function encode(base: Uint8Array | undefined, target: Uint8Array, ...flags: string[]): Buffer {
  const secondary = flags.includes("-S") ? [] : ["-S", "none"];
  return run(["-e", ...secondary, ...flags], base, target);
}

function decode(base: Uint8Array | undefined, delta: Uint8Array): Buffer {
  return run(["-d"], base, delta);
}

function run(options: readonly string[], base: Uint8Array | undefined, input: Uint8Array): Buffer {
  const directory = mkdtempSync(join(tmpdir(), "ballast-xdelta3-"));
  const path = (name: string): string => join(directory, name);
  try {
    writeFileSync(path("in"), input);
    if (base) writeFileSync(path("base"), base);
    execFileSync("xdelta3", [...options, "-D", "-R", ...(base ? ["-s", path("base")] : []), path("in"), path("out")], { stdio: ["ignore", "ignore", "pipe"] });
    return readFileSync(path("out"));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
