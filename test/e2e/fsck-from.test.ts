import { chmod, cp, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { FsckResult } from "../../src/commands/fsck.ts";
import { decodeAll } from "../support/decodable.ts";
import { editions } from "../support/deltas.ts";
import { makeLane } from "../support/lane.ts";
import { asset } from "../support/project.ts";
import { rawDirectory } from "../support/raw-store.ts";
import { sandbox, sha256, type Result, type Sandbox } from "../support/sandbox.ts";

/* What a repair takes from stores that are named by --from: a backup that is a directory. Buckets: fsck-from-bucket.test.ts. */
const CHAIN = editions(3, "hero", 20_000);
const LONE = asset("lone");
const [ROOT, MIDDLE, TOP] = CHAIN.map(sha256) as [string, string, string];

let box: Sandbox;
let whole: string[];
let untouched: Record<string, string>;

beforeAll(async () => {
  box = await sandbox();
  await makeLane(box);
  await box.write("lane/repo/lone.bin", LONE);
  for (const version of CHAIN) {
    await box.write("lane/repo/hero.bin", version);
    await box.git("lane/repo", "add", "-A");
    await box.git("lane/repo", "commit", "-qm", "version");
  }
  await box.git("lane/repo", "push", "-q", "-u", "origin", "main");
  await box.settled("lane/repo");
  await cp(box.path("lane/store"), box.path("lane/backup"), { recursive: true });
  // Nothing here but the two stores has the contents, and the local one has none of them any more.
  await box.run("lane/repo", "rm", ["-rf", "lone.bin", "hero.bin", ".git/ballast/objects"]);
  await box.run(".", "cp", ["-a", "lane", "start"]);
});

beforeEach(async () => {
  await box.run(".", "rm", ["-rf", "lane"]);
  await box.run(".", "cp", ["-a", "start", "lane"]);
  whole = await remote().keys("objects/");
  untouched = await tree(box.path("lane/backup"));
});

const remote = () => rawDirectory(box.path("lane/store"));
const backup = () => rawDirectory(box.path("lane/backup"));
const key = async (oid: string): Promise<string> => (await backup().keys(`objects/${oid.slice(0, 2)}/${oid}`))[0]!;
const parsed = ({ stdout, status, stderr }: Result): FsckResult & { status: number; stderr: string } => {
  if (stdout === "") throw new Error(`fsck ended with ${status}: ${stderr}`);
  return { ...(JSON.parse(stdout) as FsckResult), status, stderr };
};
const fsck = async (...args: string[]) => parsed(await box.ballast("lane/repo", "fsck", "--json", ...args));
const repair = (...args: string[]) => fsck("--repair", ...args, "--from", "../backup");
const url = (name: string): string => `file://${box.path("lane", name)}`;

/** Every name below a directory, with what it is and when it was last changed. */
async function tree(root: string): Promise<Record<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = [root, ...entries.map((entry) => join(entry.parentPath, entry.name))].sort();
  return Object.fromEntries(await Promise.all(paths.map(async (path) => {
    const { mtimeMs, ctimeMs, mode, ino } = await stat(path);
    return [path, `${mode} ${ino} ${mtimeMs} ${ctimeMs} ${(await stat(path)).isFile() ? sha256(await readFile(path)) : ""}`];
  })));
}

/** All is in its place and nothing was changed in the backup. */
async function expectWhole(): Promise<void> {
  expect(await remote().keys("objects/")).toEqual(whole);
  expect([...(await decodeAll(box.path("lane/store")))].sort()).toEqual([ROOT, MIDDLE, TOP, sha256(LONE)].sort());
  expect(await fsck("--deep", "--repair")).toMatchObject({ status: 0, findings: [], repairs: [] });
}

const flip = async (store: ReturnType<typeof rawDirectory>, at: string, byte = 1000): Promise<void> => {
  const bytes = Buffer.from(await store.get(at));
  bytes[Math.min(byte, bytes.length >> 1)]! ^= 1;
  await store.put(at, bytes);
};

