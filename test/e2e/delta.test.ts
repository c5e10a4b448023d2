import { fileURLToPath } from "node:url";
import { describe, expect, it, test } from "vitest";
import type { Listed } from "../../src/commands/ls.ts";
import type { StatsResult } from "../../src/commands/stats.ts";
import { Contents } from "../../src/object/contents.ts";
import { parseName } from "../../src/object/name.ts";
import { openDirectoryStore } from "../../src/store/directory.ts";
import type { Figures } from "../../src/transfer/statistics.ts";
import { asset, project } from "../support/project.ts";
import { Sandbox, sha256 } from "../support/sandbox.ts";

const PRELOAD = fileURLToPath(new URL("../support/crash.cjs", import.meta.url));
const LOCAL = "repo/.git/ballast";
const SIZE = 60_000;

/** The content with some bytes put in at a place, so that all behind it moves. */
function edited(content: Buffer, at: number, text: string): Buffer {
  return Buffer.concat([content.subarray(0, at), Buffer.from(text), content.subarray(at)]);
}

/** How the store at `path` holds a content: "raw", "gzip", "delta of <base>", or undefined. */
async function held(box: Sandbox, path: string, content: Uint8Array): Promise<string | undefined> {
  const names = (await box.objects(path)).map((name) => parseName(name)!).filter(({ oid }) => oid === sha256(content));
  expect(names.length).toBeLessThan(2);
  const [name] = names;
  return name && (name.base === undefined ? name.encoding : `delta of ${name.base}`);
}

const listed = async (box: Sandbox, repo: string, ...paths: string[]): Promise<Listed[]> => JSON.parse(await box.mustBallast(repo, "ls", "--json", ...paths)) as Listed[];
const statistics = async (box: Sandbox, repo: string, ...args: string[]): Promise<StatsResult> => JSON.parse(await box.mustBallast(repo, "stats", "--json", ...args)) as StatsResult;
const sumOf = ({ storedBytes, saved, absentBytes }: Figures): number => storedBytes + saved.dedup + saved.gzip + saved.delta + absentBytes;

test("a new version costs about what changed, is restored at any time, and travels to a clone and back", async () => {
  const { box, commit } = await project();
  const versions = [asset("hero", SIZE)];
  for (let i = 1; i < 4; i++) versions.push(edited(versions.at(-1)!, 9000 * i, `edit number ${i} `));
  const commits: string[] = [];
  for (const content of versions) commits.push(await commit({ "art/hero.bin": content }));
  expect(await held(box, LOCAL, versions[0]!)).toBe("raw");
  for (let i = 1; i < 4; i++) expect(await held(box, LOCAL, versions[i]!)).toBe(`delta of ${sha256(versions[i - 1]!)}`);

  const [line] = await listed(box, "repo");
  expect(line).toMatchObject({ path: "art/hero.bin", sizeBytes: versions[3]!.length, stored: { base: sha256(versions[2]!), depth: 3, where: "local" } });
  expect(line!.stored!.sizeBytes).toBeLessThan(400);
  expect(await box.mustBallast("repo", "ls")).toMatch(/ delta 3 +- art\/hero\.bin$/);
  // git log -p and git diff tell it in words; what has no delta is told without.
  const changes = await box.git("repo", "log", "-p", "--format=%H");
  expect(changes.match(/^[+-].*KiB.*$/gm)).toEqual([3, 2, 1, 0].flatMap((i) => {
    const words = (version: number): RegExp => new RegExp(`^[+-]art/hero\\.bin {2}58\\.\\d KiB {2}${sha256(versions[version]!).slice(0, 12)}${version === 0 ? "" : " {2}delta of [1-3]\\d\\d B"}$`);
    return (i === 0 ? [0] : [i - 1, i]).map((version) => expect.stringMatching(words(version)) as unknown);
  }));
  const { total, stores, others } = await statistics(box, "repo");
  expect(total).toMatchObject({ versions: 4, logicalBytes: versions.reduce((sum, { length }) => sum + length, 0), absentBytes: 0 });
  expect(total.saved.delta).toBeGreaterThan(3 * SIZE - 1200);
  expect(others).toEqual({ objects: 0, bytes: 0 });
  expect(stores[0]).toBe(`file://${box.path(LOCAL)}`);

  for (const i of [0, 3, 1, 2]) {
    await box.git("repo", "checkout", "-q", commits[i]!);
    await box.settled("repo");
    expect((await box.read("repo/art/hero.bin")).equals(versions[i]!), `version ${i}`).toBe(true);
  }
  await box.git("repo", "checkout", "-q", "main");
  await box.git("repo", "push", "-q", "origin", "main");
  expect(await box.objects("store")).toEqual(await box.objects(LOCAL));

  await box.mustBallast(".", "clone", "-q", "upstream.git", "clone");
  expect((await box.read("clone/art/hero.bin")).equals(versions[3]!)).toBe(true);
  // Its local store has nothing. The base comes along, so that what was recorded does not depend on the remote store.
  const next = edited(versions[3]!, 50_000, "from the clone");
  await box.write("clone/art/hero.bin", next);
  await box.git("clone", "commit", "-qam", "elsewhere");
  expect(await held(box, "clone/.git/ballast", next)).toBe(`delta of ${sha256(versions[3]!)}`);
  const here = (await box.objects("clone/.git/ballast")).map((name) => parseName(name)!);
  for (const { base } of here) if (base !== undefined) expect(here.map(({ oid }) => oid)).toContain(base);
  for (const [branch, content] of [["HEAD~1", versions[3]!], ["main", next]] as const) {
    await box.git("clone", "checkout", "-q", branch);
    await box.settled("clone");
    expect((await box.read("clone/art/hero.bin")).equals(content)).toBe(true);
  }
  await box.git("clone", "push", "-q", "origin", "main");
  await box.git("repo", "pull", "-q", "origin", "main");
  await box.settled("repo");
  expect((await box.read("repo/art/hero.bin")).equals(next)).toBe(true);
});

