import { lstatSync, readFileSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";
import ini from "ini";
import { BallastError, fromSystemError, systemCode } from "../errors.ts";
import { CONFIG_PATH, type Repository } from "../git/repository.ts";
import { findKey, KEYS, parseValue, type KeyName } from "./keys.ts";

/** What the committed file says. */
export interface Committed {
  /** Valid values of allowed keys, as text. */
  readonly values: ReadonlyMap<KeyName, string>;
  /** About keys that were passed over. */
  readonly warnings: readonly string[];
}

const MAX_BYTES = 64 * 1024;
const NOTHING: Committed = { values: new Map(), warnings: [] };
const UNSAFE_NAMES = new Set(["__proto__", "prototype", "constructor"]);

/**
 * Reads `.ballast/config`. Anybody who can push a commit writes this file, so it is believed no more than it must be:
 * keys that are not on the allow-list are reported and not obeyed, and a file that is no plain INI is refused whole.
 * @throws CONFIG_INVALID naming the file and the key
 */
export function readCommitted(repository: Repository): Committed {
  const text = readText(join(repository.top, CONFIG_PATH));
  return text === undefined ? NOTHING : parseCommitted(text);
}

/** {@link readCommitted} for text that is at hand. */
export function parseCommitted(text: string): Committed {
  refuseUnsafe(text);
  const values = new Map<KeyName, string>();
  const warnings: string[] = [];
  for (const [name, raw] of flatten(ini.parse(text))) {
    const key = findKey(name);
    if (key === undefined) {
      warnings.push(`${CONFIG_PATH}: ${shorten(name)} is unknown to this version and was ignored`);
      continue;
    }
    if (!KEYS[key].committed) {
      warnings.push(`${CONFIG_PATH}: ${key} is not allowed in a committed file and was ignored`);
      continue;
    }
    if (typeof raw !== "string" && typeof raw !== "boolean") throw invalid(`${key} is given more than once, or is no plain value`);
    const value = String(raw);
    parseValue(key, value, { where: CONFIG_PATH, code: "CONFIG_INVALID" });
    if (key === "store.url" && !/^(s3:\/\/|file:\/\/|embedded$)/.test(value)) {
      throw invalid("store.url must be s3://bucket/prefix, file:///directory or embedded");
    }
    if (values.has(key)) throw invalid(`${key} is given more than once`);
    values.set(key, value);
  }
  return { values, warnings };
}

function readText(file: string): string | undefined {
  let bytes: Buffer;
  try {
    // A link would make some other file of the reader's machine the configuration.
    if (!lstatSync(dirname(file)).isDirectory()) throw invalid("its directory is not a plain directory");
    const stat: Stats = lstatSync(file);
    if (!stat.isFile()) throw invalid("it is not a regular file");
    if (stat.size > MAX_BYTES) throw invalid(`it has ${stat.size} bytes; ${MAX_BYTES} is the limit`);
    bytes = readFileSync(file);
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return undefined;
    throw fromSystemError(error, `cannot read ${file}`);
  }
  const text = bytes.toString("utf8");
  if (bytes.length > MAX_BYTES || !Buffer.from(text).equals(bytes)) throw invalid("it is not UTF-8 text");
  return text;
}

/** What the INI parser would pass over in silence, or take for something else. */
function refuseUnsafe(text: string): void {
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text)) throw invalid("it holds control characters");
  const lines = text.split(/[\r\n]+/);
  for (const [index, line] of lines.entries()) {
    if (/^\s*([;#]|$)/.test(line)) continue;
    const name = /^\s*\[(.*)\]\s*$/.exec(line)?.[1] ?? line.split("=", 1)[0]!;
    const unsafe = name.split(/[.\s"'\\[\]]+/).find((part) => UNSAFE_NAMES.has(part));
    if (unsafe !== undefined) throw invalid(`line ${index + 1}: ${unsafe} is not allowed as a name`);
    if (name.length > 200) throw invalid(`line ${index + 1}: a name has ${name.length} characters`);
    if (/^\s*\[/.test(line) && !/^\s*\[[^\]]*\]\s*$/.test(line)) throw invalid(`line ${index + 1}: a section's ] is missing`);
  }
  for (const name of ["compression", "delta"]) {
    if (!new RegExp(`^\\s*${name}\\s*=`, "m").test(text) || !new RegExp(`^\\s*\\[\\s*${name}\\s*\\]`, "m").test(text)) continue;
    throw invalid(`${name} is both a value and a section; write mode = … in [${name}]`);
  }
}

function* flatten(object: Readonly<Record<string, unknown>>, prefix = ""): Generator<[name: string, value: unknown]> {
  for (const [name, value] of Object.entries(object)) {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) yield* flatten(value as Record<string, unknown>, `${prefix}${name}.`);
    else yield [prefix + name, value];
  }
}

function invalid(what: string): BallastError {
  return new BallastError("CONFIG_INVALID", `${CONFIG_PATH} cannot be accepted: ${what}`, {
    hint: `see who changed it with git log -p -- ${CONFIG_PATH}, and mend the file`,
  });
}

function shorten(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 57)}...` : name);
}