describe("what no store here has comes from a backup", () => {
  test("a content that is missing, and a whole chain", async () => {
    for (const oid of [sha256(LONE), ROOT, MIDDLE, TOP]) await remote().remove(await key(oid));
    expect(await fsck("--repair")).toMatchObject({ status: 1, repairs: [], findings: new Array(4).fill({ kind: "missing", mend: expect.stringContaining("--from") }) });
    const { status, findings, mended, repairs } = await repair();
    expect({ status, findings }).toEqual({ status: 0, findings: [] });
    expect(mended.map(({ kind }) => kind)).toEqual(new Array(4).fill("missing"));
    expect(repairs.map(({ key }) => key).sort()).toEqual(whole);
    for (const each of repairs) expect(each).toMatchObject({ store: "remote", what: "restored", where: url("backup") });
    expect(await tree(box.path("lane/backup"))).toEqual(untouched);
    await expectWhole();
  });

  test("what a difference stands on, and of that alone", async () => {
    await remote().remove(await key(ROOT));
    expect((await fsck("--remote")).findings.map(({ kind }) => kind)).toContain("chain");
    expect(await repair()).toMatchObject({ status: 0, findings: [], repairs: [{ key: await key(ROOT), where: url("backup") }] });
    expect(await tree(box.path("lane/backup"))).toEqual(untouched);
    await expectWhole();
  });

  test("what is corrupt, once it has been kept aside", async () => {
    for (const oid of [sha256(LONE), MIDDLE]) await flip(remote(), await key(oid));
    const { status, findings, repairs } = await repair("--deep");
    expect({ status, findings }).toEqual({ status: 0, findings: [] });
    expect(repairs.filter(({ what }) => what === "restored").map(({ where }) => where)).toEqual([url("backup"), url("backup")]);
    expect(await remote().keys("quarantine/")).toHaveLength(2);
    expect(await tree(box.path("lane/backup"))).toEqual(untouched);
    await expectWhole();
  });

  test("what is cut off, found by a listing alone", async () => {
    const at = await key(sha256(LONE));
    await remote().put(at, (await remote().get(at)).subarray(0, 1000));
    expect(await repair()).toMatchObject({ status: 0, mended: [{ kind: "size" }], repairs: [{ what: "quarantined" }, { what: "restored", where: url("backup") }] });
    await expectWhole();
  });

  test("what is nowhere pushed and the local store has lost, into the local store", async () => {
    const mine = asset("mine");
    await box.write("lane/repo/mine.bin", mine);
    await box.git("lane/repo", "add", "-A");
    await box.git("lane/repo", "commit", "-qm", "mine");
    await box.settled("lane/repo");
    await cp(box.path("lane/repo/.git/ballast"), box.path("lane/colleague"), { recursive: true });
    await box.run("lane/repo", "rm", ["-rf", "mine.bin", ".git/ballast/objects"]);
    expect(await fsck("--repair")).toMatchObject({ status: 1, findings: [{ kind: "missing", store: "both", oid: sha256(mine) }] });
    const before = await tree(box.path("lane/colleague"));
    const { status, repairs } = await fsck("--repair", "--from", "../backup", "--from", box.path("lane/colleague"));
    expect({ status, repairs }).toMatchObject({ status: 0, repairs: [{ store: "local", what: "restored", where: url("colleague") }] });
    expect(await tree(box.path("lane/colleague"))).toEqual(before);
    expect(await box.objects("lane/repo/.git/ballast")).toEqual([sha256(mine)]);
  });

  test("a base that stands in for itself goes only when the backup has a good one", async () => {
    const root = await key(ROOT);
    await flip(remote(), root);
    await flip(backup(), root);
    expect(await repair("--deep")).toMatchObject({ status: 1, repairs: [], findings: expect.arrayContaining([expect.objectContaining({ kind: "corrupt", key: root })]) });
    expect(await remote().keys("objects/")).toEqual(whole);
    await backup().put(root, CHAIN[0]!);
    const { status, repairs } = await repair("--deep");
    expect({ status, repairs }).toMatchObject({ status: 0, repairs: [{ what: "quarantined", key: root }, { what: "restored", key: root, where: url("backup") }] });
    await expectWhole();
  });
});

