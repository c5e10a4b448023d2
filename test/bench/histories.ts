import { mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { output, type Programs } from "./programs.ts";

/** Versions of one file, as a team would have committed them one after the other. */
export interface History {
  readonly name: string;
  readonly package: string;
  /** The file inside the package. */
  readonly file: string;
  readonly versions: readonly string[];
}

export const HISTORIES: readonly History[] = [
  { name: "esbuild", package: "@esbuild/linux-x64", file: "bin/esbuild", versions: ["0.25.0", "0.25.1", "0.25.2", "0.25.3", "0.25.4", "0.25.5", "0.25.6", "0.25.7", "0.25.8", "0.25.9"] },
  { name: "typescript", package: "typescript", file: "lib/typescript.js", versions: ["5.5.3", "5.5.4", "5.6.2", "5.6.3", "5.7.2", "5.7.3", "5.8.2", "5.8.3", "5.9.2", "5.9.3"] },
  // The largest .wasm of these versions.
  { name: "onnxruntime", package: "onnxruntime-web", file: "dist/ort-wasm-simd-threaded.jsep.wasm", versions: ["1.21.0", "1.21.1", "1.22.0", "1.23.0", "1.23.2"] },
  { name: "duckdb", package: "@duckdb/duckdb-wasm", file: "dist/duckdb-mvp.wasm", versions: ["1.26.0", "1.27.0", "1.28.0", "1.29.0", "1.30.0"] },
];

/** One version of a history, on this machine. */
export interface Edition {
  readonly version: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly oid: string;
}

/**
 * The files of a history, oldest first: from the cache, or from the npm registry that npm is configured for, with npm
 * checking each package's integrity.
 * @param say is told what is fetched
 * @throws Error when npm or tar fails, or a package lacks the file
 */
export function fetchHistory(history: History, cache: string, programs: Programs, say: (line: string) => void): Edition[] {
  mkdirSync(cache, { recursive: true });
  const pathOf = (version: string): string => join(cache, `${history.name}-${version}`);
  const absent = history.versions.filter((version) => statSync(pathOf(version), { throwIfNoEntry: false }) === undefined);
  if (absent.length > 0) {
    say(`fetching ${history.package} ${absent.join(", ")}`);
    fetchFiles(history, absent, pathOf, programs);
  }
  return history.versions.map((version) => {
    const path = pathOf(version);
    const content = readFileSync(path);
    return { version, path, sizeBytes: content.length, oid: createHash("sha256").update(content).digest("hex") };
  });
}

/** All of them with one start of npm, and one more to ask what the registry says of them. */
function fetchFiles({ package: name, file }: History, versions: readonly string[], pathOf: (version: string) => string, programs: Programs): void {
  const npm = programs.find("npm");
  if (npm === undefined) throw new Error(`there is no npm to fetch ${name}`);
  const ask = <T>(...args: string[]): T[] => [JSON.parse(output(npm, [args[0]!, "--json", "--loglevel=error", ...args.slice(1)])) as T | T[]].flat() as T[];
  const directory = `${pathOf("")}fetching`;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const packed = ask<{ version: string; filename: string }>("pack", "--pack-destination", directory, ...versions.map((version) => `${name}@${version}`));
  const said = ask<{ version: string; "dist.integrity": string }>("view", `${name}@${versions.join(" || ")}`, "version", "dist.integrity");
  for (const { version, filename } of packed) {
    const expected = said.find((one) => one.version === version)?.["dist.integrity"] ?? "nothing";
    const tarball = join(directory, filename);
    const [algorithm = "", digest] = expected.split(/-(.*)/s);
    if (digest === undefined || createHash(algorithm).update(readFileSync(tarball)).digest("base64") !== digest) throw new Error(`${name}@${version} is not what the registry says: ${expected}`);
    output("tar", ["-xzf", tarball, "-C", directory, `package/${file}`]);
    renameSync(join(directory, "package", file), pathOf(version));
  }
  rmSync(directory, { recursive: true });
}
