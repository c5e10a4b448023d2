import { homedir } from "node:os";
import { isAbsolute, join, normalize } from "node:path";

/*
 * The kinds of values that settings have. A parser returns undefined for text that is not of its kind; a formatter
 * gives the text that the parser reads back.
 */
export interface Kind<T> {
  /** What a valid value looks like, for messages: "must be <expects>". */
  readonly expects: string;
  parse(text: string): T | undefined;
  format(value: T): string;
}

export const boolean: Kind<boolean> = {
  expects: "true or false",
  parse: (text) => BOOLEANS.get(text.toLowerCase()),
  format: String,
};

/** As `git config --type=bool` reads them. */
const BOOLEANS = new Map([
  ...["true", "yes", "on", "1"].map((word) => [word, true] as const),
  ...["false", "no", "off", "0", ""].map((word) => [word, false] as const),
]);

export function integer(min: number, max: number): Kind<number> {
  return {
    expects: `a whole number from ${min} to ${max}`,
    parse: (text) => (/^\d{1,9}$/.test(text) ? within(Number(text), min, max) : undefined),
    format: String,
  };
}

/** A share of a whole, with at most four decimals. */
export function share(min: number, max: number): Kind<number> {
  return {
    expects: `a number from ${min} to ${max}, such as 0.5`,
    parse: (text) => (/^(\d|\d?\.\d{1,4})$/.test(text) ? within(Number(text), min, max) : undefined),
    format: String,
  };
}

/** Patterns as in `.gitignore`, with commas between them; so a pattern cannot hold a comma, but `?` stands for one. */
export const patterns: Kind<readonly string[]> = {
  expects: "patterns as in .gitignore with commas between them, such as *.zip, /renders/",
  parse(text) {
    const list = text.split(",").map((pattern) => pattern.trim()).filter((pattern) => pattern !== "");
    return list.some((pattern) => /[\u0000-\u001f]/.test(pattern)) ? undefined : list;
  },
  format: (list) => list.join(", "),
};

/** A directory of this machine; relative ones would be another one for each clone. */
export const directory: Kind<string> = {
  expects: "an absolute path, or one that begins with ~/",
  parse(text) {
    const path = /^~(?=\/)/.test(text) ? join(homedir(), text.slice(1)) : text;
    return isAbsolute(path) && !/[\u0000-\u001f]/.test(path) ? normalize(path).replace(/(?<=[^/\\:])[/\\]+$/, "") : undefined;
  },
  format: (value) => value,
};

export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    expects: words.length === 2 ? words.join(" or ") : `one of ${words.join(", ")}`,
    parse: (text) => words.find((word) => word === text),
    format: (value) => value,
  };
}

/** A word without blanks, quotes or control characters. */
export function word(expects: string, pattern = /^[A-Za-z0-9][A-Za-z0-9._:/@+=,-]{0,2047}$/): Kind<string> {
  return { expects, parse: (text) => (pattern.test(text) ? text : undefined), format: (value) => value };
}

const MS = new Map([
  ["ms", 1],
  ["s", 1000],
  ["min", 60_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** A span of time in milliseconds, written with a unit; a bare number is seconds. */
export function duration(minMs: number, maxMs: number): Kind<number> {
  return {
    expects: `a duration from ${formatUnits(minMs, MS)} to ${formatUnits(maxMs, MS)}, such as 30s, 5min, 12h or 7d`,
    parse: (text) => within(parseUnits(text, MS, 1000), minMs, maxMs),
    format: (value) => formatUnits(value, MS),
  };
}

const KI = 1024;
const BYTES = new Map([
  ["b", 1],
  ...["k", "ki", "kib", "kb"].map((unit) => [unit, KI] as const),
  ...["m", "mi", "mib", "mb"].map((unit) => [unit, KI ** 2] as const),
  ...["g", "gi", "gib", "gb"].map((unit) => [unit, KI ** 3] as const),
  ...["t", "ti", "tib", "tb"].map((unit) => [unit, KI ** 4] as const),
]);
const SHOWN_BYTES = new Map([["B", 1], ["KiB", KI], ["MiB", KI ** 2], ["GiB", KI ** 3], ["TiB", KI ** 4]]);

/** A number of bytes; units are powers of 1024, as Git reads `k`, `m` and `g`. */
export function size(minBytes: number, maxBytes: number): Kind<number> {
  return {
    expects: `a size from ${formatUnits(minBytes, SHOWN_BYTES)} to ${formatUnits(maxBytes, SHOWN_BYTES)}, such as 16MiB`,
    parse: (text) => within(parseUnits(text, BYTES, 1), minBytes, maxBytes),
    format: (value) => formatUnits(value, SHOWN_BYTES),
  };
}

function parseUnits(text: string, units: ReadonlyMap<string, number>, bare: number): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,3})?) ?([A-Za-z]*)$/.exec(text);
  if (!match) return undefined;
  const factor = match[2] === "" ? bare : units.get(match[2]!.toLowerCase());
  return factor === undefined ? undefined : Math.round(Number(match[1]) * factor);
}

/** With the largest unit that leaves a whole number. */
function formatUnits(value: number, units: ReadonlyMap<string, number>): string {
  let best = `${value}`;
  for (const [unit, factor] of [...units].sort(([, a], [, b]) => a - b)) {
    if (value % factor === 0 && value >= factor) best = `${value / factor}${unit === "m" ? "min" : unit}`;
  }
  return best;
}

function within(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined;
}
