import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { spawnSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { worktreeState } from "../../../src/git/repository.ts";
import { WORTH_TWO } from "../../../src/worktree/apart.ts";
import { list } from "../../../src/worktree/listing.ts";
import { lookLive, recordLive } from "../../../src/worktree/live.ts";
import { listable, listableAgain, readSealed, writeSealed } from "../../../src/worktree/sealed.ts";
import { openWorktree } from "../../../src/worktree/session.ts";
import { openSinceSeal } from "../../../src/worktree/since-seal.ts";
import { writeStamped } from "../../../src/worktree/stamp.ts";
import { StatIndex } from "../../../src/worktree/stat-index.ts";
import { scene, type Scene } from "../../support/repository.ts";

/** Longer than the window in which a file is racy. */
const WINDOW_MS = 130;
const COUNT = 120;
/** Each of some five turns, of which each takes a tenth of a second and more. */
const RUNS = Number(process.env["BALLAST_TEST_SEQUENCES"] ?? 6);

let world: Scene;
let top: string;
const at = (path: string): string => join(top, path);
const state = (name: string): string => worktreeState(world.context.repository, name);
const nth = (i: number): string => `art/${i % 7}/file ${i}`;

beforeEach(async () => {
  world = await scene();
  top = world.context.repository.top;
  for (let i = 0; i < COUNT; i++) write(nth(i), `content of ${i}`);
  write(".gitignore", "# >>> ballast\n/art/\n*.psd\n# <<< ballast\n");
  write(".ballast/manifest.jsonl", '{"ballast":"manifest","version":1}\n');
  writeStamped(world.context.repository, '{"ballast":"manifest","version":1}\n');
  await pause(WINDOW_MS);
});

function write(path: string, text: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
}

async function recordAll(): Promise<void> {
  writeStamped(world.context.repository, await recordLive(world.context, { follows: true }));
}

function isSealed(): boolean {
  return spawnSync("sh", ["-c", 'sealed=; . "$1"; [ "$sealed" = yes ]', "sh", state("seal")], { cwd: top, stdio: "ignore" }).status === 0;
}

/** Replaces the seal by one with two listings, as of many assets. @returns whether that could be */
async function halve(): Promise<boolean> {
  const { repository } = world.context;
  const worktree = openWorktree(repository);
  const before = (await listableAgain(worktree))!;
  const { manifest } = readSealed(repository, before.questions)!;
  const what = (await listable(worktree, { stem: "art/", from: "4" }))!;
  const listings = await list(what.questions, repository);
  if (listings === undefined) return false;
  writeSealed(repository, what, { listings, manifest });
  expect(listings.every((listing) => listing.length > 0)).toBe(true);
  expect(isSealed()).toBe(true);
  return true;
}

/** What the index says, but for times. */
function indexed(): Record<string, unknown> {
  const index = StatIndex.open(state("index"));
  return Object.fromEntries([...index.paths()].sort().map((path) => {
    const { w, b, open, told } = index.get(path)!;
    return [path, { w: w && [w.oid, w.exec, w.stat.ino, w.stat.mtimeNs], b, open, told }];
  }));
}

/** Does something as it is done since the last seal, and once more from the same start as if there had been none. */
async function bothWays(work: () => Promise<Buffer>): Promise<void> {
  const [kept, after] = [`${world.box.path("home")}/kept`, `${world.box.path("home")}/after`];
  for (const directory of [kept, after]) rmSync(directory, { recursive: true, force: true });
  cpSync(dirname(state("index")), kept, { recursive: true, preserveTimestamps: true });
  const since = [(await work()).toString(), indexed()];
  cpSync(dirname(state("index")), after, { recursive: true, preserveTimestamps: true });
  for (const name of ["index", "captured", "recorded", "follow"]) {
    rmSync(state(name), { force: true });
    if (existsSync(join(kept, name))) cpSync(join(kept, name), state(name), { preserveTimestamps: true });
  }
  for (const name of ["seal", "sealed"]) rmSync(state(name), { recursive: true, force: true });
  const whole = [(await work()).toString(), indexed()];
  expect(since).toEqual(whole);
  // Goes on as it would have without the second time; the index is the one of then, by its identity too.
  renameSync(join(after, "index"), state("index"));
  for (const name of ["seal", "sealed"]) rmSync(state(name), { recursive: true, force: true });
  if (existsSync(join(after, "sealed"))) cpSync(join(after, "sealed"), state("sealed"), { recursive: true });
}

type Do = { readonly what: string; readonly a: number; readonly b: number };
const ACTS: Record<string, (a: number, b: number, manifests: string[]) => void> = {
  edit: (a, b) => write(nth(a), `edited ${b}`),
  "edit of the same size": (a) => existsSync(at(nth(a))) && write(nth(a), readFileSync(at(nth(a)), "utf8").toUpperCase()),
  delete: (a) => rmSync(at(nth(a)), { force: true }),
  "delete a directory": (a) => rmSync(dirname(at(nth(a))), { recursive: true, force: true }),
  rename: (a, b) => existsSync(at(nth(a))) && !existsSync(at(`art/renamed ${b}`)) && renameSync(at(nth(a)), at(`art/renamed ${b}`)),
  exchange: (a, b) => {
    if (a === b || ![a, b].every((i) => existsSync(at(nth(i))))) return;
    renameSync(at(nth(a)), at("x"));
    renameSync(at(nth(b)), at(nth(a)));
    renameSync(at("x"), at(nth(b)));
  },
  mode: (a) => existsSync(at(nth(a))) && chmodSync(at(nth(a)), statSync(at(nth(a))).mode ^ 0o100),
  "new file": (a, b) => write(`art/new/${a}`, `new ${b}`),
  "new file by its name": (a, b) => write(`other/${a}.psd`, `new ${b}`),
  "file beside": (a) => write(`other/${a}.txt`, ""),
  "directory for a file": (a) => existsSync(at(nth(a))) && (rmSync(at(nth(a))), write(`${nth(a)}/inside`, "")),
  "link for a file": (a) => existsSync(at(nth(a))) && (rmSync(at(nth(a)), { recursive: true }), symlinkSync("nowhere", at(nth(a)))),
  "another manifest": (a, _, manifests) => writeStamped(world.context.repository, manifests[a % manifests.length]!),
  "another manifest, by Git": (a, _, manifests) => (rmSync(at(".ballast/manifest.jsonl")), writeFileSync(at(".ballast/manifest.jsonl"), manifests[a % manifests.length]!)),
  "another pattern": (a) => write(".gitignore", `# >>> ballast\n/art/\n*.psd\n${a % 2 === 0 ? "*.txt\n" : ""}# <<< ballast\n`),
  "loss of the index": () => rmSync(state("index"), { force: true }),
};
const number = fc.nat(COUNT - 1);
const act = fc.record({ what: fc.constantFrom(...Object.keys(ACTS), "edit", "edit", "delete", "another manifest, by Git"), a: number, b: number });
const turn = fc.record({ acts: fc.array(act, { maxLength: 4 }), rest: fc.boolean(), record: fc.boolean() });

it("whoever looks or records sees what a look at everything shows, whatever has happened since", async () => {
  let [quick, turns, sealed, halved] = [0, 0, 0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { minLength: 3, maxLength: 5 }), async (all) => {
      rmSync(at("art"), { recursive: true });
      rmSync(at("other"), { recursive: true, force: true });
      for (let i = 0; i < COUNT; i++) write(nth(i), `content of ${i}`);
      const manifests: string[] = [];
      for (const { acts, rest, record } of [{ acts: [] as Do[], rest: true, record: true }, ...all]) {
        if (acts.length % 2 === 1 && isSealed()) halved += Number(await halve());
        for (const { what, a, b } of acts) ACTS[what]!(a, b, manifests);
        if (rest) await pause(WINDOW_MS);
        if (manifests.length > 0 && (await openSinceSeal(world.context.repository)) !== undefined) quick += 1;
        turns += 1;
        await bothWays(() => (record ? recordLive(world.context, { follows: true }) : lookLive(world.context)));
        if (record) await recordAll();
        manifests.push(readFileSync(at(".ballast/manifest.jsonl"), "utf8"));
        if (!isSealed()) continue;
        sealed += 1;
        rmSync(state("sealed"), { recursive: true });
        expect((await lookLive(world.context)).toString()).toBe(manifests.at(-1));
      }
    }),
    { numRuns: RUNS, seed: 20261122, endOnFailure: true },
  );
  expect(quick).toBeGreaterThan(turns / 4);
  expect(sealed).toBeGreaterThan(turns / 8);
  expect(halved).toBeGreaterThan(0);
}, Math.max(300_000, RUNS * 60_000));