describe("a backup that is not whole either", () => {
  test("what is damaged there is not taken, another backup is asked, and what neither has stays missing", async () => {
    const [lone, root] = [await key(sha256(LONE)), await key(ROOT)];
    for (const at of [lone, root]) {
      await remote().remove(at);
      await flip(backup(), at);
    }
    await cp(box.path("start/backup"), box.path("lane/second"), { recursive: true });
    await rawDirectory(box.path("lane/second")).remove(lone);
    const { status, findings, repairs, stderr } = await fsck("--deep", "--repair", "--from", "../backup", "--from", "../second");
    expect({ status, findings }).toMatchObject({ status: 1, findings: [{ kind: "missing", oid: sha256(LONE) }] });
    expect(repairs).toMatchObject([{ key: root, where: url("second") }]);
    expect(stderr).toMatch(/warning: .*damaged.*; and 1 more of this kind/);
    // Each is read once, however often everything is looked at.
    expect(stderr.match(/warning:/g)).toHaveLength(1);
    expect((await fsck("--deep")).findings).toHaveLength(1);
  });

  test("parts of a chain that several stores have make it whole", async () => {
    for (const oid of [ROOT, MIDDLE, TOP]) await remote().remove(await key(oid));
    for (const [name, oids] of [["one", [MIDDLE]], ["two", [ROOT, TOP]]] as const) {
      await cp(box.path("start/backup"), box.path("lane", name), { recursive: true });
      for (const oid of [ROOT, MIDDLE, TOP]) if (!(oids as readonly string[]).includes(oid)) await rawDirectory(box.path("lane", name)).remove(await key(oid));
    }
    const { status, repairs } = await fsck("--repair", "--from", "../one", "--from", "../two");
    expect(status).toBe(0);
    expect(repairs.map(({ where }) => where).sort()).toEqual([url("one"), url("two"), url("two")]);
    await expectWhole();
  });

  test("of what stands on a base that nobody has any more, another encoding is taken", async () => {
    const [lost, raw] = [await key(MIDDLE), `objects/${TOP.slice(0, 2)}/${TOP}`];
    for (const store of [remote(), backup()]) await store.remove(lost);
    await backup().put(raw, CHAIN[2]!);
    expect((await fsck("--remote")).findings.map(({ kind, oid }) => [kind, oid])).toEqual([["missing", MIDDLE], ["chain", TOP]]);
    const { findings, repairs } = await repair();
    expect(repairs).toEqual([{ store: "remote", what: "restored", key: raw, where: url("backup") }]);
    expect(findings.map(({ kind, oid }) => [kind, oid])).toEqual([["missing", MIDDLE], ["chain", TOP]]);
    expect((await repair()).repairs).toEqual([]);
  });
});

