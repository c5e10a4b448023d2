/*
 * Git takes ignored files for expendable: a merge or a switch that brings a file puts it in the place of a new asset,
 * which no commit has yet. The filter has stored that asset while Git looked; this says so, once.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { trackedFiles } from "../git/tracked-files.ts";
import { findAsset } from "../manifest/find-asset.ts";
import { manifestBytesAt } from "../manifest/versions.ts";
import { shellWord } from "../util/package-root.ts";
import { forgetCaptured, mayHaveNew, readCaptured, unreferenced, type Captured } from "./captured.ts";
import { hashContents } from "./contents.ts";
import { observe } from "./observe.ts";
import { openWorktree } from "./session.ts";

/** Tells which new assets Git has replaced by files of its own, and how to get them back. */
export async function tellReplaced(context: Context): Promise<void> {
  const { repository, report } = context;
  if (!mayHaveNew(repository)) return;
  const head = await manifestBytesAt(repository, "HEAD");
  const last = new Map(readCaptured(repository).map((one) => [one.path, one]));
  const fresh = [...last.values()].filter(({ path }) => head === undefined || findAsset(head, path) === undefined);
  const inGit = new Set(await trackedFiles(repository));
  const replaced = await asOtherContent(context, fresh.filter(({ path }) => inGit.has(path)));
  for (const { path, oid } of await unreferenced(repository, replaced)) {
    report({ kind: "warning", message: `${path}: Git put its own file in the place of a new asset; the asset is kept`, hint: `git ballast show ${oid} > ${shellWord(path)}` });
  }
  const still = fresh.some(({ path }) => !inGit.has(path) && existsSync(join(repository.top, path)));
  forgetCaptured(repository, replaced, { noneNew: !still });
}

/** Those of which something else is on disk. */
async function asOtherContent(context: Context, captured: readonly Captured[]): Promise<Captured[]> {
  if (captured.length === 0) return [];
  const seen = await observe(openWorktree(context.repository), { read: hashContents(context), candidates: [], paths: captured.map(({ path }) => path) });
  return captured.filter(({ path, oid }) => {
    const w = seen.get(path)?.w;
    return w !== undefined && w !== "blocked" && w.oid !== oid;
  });
}
