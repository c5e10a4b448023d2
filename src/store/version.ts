/*
 * ballast.json at a store's root says that this is a store, and which version of the layout it has:
 *
 *   {"ballast":"store","version":1,"claims":true}
 *
 * `claims` says that whoever used the store since it was made has left a claim (docs/cleanup.md).
 */
import { BallastError, isBallastError } from "../errors.ts";
import { bufferSource } from "../object/source.ts";
import type { Store } from "./port.ts";

export const STORE_VERSION = 1;
export const VERSION_KEY = "ballast.json";
const MAX_BYTES = 64 * 1024;
const CONTENT = Buffer.from(`${JSON.stringify({ ballast: "store", version: STORE_VERSION, claims: true })}\n`);

/**
 * Makes the place a store unless it is one: writes `ballast.json` when it is absent.
 * @throws STORE_VERSION when a newer Ballast made the store, or `ballast.json` is something else; and what the store's
 *   own methods throw
 */
export async function initialiseStore(store: Store, signal?: AbortSignal): Promise<"created" | "exists"> {
  if ((await storeVersion(store, signal)) !== undefined) return "exists";
  const outcome = await store.write(VERSION_KEY, bufferSource(CONTENT), signal);
  if (outcome === "exists") await storeVersion(store, signal);
  return outcome;
}

/**
 * The version of the store's layout, or undefined when it has no `ballast.json`.
 * @throws STORE_VERSION
 */
export async function storeVersion(store: Store, signal?: AbortSignal): Promise<number | undefined> {
  const text = await readSmall(store, VERSION_KEY, signal);
  if (text === undefined) return undefined;
  const version = parseVersion(text);
  if (version === STORE_VERSION) return version;
  if (version !== undefined) {
    throw new BallastError("STORE_VERSION", `the store ${store.url} has layout version ${version}; this Ballast knows ${STORE_VERSION}`, {
      hint: "install a newer git-ballast",
    });
  }
  throw new BallastError("STORE_VERSION", `${VERSION_KEY} in ${store.url} is not that of a Ballast store`, {
    hint: "check that the store's URL is right",
  });
}

/** Whether all who use the store are known by their claims. */
export async function areUsersKnown(store: Store, signal?: AbortSignal): Promise<boolean> {
  const text = await readSmall(store, VERSION_KEY, signal);
  return text !== undefined && parseVersion(text) !== undefined && (JSON.parse(text) as { claims?: unknown }).claims === true;
}

/** Records that all who use the store are known by now: somebody's word. @throws STORE_VERSION */
export async function declareUsersKnown(store: Store, signal?: AbortSignal): Promise<void> {
  await storeVersion(store, signal);
  await store.replace(VERSION_KEY, CONTENT, signal);
}

function parseVersion(text: string): number | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    const { ballast, version } = value as { ballast?: unknown; version?: unknown };
    return ballast === "store" && Number.isSafeInteger(version) ? (version as number) : undefined;
  } catch {
    return undefined;
  }
}

async function readSmall(store: Store, key: string, signal?: AbortSignal): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of store.read(key, undefined, signal)) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > MAX_BYTES) break;
    }
  } catch (error) {
    if (isBallastError(error, "OBJECT_MISSING")) return undefined;
    throw error;
  }
  return Buffer.concat(chunks).toString("utf8");
}