test("a renamed and edited asset finds its old self, and 40 exports of one scene stand on one of them", async () => {
  const { box, commit } = await project();
  const hero = asset("hero", SIZE);
  const decoy = asset("decoy", SIZE + 10);
  await commit({ "art/hero.bin": hero, "art/decoy.bin": decoy });
  await box.run("repo", "rm", ["art/hero.bin", "art/decoy.bin"]);
  const villain = edited(hero, 100, "now evil");
  await commit({ "art/evil/villain.bin": villain });
  expect(await held(box, LOCAL, villain)).toBe(`delta of ${sha256(hero)}`);

  const scene = asset("scene", SIZE);
  // So many that worker threads share them out.
  const exports = Array.from({ length: 40 }, (_, i) => edited(scene, 1000 * i, `light ${i} moved`));
  const strangers = [asset("stranger 1", SIZE), asset("stranger 2", SIZE)];
  await commit({
    ...Object.fromEntries(exports.map((content, i) => [`exports/take ${String(i).padStart(2, "0")}.bin`, content])),
    "exports/a stranger.bin": strangers[0]!,
    "exports/take 05 stranger.bin": strangers[1]!,
  });
  expect(await held(box, LOCAL, exports[0]!)).toBe("raw");
  for (const content of exports.slice(1)) expect(await held(box, LOCAL, content)).toBe(`delta of ${sha256(exports[0]!)}`);
  for (const content of strangers) expect(await held(box, LOCAL, content)).toBe("raw");

  // One more of the kind, later, finds a neighbour.
  const more = edited(scene, 33_333, "camera moved");
  await commit({ "exports/take 40.bin": more });
  expect(await held(box, LOCAL, more)).toMatch(/^delta of/);

  const { total, extensions, paths } = await statistics(box, "repo");
  for (const line of [total, ...extensions, ...paths]) expect(sumOf(line), JSON.stringify(line)).toBe(line.logicalBytes);
  expect(total).toMatchObject({ versions: 46, absentBytes: 0 });
  expect(total.storedBytes).toBeLessThan(5 * SIZE + 46 * 300);
});

