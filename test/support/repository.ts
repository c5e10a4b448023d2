import { DEFAULTS, type Settings } from "../../src/config/settings.ts";
import type { Context } from "../../src/context.ts";
import type { Event } from "../../src/events.ts";
import { openRepository } from "../../src/git/repository.ts";
import { formatManifest } from "../../src/manifest/manifest.ts";
import { oidOf, type Oid } from "../../src/object/oid.ts";
import { bufferSource } from "../../src/object/source.ts";
import { objectKey } from "../../src/object/name.ts";
import { openDirectoryStore, type DirectoryStore } from "../../src/store/directory.ts";
import { openLocalStore } from "../../src/store/open.ts";
import { sandbox, type Sandbox } from "./sandbox.ts";

/** A repository whose manifest and stores a test writes by itself, and the context in which code of ours works on it. */
export interface Scene {
  readonly box: Sandbox;
  readonly context: Context;
  readonly local: DirectoryStore;
  readonly remote: DirectoryStore;
  /** Every event that was reported. */
  readonly events: Event[];
  /** Commits a manifest whose assets have these contents, by path; returns the commit. */
  commit(assets: Record<string, string>): Promise<string>;
}

export async function scene(settings: Partial<Settings> = {}): Promise<Scene> {
  const box = await sandbox({ ballast: false });
  await box.git(".", "init", "-q", "repo");
  const repository = await openRepository(box.path("repo"));
  const events: Event[] = [];
  const remote = openDirectoryStore(box.path("store"));
  const local = openLocalStore(repository);
  await Promise.all([remote.initialise(), local.initialise()]);
  const context: Context = {
    repository,
    cwd: repository.top,
    settings: { ...DEFAULTS, storeUrl: `file://${box.path("store")}`, ownStoreKeys: ["store.url", "store.region", "store.endpoint", "store.pathStyle"], ...settings },
    report: (event) => void events.push(event),
    signal: new AbortController().signal,
  };
  const commit = async (assets: Record<string, string>): Promise<string> => {
    const lines = Object.entries(assets).map(([path, content]) => ({ path, oid: oid(content), sizeBytes: Buffer.byteLength(content), exec: false }));
    await box.write("repo/.ballast/manifest.jsonl", formatManifest(lines));
    await box.git("repo", "add", "--force", ".ballast");
    await box.git("repo", "commit", "-q", "--allow-empty", "-m", "change");
    return box.git("repo", "rev-parse", "HEAD");
  };
  return { box, context, local, remote, events, commit };
}

export function oid(content: string): Oid {
  return oidOf(Buffer.from(content));
}

/** Puts a content into a store, raw. */
export async function put(store: DirectoryStore, content: string): Promise<Oid> {
  await store.write(objectKey({ oid: oid(content), encoding: "raw" }), bufferSource(Buffer.from(content)));
  return oid(content);
}