describe("since the last seal", () => {
  const since = () => openSinceSeal(world.context.repository);

  it("only what has changed is looked at, and sealed again", async () => {
    await recordAll();
    expect(isSealed()).toBe(true);
    write(nth(3), "edited");
    rmSync(at(nth(4)));
    write("art/new", "new");
    await pause(WINDOW_MS);
    expect([...(await since())!.paths].sort()).toEqual(["art/new", nth(3), nth(4)].sort());
    await recordAll();
    expect(isSealed()).toBe(true);
    // Git asks more than once: that it was told of a deletion is known until it has it.
    expect([...(await since())!.paths]).toEqual([nth(4)]);
  });

  it("everything is looked at where the patterns, Git's configuration or a part of the seal are not as they were", async () => {
    for (const change of [
      () => write(".gitignore", "# >>> ballast\n/art/\n# <<< ballast\n"),
      () => world.box.git("repo", "config", "core.fileMode", "false"),
      () => {
        const [name] = readdirSync(state("sealed")).filter((one) => one.endsWith(".files"));
        writeFileSync(join(state("sealed"), name!), readFileSync(join(state("sealed"), name!)).subarray(0, -60));
      },
      () => rmSync(state("sealed"), { recursive: true }),
    ]) {
      await recordAll();
      expect(await since()).toBeDefined();
      await change();
      await pause(WINDOW_MS);
      expect(await since()).toBeUndefined();
    }
  });

  it("everything is looked at where what is sealed is removed at this moment", async () => {
    await recordAll();
    const [name] = readdirSync(state("sealed")).filter((one) => one.endsWith(".files"));
    rmSync(join(state("sealed"), name!));
    symlinkSync("gone", join(state("sealed"), name!));
    expect(await since()).toBeUndefined();
    expect((await lookLive(world.context)).toString()).toBe(readFileSync(at(".ballast/manifest.jsonl"), "utf8"));
  });

  it("everything is looked at where a good part has changed", async () => {
    await recordAll();
    for (let i = 0; i < 80; i++) write(nth(i), "edited");
    expect(await since()).toBeUndefined();
  });

  it.runIf(availableParallelism() > 1)("many are listed by two processes, and a change in either part shows", async () => {
    for (let i = 0; i < WORTH_TWO; i++) write(`art/${i % 8}/${i}`, `${i}`);
    await pause(WINDOW_MS);
    await recordAll();
    expect(readFileSync(state("seal"), "utf8").match(/find /g)).toHaveLength(2);
    expect(isSealed()).toBe(true);
    for (const path of ["art/0/0", "art/7/7", "art/new", "art/0/new", "art/7/new"]) {
      write(path, "edited");
      expect(isSealed()).toBe(false);
      await pause(WINDOW_MS);
      expect((await since())!.paths).toEqual([path]);
      await recordAll();
      expect(isSealed()).toBe(true);
    }
    const [second] = readdirSync(state("sealed")).filter((one) => one.endsWith(".files2"));
    writeFileSync(join(state("sealed"), second!), readFileSync(join(state("sealed"), second!)).subarray(0, -60));
    expect(isSealed()).toBe(false);
    expect(await since()).toBeUndefined();
    await recordAll();
    expect(isSealed()).toBe(true);
    rmSync(at("art"), { recursive: true });
    expect(isSealed()).toBe(false);
    expect(await since()).toBeUndefined();
  });
});