describe("a backup that cannot be used", () => {
  /** Root reads everything, unless it gives that right away. */
  const MORTAL = process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"] : ["env"];
  const mortal = (...args: string[]): Promise<Result> => box.run("lane/repo", MORTAL[0]!, [...MORTAL.slice(1), box.path("bin/git-ballast"), ...args]);

  test.each([
    ["is not there", ["--from", "../elsewhere"], 9, /^ballast: file:\/\/\S*elsewhere is not a Ballast store: it has no ballast\.json\n {2}→ check the URL[^\n]*\n$|there is no store at/],
    ["is a store of a newer version", ["--from", "../newer"], 9, /layout version 2; this Ballast knows 1\n {2}→ install a newer/],
    ["is a URL that no store has", ["--from", "https://backup.example/x"], 2, /https URLs are not supported/],
    ["is said something about that nothing is known of", ["--from", "s3://backup/x regoin=here"], 2, /--from: regoin is nothing that can be said about a store/],
    ["is the remote store", ["--from", "../store"], 2, /--from: \S*store is a store that is being repaired\n {2}→ name another one/],
    ["is the remote store under another name", ["--from", "../alias"], 2, /is a store that is being repaired/],
    ["is the local store", ["--from", ".git/ballast"], 2, /is a store that is being repaired/],
  ])("that %s is refused in two lines before anything is changed", async (_what, args, expected, message) => {
    const lone = await key(sha256(LONE));
    await flip(remote(), lone);
    await box.write("lane/newer/ballast.json", '{"ballast":"store","version":2}\n');
    await box.run("lane", "ln", ["-s", "store", "alias"]);
    const before = await tree(box.path("lane/store"));
    const { status, stdout, stderr } = await box.ballast("lane/repo", "fsck", "--deep", "--repair", "--from", "../backup", ...args);
    expect({ status, stdout }).toEqual({ status: expected, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(2);
    expect(await tree(box.path("lane/store"))).toEqual(before);
    expect(await tree(box.path("lane/backup"))).toEqual(untouched);
  });

  test("that may not be listed is refused as denied, and one that is damaged in one object is not", async () => {
    const [lone, root] = [await key(sha256(LONE)), await key(ROOT)];
    for (const at of [lone, root]) await remote().remove(at);
    await chmod(box.path("lane/backup/objects"), 0);
    expect(await mortal("fsck", "--repair", "--from", "../backup")).toMatchObject({ status: 9, stdout: "", stderr: expect.stringMatching(/^ballast: cannot list objects[^\n]*: permission denied\n {2}→ [^\n]*\n$/) });
    await chmod(box.path("lane/backup/objects"), 0o755);
    await chmod(box.path("lane/backup", lone), 0);
    const { status, repairs, findings, stderr } = parsed(await mortal("fsck", "--json", "--repair", "--from", "../backup"));
    expect({ status, repairs, findings }).toMatchObject({ status: 1, repairs: [{ key: root }], findings: [{ kind: "missing", oid: sha256(LONE) }] });
    expect(stderr).toMatch(/cannot read objects\S* in \S*backup: permission denied/);
    await chmod(box.path("lane/backup", lone), 0o644);
    await repair();
    await expectWhole();
  });

  test.each([["--from", "../backup"], ["--deep", "--from", "../backup"], ["--rebuild-manifest", "--from", "../backup"]])("with %s %s but no --repair nothing is done, and the hint says what to run", async (...args) => {
    expect(await box.ballast("lane/repo", "fsck", ...args)).toMatchObject({ status: 2, stdout: "", stderr: expect.stringMatching(/\n {2}→ git ballast fsck --re/) });
  });

  test("the text for people names the backup", async () => {
    await remote().remove(await key(ROOT));
    const { stdout, status } = await box.ballast("lane/repo", "fsck", "--repair", "--from", "../backup");
    expect(status).toBe(0);
    expect(stdout).toContain(`restored remote ${await key(ROOT)}: from ${url("backup")}\n`);
  });

  test("--local takes from it for the local store alone", async () => {
    const at = `objects/${sha256(LONE).slice(0, 2)}/${sha256(LONE)}`;
    await box.write(`lane/repo/.git/ballast/${at}`, "damaged");
    await remote().remove(await key(sha256(LONE)));
    const before = await tree(box.path("lane/store"));
    expect(await repair("--local")).toMatchObject({ status: 0, repairs: [{ store: "local", what: "quarantined" }, { store: "local", what: "restored", where: url("backup") }] });
    expect(await tree(box.path("lane/store"))).toEqual(before);
  });
});
