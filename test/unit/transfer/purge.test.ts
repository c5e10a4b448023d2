import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { Claim } from "../../../src/gc/claim.ts";
import { thisRun, type ThisRun } from "../../../src/gc/this-run.ts";
import { cloneItself, type RepositoryId } from "../../../src/git/identity.ts";
import { formatName, objectKey } from "../../../src/object/name.ts";
import { bufferSource } from "../../../src/object/source.ts";
import { purge } from "../../../src/transfer/purge.ts";
import { takeRemoval } from "../../../src/transfer/removal.ts";
import { thisProcess } from "../../../src/transfer/this-process.ts";
import { oid, put, scene, type Scene } from "../../support/repository.ts";

const NOW = { manifest: [], dryRun: false };
const candidate = (content: string) => ({ oid: oid(content), sizeBytes: content.length, path: `was/${content}` });

async function everywhere({ local, remote }: Scene, ...contents: string[]): Promise<void> {
  for (const content of contents) for (const store of [local, remote]) await put(store, content);
}

test("removes what nothing needs from both stores, and keeps what a commit, stash or reflog uses", async () => {
  const it = await scene();
  await it.commit({ a: "committed" });
  await it.commit({ a: "forgotten" });
  await it.box.git("repo", "reset", "-q", "--hard", "HEAD~");
  await it.box.write("repo/.ballast/manifest.jsonl", (await it.box.read("repo/.ballast/manifest.jsonl")).toString().replace(oid("committed"), oid("stashed")));
  await it.box.git("repo", "stash", "-q");
  await everywhere(it, "committed", "forgotten", "stashed", "never");
  const { purged, kept } = await purge(it.context, ["committed", "forgotten", "stashed", "never"].map(candidate), NOW);
  expect(purged).toEqual([{ oid: oid("never"), path: "was/never", storedBytes: 10 }]);
  expect(kept.map(({ path }) => path).sort()).toEqual(["was/committed", "was/forgotten", "was/stashed"]);
  expect(kept.find(({ path }) => path === "was/committed")?.why).toMatch(/as a$|manifest has it|staged/);
  for (const store of ["store", "repo/.git/ballast"]) expect(await it.box.objects(store)).toEqual([oid("committed"), oid("forgotten"), oid("stashed")].sort());
});

test("keeps what is staged, here and in another worktree, and what another worktree's manifest has", async () => {
  const it = await scene();
  await it.commit({ a: "1" });
  await it.box.git("repo", "worktree", "add", "-q", "../other");
  const manifest = (await it.box.read("repo/.ballast/manifest.jsonl")).toString();
  const stage = async (cwd: string, content: string): Promise<void> => {
    await it.box.write(`${cwd}/.ballast/manifest.jsonl`, manifest.replace(oid("1"), oid(content)));
    await it.box.git(cwd, "add", "--force", ".ballast");
    await it.box.write(`${cwd}/.ballast/manifest.jsonl`, manifest);
  };
  await stage("repo", "here");
  await stage("other", "there");
  await it.box.write("other/.ballast/manifest.jsonl", manifest.replace(oid("1"), oid("written")));
  await everywhere(it, "here", "there", "written", "never");
  const { purged, kept } = await purge(it.context, ["here", "there", "written", "never"].map(candidate), NOW);
  expect(purged.map(({ path }) => path)).toEqual(["was/never"]);
  expect(Object.fromEntries(kept.map(({ path, why }) => [path, why]))).toEqual({
    "was/here": "it is staged",
    "was/there": `it is staged in the worktree ${it.box.path("other")}`,
    "was/written": `the manifest in the worktree ${it.box.path("other")} has it`,
  });
});

test("keeps the base of an object that stays, and that base's base", async () => {
  const it = await scene();
  await it.commit({ a: "top" });
  await everywhere(it, "root");
  const delta = async (content: string, base: string): Promise<string> => {
    const name = { oid: oid(content), encoding: "delta", base: oid(base) } as const;
    await it.remote.write(objectKey(name), bufferSource(Buffer.from("delta")));
    return formatName(name);
  };
  const names = [await delta("middle", "root"), await delta("top", "middle"), oid("root")];
  const { purged, kept } = await purge(it.context, ["root", "middle"].map(candidate), NOW);
  expect(purged).toEqual([]);
  expect(kept.map(({ path }) => path).sort()).toEqual(["was/middle", "was/root"]);
  expect(await it.box.objects("store")).toEqual(names.sort());
});

test("keeps in both stores what an object of either stands on", async () => {
  const it = await scene();
  await it.commit({ a: "top" });
  await put(it.remote, "root");
  const name = { oid: oid("top"), encoding: "delta", base: oid("root") } as const;
  await it.local.write(objectKey(name), bufferSource(Buffer.from("delta")));
  expect(await purge(it.context, [candidate("root")], NOW)).toMatchObject({ purged: [], kept: [{ why: `object ${oid("top")} is stored as a difference from it` }] });
  expect(await it.box.objects("store")).toEqual([oid("root")]);
});

