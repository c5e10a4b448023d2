import { BallastError } from "../errors.ts";
import { parseValue } from "./keys.ts";
import { DEFAULTS, type S3Settings, type Settings } from "./settings.ts";
import { parseStoreUrl } from "./store-url.ts";

/*
 * A store beside that of the repository is written as a pin is, and may also say who reads it:
 *
 *   s3://bucket/prefix [SP <key>=<value>]…       keys: those of KEYS_OF_A_STORE
 *
 * A directory or `embedded` has no keys; blanks belong to its name. Blanks and percent signs inside a value are
 * percent-encoded. An empty value stands for the default.
 */
const KEYS_OF_A_STORE = ["region", "endpoint", "pathStyle", "profile", "noSignRequest", "requesterPays"] as const satisfies readonly (keyof S3Settings)[];

/** A store that the user named for one run. */
export interface NamedStore {
  /** One of `parseStoreUrl`. */
  readonly url: string;
  /** Those of the repository, but for what was said about this store. */
  readonly settings: Settings;
}

/**
 * @param option how messages name the place where this was written
 * @param cwd for relative paths
 * @throws USAGE
 */
export function parseNamedStore(text: string, { settings, cwd, option }: { settings: Settings; cwd: string; option: string }): NamedStore {
  if (!/^s3:/i.test(text)) return { url: parseStoreUrl(text, cwd), settings };
  const s3: Record<string, unknown> = { ...settings.s3 };
  let rest = text.trim();
  for (let word = WORD.exec(rest); word !== null; word = WORD.exec(rest)) {
    const [, before, name, value] = word as unknown as [string, string, string, string];
    const key = KEYS_OF_A_STORE.find((each) => each.toLowerCase() === name.toLowerCase());
    if (key === undefined) {
      throw new BallastError("USAGE", `${option}: ${name} is nothing that can be said about a store`, { hint: `behind the URL there may be ${KEYS_OF_A_STORE.join(", ")}, each with = and a value` });
    }
    s3[key] = value === "" ? DEFAULTS.s3[key] : parseValue(`store.${key}`, decode(value), { where: option, code: "USAGE" });
    rest = before;
  }
  return { url: parseStoreUrl(rest, cwd), settings: { ...settings, s3: { ...settings.s3, ...s3 } } };
}

/** The last word, where it is a key and a value. */
const WORD = /^(\S.*?)\s+([A-Za-z][A-Za-z0-9]*)=(\S*)$/s;

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