test("after a kill at any write of a delta nothing is lost, and the next commit makes it", async () => {
  const { box, commit } = await project();
  const first = asset("hero", SIZE);
  const second = edited(first, 30_000, "edit");
  await commit({ "hero.bin": first });
  await box.write("repo/hero.bin", second);
  await box.run(".", "cp", ["-a", "repo", "start"]);
  const crash = async (at: number): Promise<string | undefined> => {
    await box.run(".", "rm", ["-rf", "repo", "counter", "counter.crashed"]);
    await box.run(".", "cp", ["-a", "start", "repo"]);
    const env = { NODE_OPTIONS: `--require=${PRELOAD}`, BALLAST_CRASH_COUNTER: box.path("counter"), BALLAST_CRASH_AT: String(at) };
    await new Sandbox(box.root, { ...box.env, ...env }).run("repo", "git", ["commit", "-qam", "second"]);
    return (await box.exists("counter.crashed")) ? (await box.read("counter.crashed")).toString() : undefined;
  };
  await crash(0);
  const writes = (await box.read("counter")).length;
  expect(await held(box, LOCAL, second)).toBe(`delta of ${sha256(first)}`);
  const places: string[] = [];
  // The store's own writes come first: the delta, the gzipped delta, its name. Then a sample of what follows.
  for (const at of [...new Set([1, 2, 3, 4, 5, 6, 8, Math.floor(writes / 2), writes])].filter((step) => step <= writes)) {
    const where = await crash(at);
    if (where !== undefined) places.push(where);
    expect((await box.read("repo/hero.bin")).equals(second)).toBe(true);
    await everyObjectDecodes(box);
    const again = await box.tryGit("repo", "commit", "-qam", "second, again");
    expect(again.stderr).not.toContain("this is a bug");
    expect(await box.git("repo", "status", "--porcelain"), `${at}: ${where}`).toBe("");
    expect(await box.git("repo", "show", "HEAD:.ballast/manifest.jsonl")).toContain(sha256(second));
    expect(await held(box, LOCAL, second), `${at}: ${where}`).toBe(`delta of ${sha256(first)}`);
    await everyObjectDecodes(box);
  }
  expect(places.filter((place) => place.includes("/ballast/tmp/") || place.includes("descriptor")).length, places.join("")).toBeGreaterThan(1);
});

async function everyObjectDecodes(box: Sandbox): Promise<void> {
  const contents = new Contents([openDirectoryStore(box.path(LOCAL))]);
  for (const name of await box.objects(LOCAL)) (await contents.open(parseName(name)!.oid, { verified: true })).close();
  contents.close();
}

describe("no delta is made", () => {
  it("with delta = never, and of assets that are excluded; a later setting counts from then on", async () => {
    const { box, commit } = await project();
    const [a, b] = [asset("a", SIZE), asset("b", SIZE)];
    await commit({ "a.bin": a, "packed/b.bin": b });
    await box.mustBallast("repo", "config", "--committed", "delta", "never");
    await commit({ "a.bin": edited(a, 5, "x"), "packed/b.bin": edited(b, 5, "x") });
    expect(await held(box, LOCAL, edited(a, 5, "x"))).toBe("raw");
    await box.mustBallast("repo", "config", "--committed", "--unset", "delta");
    await box.mustBallast("repo", "config", "--committed", "delta.exclude", "/packed/, *.zip");
    await commit({ "a.bin": edited(a, 6, "yy"), "packed/b.bin": edited(b, 6, "yy") });
    expect(await held(box, LOCAL, edited(a, 6, "yy"))).toBe(`delta of ${sha256(edited(a, 5, "x"))}`);
    expect(await held(box, LOCAL, edited(b, 6, "yy"))).toBe("raw");
  });

  it("against a base that has rotted, or is gone: the content is stored whole, and that is said", async () => {
    const { box, commit } = await project();
    const [a, b] = [asset("a", SIZE), asset("b", SIZE)];
    await commit({ "a.bin": a, "b.bin": b });
    const place = (content: Buffer): string => `${LOCAL}/objects/${sha256(content).slice(0, 2)}/${sha256(content)}`;
    await box.run(".", "chmod", ["u+w", place(a)]);
    await box.write(place(a), Buffer.from(a).fill(0, 30_000, 30_001));
    await box.run(".", "rm", ["-f", place(b)]);
    await box.write("repo/a.bin", edited(a, 5, "x"));
    await box.write("repo/b.bin", edited(b, 5, "x"));
    const { status, stderr } = await box.tryGit("repo", "commit", "-qam", "edit");
    expect(status).toBe(0);
    expect(stderr).toMatch(/a\.bin is stored whole: object [0-9a-f]{64} is damaged/);
    for (const content of [edited(a, 5, "x"), edited(b, 5, "x")]) expect(await held(box, LOCAL, content)).toBe("raw");
  });

  it("against what was staged and never committed, which a push would have to bring along", async () => {
    const { box, commit } = await project();
    const first = asset("first", SIZE);
    await commit({ "a.bin": first });
    const [second, third] = [edited(first, 10, "2"), edited(first, 20, "33")];
    for (const content of [second, third]) {
      await box.write("repo/a.bin", content);
      await box.git("repo", "add", "-A");
    }
    await box.git("repo", "commit", "-qm", "third");
    expect(await held(box, LOCAL, third)).toBe(`delta of ${sha256(first)}`);
    await box.git("repo", "push", "-q", "origin", "main");
    expect(await held(box, "store", second)).toBeUndefined();
    expect(await held(box, "store", third)).toBe(`delta of ${sha256(first)}`);
  });
});