test("removes nothing while another run removes objects", async () => {
  const it = await scene();
  await it.commit({ a: "1" });
  await everywhere(it, "never");
  const { signal } = it.context;
  const removal = await takeRemoval(it.remote, { ...thisProcess("repack"), concurrency: 1, signal });
  await expect(purge(it.context, [candidate("never")], NOW)).rejects.toMatchObject({ code: "LOCKED", message: expect.stringContaining("git ballast repack") });
  expect(await it.box.objects("store")).toEqual([oid("never")]);
  await removal.release();
  expect((await purge(it.context, [candidate("never")], NOW)).purged).toHaveLength(1);
});

test("asks the remotes first, and removes nothing when they do not answer", async () => {
  const it = await scene();
  await it.commit({ a: "1" });
  await everywhere(it, "theirs");
  await it.box.git("repo", "remote", "add", "origin", it.box.path("nowhere.git"));
  const unreachable = await purge(it.context, [candidate("theirs")], NOW);
  expect(unreachable).toMatchObject({ purged: [], kept: [{ why: expect.stringContaining("could not be fetched") }] });
  // A colleague pushes a commit that uses the content.
  await it.box.git(".", "clone", "-q", "--bare", "repo", "nowhere.git");
  await it.box.git(".", "clone", "-q", "nowhere.git", "colleague");
  const file = it.box.path("colleague/.ballast/manifest.jsonl");
  await writeFile(file, (await it.box.read(file)).toString().replace(oid("1"), oid("theirs")));
  await it.box.git("colleague", "commit", "-q", "-a", "-m", "use it");
  await it.box.git("colleague", "push", "-q");
  const { kept } = await purge(it.context, [candidate("theirs")], NOW);
  expect(kept).toMatchObject([{ path: "was/theirs", why: expect.stringMatching(/^commit [0-9a-f]{12} has it as a$/) }]);
});

test("a dry run removes nothing, and content that the manifest still has elsewhere is kept", async () => {
  const it = await scene();
  await it.commit({ a: "1" });
  await everywhere(it, "shared", "never");
  const manifest = [{ oid: oid("shared"), sizeBytes: 6, path: "copy" }];
  const { purged, kept } = await purge(it.context, ["shared", "never"].map(candidate), { manifest, dryRun: true });
  expect(purged).toMatchObject([{ path: "was/never" }]);
  expect(kept).toMatchObject([{ path: "was/shared", why: "copy has the same content" }]);
  expect(await it.box.objects("store")).toHaveLength(2);
});

test("removes nothing from a shallow clone, where history is unknown", async () => {
  const it = await scene();
  const commit = await it.commit({ a: "1" });
  await it.box.write("repo/.git/shallow", `${commit}\n`);
  await everywhere(it, "x");
  expect((await purge(it.context, [candidate("x")], NOW)).kept).toMatchObject([{ why: expect.stringContaining("shallow") }]);
});

test("keeps what another repository of the store has claimed, and what a push of this one that may be under way has, but not one that has ended", async () => {
  const it = await scene();
  await it.commit({ a: "1" });
  await everywhere(it, "theirs", "ended", "running", "publishing", "elsewhere");
  const { signal } = it.context;
  const self = thisRun();
  const gone = { ...self.process, started: "1" };
  const claim = (repository: RepositoryId, content: string, run: Partial<ThisRun> = {}) => Claim.make(it.remote, { repository, oids: new Set([oid(content)]), run: { ...self, parents: [], ...run }, signal });
  const own = cloneItself(it.context.repository);
  await claim({ id: "a".repeat(32), label: "example.com/other" }, "theirs", { process: gone });
  await claim(own, "ended", { process: gone, parents: [{ ...gone, pid: 1 }] });
  await claim(own, "running");
  // The hook has ended, and Git has not.
  await claim(own, "publishing", { process: gone, parents: [self.process] });
  await claim(own, "elsewhere", { process: { ...gone, host: "laptop", machine: "another" } });
  const { purged, kept } = await purge(it.context, ["theirs", "ended", "running", "publishing", "elsewhere"].map(candidate), NOW);
  const linux = process.platform === "linux";
  expect(purged.map(({ path }) => path)).toEqual(linux ? ["was/ended"] : []);
  const whys = Object.fromEntries(kept.map(({ path, why }) => [path, why]));
  expect(whys["was/theirs"]).toBe("the repository example.com/other has claimed it");
  for (const path of ["was/running", "was/publishing", "was/elsewhere"]) expect(whys[path]).toMatch(/^a push.* may still be under way/);
  expect(whys["was/elsewhere"]).toContain("a push from laptop that began at ");
  expect(await it.box.objects("store")).toHaveLength(linux ? 4 : 5);
});
