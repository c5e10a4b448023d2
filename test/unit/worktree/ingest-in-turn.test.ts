import { describe, expect, it } from "vitest";
import { DEFAULTS } from "../../../src/config/settings.ts";
import type { Context } from "../../../src/context.ts";
import { basesFor } from "../../../src/worktree/ingest-in-turn.ts";
import { oid, scene, type Scene } from "../../support/repository.ts";

const LONG = "x".repeat(5000);

async function hints({ context, local }: Scene, files: Record<string, number>, settings: Partial<Context["settings"]["delta"]> = {}): Promise<Record<string, string[]>> {
  const changed = { ...context, settings: { ...context.settings, delta: { ...DEFAULTS.delta, ...settings } } };
  const bases = await basesFor(changed, Object.entries(files).map(([path, sizeBytes]) => ({ path, sizeBytes })), [local]);
  return Object.fromEntries([...bases.hints].map(([path, list]) => [path, list.map((hint) => `${hint.why} ${hint.oid}`)]));
}

describe("the bases of what is recorded", () => {
  it("are what HEAD has; what is gone from disk there was renamed, what is not was not", async () => {
    const made = await scene();
    await made.box.write("repo/a/here.bin", LONG);
    await made.commit({ "a/edited.bin": LONG, "a/here.bin": `${LONG}h`, "a/gone.bin": `${LONG}g` });
    await made.box.write("repo/a/edited.bin", `${LONG}e`);
    expect(await hints(made, { "a/edited.bin": 5001, "b/new.bin": 5001 })).toEqual({
      "a/edited.bin": [`version ${oid(LONG)}`],
      "b/new.bin": [`renamed ${oid(`${LONG}g`)}`],
    });
  });

  it("are none with delta = never, for what is excluded, and for what is too small to gain", async () => {
    const made = await scene();
    await made.commit({ "a.bin": LONG, "b.zip": LONG, "c.bin": LONG });
    const files = { "a.bin": 5000, "b.zip": 5000, "c.bin": 4095 };
    expect(Object.keys(await hints(made, files, { exclude: ["*.zip"] }))).toEqual(["a.bin"]);
    expect(await hints(made, files, { mode: "never" })).toEqual({});
  });

  it("are none where there is no commit, or where its manifest cannot be read: it may be about to be mended", async () => {
    const made = await scene();
    expect(await hints(made, { "a.bin": 5000 })).toEqual({ "a.bin": [] });
    await made.box.write("repo/.ballast/manifest.jsonl", "<<<<<<< ours\n");
    await made.box.git("repo", "add", "--force", ".ballast");
    await made.box.git("repo", "commit", "-qm", "broken");
    expect(await hints(made, { "a.bin": 5000 })).toEqual({ "a.bin": [] });
  });
});
