/*
 * An object's name carries its encoding; suffixes are read from the right.
 *
 *   <oid>                  the raw bytes
 *   <oid>.gz               a gzip file of them (RFC 1952)
 *   <oid>.<base>.xd3       a VCDIFF file (RFC 3284) whose source is the content of <base>
 *   <oid>.<base>.xd3.gz    that, gzipped
 *
 * Its key in a store is objects/<first 2 digits of oid>/<name>.
 */
import { isOid, type Oid } from "./oid.ts";

export type Encoding = "raw" | "gzip" | "delta" | "delta+gzip";

export interface ObjectName {
  readonly oid: Oid;
  readonly encoding: Encoding;
  /** The oid of the content that a delta needs. */
  readonly base?: Oid;
}

export const OBJECTS_PREFIX = "objects/";

export function formatName(name: ObjectName): string {
  const delta = name.base === undefined ? "" : `.${name.base}.xd3`;
  return name.oid + delta + (name.encoding.endsWith("gzip") ? ".gz" : "");
}

/** The object that `name` (without directories) names, or undefined when it names none that this version knows. */
export function parseName(name: string): ObjectName | undefined {
  const parts = name.split(".");
  const oid = parts.shift();
  if (!isOid(oid)) return undefined;
  const gzip = parts.at(-1) === "gz";
  if (gzip) parts.pop();
  if (parts.length === 0) return { oid, encoding: gzip ? "gzip" : "raw" };
  const [base, suffix] = parts;
  if (parts.length !== 2 || suffix !== "xd3" || !isOid(base) || base === oid) return undefined;
  return { oid, encoding: gzip ? "delta+gzip" : "delta", base };
}

export function objectKey(name: ObjectName): string {
  return `${keyPrefix(name.oid)}${formatName(name).slice(64)}`;
}

/** The names of an oid's whole objects, the easiest to read first. */
export function wholeNames(oid: Oid): ObjectName[] {
  return [{ oid, encoding: "raw" }, { oid, encoding: "gzip" }];
}

/** What the key of every object of this oid starts with. */
export function keyPrefix(oid: Oid): string {
  return `${OBJECTS_PREFIX}${oid.slice(0, 2)}/${oid}`;
}

/** The object that a key names, or undefined; the fan-out directory must agree with the oid. */
export function parseKey(key: string): ObjectName | undefined {
  if (!key.startsWith(OBJECTS_PREFIX) || key[OBJECTS_PREFIX.length + 2] !== "/") return undefined;
  const name = parseName(key.slice(OBJECTS_PREFIX.length + 3));
  return name !== undefined && key.startsWith(keyPrefix(name.oid)) ? name : undefined;
}
