import { execFileSync } from "node:child_process";
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { decodeAll } from "../support/decodable.ts";
import { editions } from "../support/deltas.ts";
import { faultProxy } from "../support/fault-proxy.ts";
import { mayMount } from "../support/mount.ts";
import { asset, project, type Project } from "../support/project.ts";
import { testS3 } from "../support/s3.ts";
import { Sandbox, sandbox, sha256 } from "../support/sandbox.ts";

/* Clones of one machine that share objects in a directory (cache.dir). */
const s3 = await testS3();
const PRELOAD = fileURLToPath(new URL("../support/crash.cjs", import.meta.url));

const MODEL = editions(3, "model", 40_000);
const FILES = { "a.bin": asset("a"), "b.bin": asset("b", 5_000_000), "text.bin": Buffer.from("once upon a time ".repeat(900)) };
const OIDS = [...MODEL, ...Object.values(FILES)].map(sha256).sort();

/** A project with an upstream, whose clones share `cache`; chains of deltas, large and small content are pushed. */
async function shared(): Promise<Project> {
  const it = await project();
  for (const version of MODEL) await it.commit({ "model.bin": version });
  await it.commit(FILES);
  await it.box.git("repo", "push", "-q", "-u", "origin", "main");
  await mkdir(it.box.path("cache"));
  it.box.env["BALLAST_CACHE_DIR"] = it.box.path("cache");
  return it;
}

let pristine: Promise<Project> | undefined;
/** One for all tests that push nothing, with an empty cache. */
async function unchanged(): Promise<Project> {
  const it = await (pristine ??= shared());
  it.box.env["BALLAST_CACHE_DIR"] = it.box.path("cache");
  await it.box.run(".", "rm", ["-rf", "cache", ...CLONES]);
  await mkdir(it.box.path("cache"));
  return it;
}

const CLONES = ["first", "second", "third", "v", "w", "x", "y", "z"];

async function cloneOf({ box }: Project, name: string): Promise<void> {
  await box.git(".", "clone", "-q", "upstream.git", name);
}

/** Does something while the remote store cannot be reached at all. */
async function without(box: Sandbox, work: () => Promise<unknown>): Promise<void> {
  await rename(box.path("store"), box.path("store.away"));
  try {
    await work();
  } finally {
    await rename(box.path("store.away"), box.path("store"));
  }
}

async function expectComplete({ box }: Project, name: string): Promise<void> {
  expect([...(await decodeAll(box.path(name, ".git/ballast")))].sort()).toEqual(OIDS);
}

const find = (box: Sandbox, oid: string, store = "cache"): string => box.path(store, "objects", oid.slice(0, 2), oid);

describe("clones that share a directory", () => {
  test.runIf(s3)("ask a bucket for each object once, in the first of them, and for none after a push from here", async () => {
    const proxy = await faultProxy(s3!.endpoint);
    try {
      const box = await sandbox({ env: { ...s3!.env(), AWS_ENDPOINT_URL_S3: proxy.endpoint, BALLAST_STORE_ENDPOINT: proxy.endpoint, BALLAST_STORE_PATH_STYLE: "true", BALLAST_STORE_REGION: "us-east-1" } });
      const asked = (): number => proxy.count(({ method, path }) => method === "GET" && path.includes("/objects/"));
      await box.git(".", "init", "-q", "--bare", "upstream.git");
      await box.git(".", "init", "-q", "repo");
      await box.git("repo", "remote", "add", "origin", box.path("upstream.git"));
      await box.mustBallast("repo", "init", `s3://${await s3!.bucket()}/team`);
      await box.mustBallast("repo", "track", "*.bin");
      for (const [path, content] of Object.entries(FILES)) await box.write(`repo/${path}`, content);
      await box.git("repo", "add", "--all");
      await box.git("repo", "commit", "-qm", "one");
      await box.git("repo", "push", "-q", "-u", "origin", "main");
      await mkdir(box.path("cache"));
      box.env["BALLAST_CACHE_DIR"] = box.path("cache");
      proxy.reset();
      await box.mustBallast(".", "clone", "upstream.git", "first");
      expect(asked()).toBe(3);
      proxy.reset();
      await box.mustBallast(".", "clone", "upstream.git", "second");
      expect(asked()).toBe(0);
      for (const [path, content] of Object.entries(FILES)) expect((await box.read(`second/${path}`)).equals(content), path).toBe(true);
      await box.write("second/a.bin", asset("a, again"));
      await box.git("second", "commit", "-qam", "two");
      expect(await box.exists("cache/objects/" + sha256(asset("a, again")).slice(0, 2) + "/" + sha256(asset("a, again"))), "what is not pushed is not shared").toBe(false);
      await box.git("second", "push", "-q");
      proxy.reset();
      await box.git("first", "pull", "-q");
      await box.settled("first");
      expect((await box.read("first/a.bin")).equals(asset("a, again"))).toBe(true);
      expect(asked()).toBe(0);
    } finally {
      await proxy.close();
    }
  });

  test("need no remote store for what one of them has fetched, and take no room twice", async () => {
    const it = await unchanged();
    await cloneOf(it, "first");
    expect(JSON.parse(await it.box.mustBallast("first", "fetch", "--all", "--json"))).toMatchObject({ objects: OIDS.length, present: 0 });
    await cloneOf(it, "second");
    await without(it.box, async () => {
      expect(JSON.parse(await it.box.mustBallast("second", "fetch", "--all", "--json"))).toMatchObject({ objects: 0, storedBytes: 0, present: OIDS.length });
    });
    await expectComplete(it, "second");
    const oid = sha256(FILES["b.bin"]);
    const files = await Promise.all(["first/.git/ballast", "second/.git/ballast", "cache"].map((store) => stat(find(it.box, oid, store))));
    // On a file system that shares blocks each has its own file; else it is one file with three names.
    if (files[0]!.ino === files[2]!.ino) expect(files.map(({ nlink }) => nlink)).toEqual([3, 3, 3]);
    expect([...(await decodeAll(it.box.path("cache")))].sort()).toEqual(OIDS);
  });

  test("fetch at the same time, five of them: each ends with everything, and the cache is whole", async () => {
    const it = await unchanged();
    const names = ["v", "w", "x", "y", "z"];
    for (const name of names) await cloneOf(it, name);
    const results = await Promise.all(names.map((name) => it.box.ballast(name, "fetch", "--all")));
    for (const { status, stderr } of results) expect({ status, stderr }).toEqual({ status: 0, stderr: expect.not.stringContaining("warning") as string });
    for (const name of names) await expectComplete(it, name);
    expect([...(await decodeAll(it.box.path("cache")))].sort()).toEqual(OIDS);
    expect(await readdir(it.box.path("cache/tmp"))).toEqual([]);
  });

  test("keep to themselves what is not pushed, whatever another one evicts", async () => {
    const it = await shared();
    await it.box.mustBallast(".", "clone", "upstream.git", "first");
    await it.box.write("first/a.bin", asset("mine"));
    await it.box.git("first", "commit", "-qam", "mine");
    await it.box.mustBallast("repo", "fetch", "--all");
    await it.box.mustBallast("repo", "prune", "--set", "cache.limit=0");
    expect(await it.box.objects("cache")).toEqual([]);
    expect(await decodeAll(it.box.path("first/.git/ballast"))).toContain(sha256(asset("mine")));
    await it.box.git("first", "push", "-q");
    expect(await it.box.exists(`cache/objects/${sha256(asset("mine")).slice(0, 2)}`)).toBe(true);
  });
});

describe("a shared directory that is not as it should be", () => {
  test("gives damaged, cut and empty objects to nobody, and has good ones again after the next fetch", async () => {
    const it = await unchanged();
    await cloneOf(it, "first");
    await it.box.mustBallast("first", "fetch", "--all");
    // Its own files, so that only the cache is damaged.
    const damaged = [sha256(FILES["a.bin"]), sha256(FILES["b.bin"]), sha256(MODEL[0]!)];
    for (const [i, oid] of damaged.entries()) {
      const file = find(it.box, oid);
      const content = await it.box.read(file);
      content[100]! ^= 1;
      await rm(file);
      await writeFile(file, i === 1 ? content.subarray(0, 1000) : content);
    }
    await cloneOf(it, "second");
    const { objects } = JSON.parse(await it.box.mustBallast("second", "fetch", "--all", "--json")) as { objects: number };
    // A damaged base leaves the differences from it without use.
    expect(objects).toBeGreaterThanOrEqual(damaged.length);
    await expectComplete(it, "second");
    expect([...(await decodeAll(it.box.path("cache")))].sort()).toEqual(OIDS);
  });

  test("is left out with one line when it is not there, and is not made", async () => {
    const it = await unchanged();
    it.box.env["BALLAST_CACHE_DIR"] = it.box.path("unmounted/cache");
    await cloneOf(it, "first");
    const { status, stderr } = await it.box.ballast("first", "fetch", "--all");
    expect(status).toBe(0);
    expect(stderr.match(/shared cache/g)).toHaveLength(1);
    expect(stderr).toContain(`there is no directory ${it.box.path("unmounted/cache")}`);
    await expectComplete(it, "first");
    expect(await it.box.exists("unmounted")).toBe(false);
  });

  test("is left out when it holds something else: a home, or a store", async () => {
    const it = await unchanged();
    for (const [name, place, keep] of [["first", "home", ".gitconfig"], ["second", "store", "ballast.json"]] as const) {
      it.box.env["BALLAST_CACHE_DIR"] = it.box.path(place);
      await cloneOf(it, name);
      const before = await readdir(it.box.path(place));
      expect(before).toContain(keep);
      const { status, stderr } = await it.box.ballast(name, "fetch", "--all");
      expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining("holds something else") as string });
      expect(await readdir(it.box.path(place))).toEqual(before);
      expect(await it.box.ballast("repo", "config", "cache.dir", it.box.path(place))).toMatchObject({ status: 2 });
    }
  });

  test("is set here or for this user, never by a commit, and is no place for a store", async () => {
    const it = await shared();
    delete it.box.env["BALLAST_CACHE_DIR"];
    expect((await it.box.ballast("repo", "config", "--committed", "cache.dir", it.box.path("c"))).status).toBe(2);
    await it.box.write("repo/.ballast/config", `${(await it.box.read("repo/.ballast/config")).toString()}\n[cache]\ndir = ${it.box.path("committed")}\n`);
    expect((await it.box.ballast("repo", "fetch")).stderr).toContain("cache.dir");
    expect(await it.box.exists("committed")).toBe(false);
    expect((await it.box.ballast("repo", "config", "cache.dir", "relative/place")).status).toBe(2);
    await it.box.mustBallast("repo", "config", "--global", "cache.dir", "~/caches/ballast");
    expect((await it.box.read("home/caches/ballast/CACHEDIR.TAG")).toString()).toMatch(/^Signature: 8a477f597d28d172789f06886806bc55\n/);
    await it.box.git(".", "init", "-q", "other");
    expect(await it.box.ballast("other", "init", it.box.path("home/caches/ballast"))).toMatchObject({ status: 2, stderr: expect.stringContaining("is a cache") as string });
    await cloneOf(it, "first");
    await it.box.mustBallast("first", "fetch", "--all");
    expect(await it.box.objects("home/caches/ballast")).toHaveLength(OIDS.length);
  });

  const MAY_MOUNT = mayMount();
  if (!MAY_MOUNT) process.stderr.write("\n*** NO READ-ONLY CACHE IS TESTED IN THIS RUN: mounting a tmpfs is not permitted here\n\n");
  const mounted: string[] = [];
  afterAll(() => {
    for (const directory of mounted.splice(0)) execFileSync("umount", ["--lazy", directory]);
  });

  test.runIf(MAY_MOUNT || process.env["CI"] === "true")("is read when it cannot be written, on another file system too; a full one takes what it can", async () => {
    const it = await shared();
    const { box } = it;
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=12m", "tmpfs", box.path("cache")]);
    mounted.push(box.path("cache"));
    await cloneOf(it, "first");
    await box.mustBallast("first", "fetch", "--all");
    execFileSync("mount", ["-o", "remount,ro", box.path("cache")]);
    await it.commit({ "a.bin": asset("later") });
    const push = await box.tryGit("repo", "push", "-q");
    expect(push).toMatchObject({ status: 0, stderr: expect.stringMatching(/shared cache.*read-only/) as string });
    await cloneOf(it, "second");
    const fetched = await box.ballast("second", "fetch", "--all", "--json");
    expect(fetched.status).toBe(0);
    expect(fetched.stderr.match(/shared cache/g)).toHaveLength(1);
    // All but what was pushed while it could not be written.
    expect(JSON.parse(fetched.stdout)).toMatchObject({ objects: 1, present: OIDS.length });
    execFileSync("mount", ["-o", "remount,rw", box.path("cache")]);
    await box.write("cache/filler", Buffer.alloc(8_000_000)).catch(() => {});
    await it.commit({ "c.bin": asset("much", 4_000_000) });
    expect(await box.tryGit("repo", "push", "-q")).toMatchObject({ status: 0, stderr: expect.stringMatching(/shared cache.*no space/) as string });
    await rm(box.path("cache/filler"));
    expect([...(await decodeAll(box.path("cache")))].sort()).toEqual(OIDS);
    await cloneOf(it, "third");
    await box.mustBallast("third", "fetch", "--all");
    expect(await decodeAll(box.path("cache"))).toContain(sha256(asset("much", 4_000_000)));
    // A store on another file system than the cache is read through it.
    await rm(box.path("cache/objects"), { recursive: true });
    await box.mustBallast(".", "clone", "upstream.git", "fourth");
    expect(await box.objects("cache")).toHaveLength(7);
  });
});

describe("prune", () => {
  test("holds the shared directory to the limit too: least recently used first, and what went is fetched again", async () => {
    const it = await unchanged();
    await cloneOf(it, "first");
    await it.box.mustBallast("first", "fetch", "--all");
    const old = new Date(Date.now() - 3600_000);
    for (const name of await it.box.objects("cache")) await utimes(find(it.box, name), old, old).catch(() => utimes(it.box.path("cache/objects", name.slice(0, 2), name), old, old));
    // One that was of use just now.
    await cloneOf(it, "second");
    await it.box.git("second", "config", "ballast.fetch.include", "/a.bin");
    await it.box.mustBallast("second", "fetch", "origin");
    const limit = ["--set", "cache.limit=4000"];
    const dry = JSON.parse(await it.box.mustBallast("repo", "prune", "--dry-run", "--json", ...limit)) as { cache: { evicted: number; leftBytes: number } };
    expect(dry.cache.evicted).toBeGreaterThanOrEqual(2);
    expect(dry.cache.leftBytes).toBeLessThanOrEqual(4000);
    expect(await it.box.objects("cache")).toHaveLength(OIDS.length);
    expect(await it.box.mustBallast("repo", "prune", ...limit)).toContain(`${it.box.path("cache")}: ${dry.cache.evicted} contents evicted`);
    expect(await it.box.objects("cache")).toContain(sha256(FILES["a.bin"]));
    expect(await it.box.objects("cache")).not.toContain(sha256(FILES["b.bin"]));
    await cloneOf(it, "third");
    await it.box.mustBallast("third", "fetch", "--all");
    await expectComplete(it, "third");
  });
});

describe("a fetch that is killed at one of its writes", () => {
  test("leaves no object in the shared directory that is not whole, and the next one fills it", { timeout: 300_000 }, async () => {
    const it = await unchanged();
    const { box } = it;
    const run = async (name: string, at: number): Promise<void> => {
      await rm(box.path("counter.crashed"), { force: true });
      await box.write("counter", "");
      await rm(box.path("cache"), { recursive: true });
      await mkdir(box.path("cache"));
      await cloneOf(it, name);
      const env = { NODE_OPTIONS: `--require=${PRELOAD}`, BALLAST_CRASH_COUNTER: box.path("counter"), BALLAST_CRASH_AT: String(at) };
      await new Sandbox(box.root, { ...box.env, ...env }).ballast(name, "fetch", "--all");
    };
    await run("counting", 0);
    const total = (await box.read("counter")).length;
    expect(total).toBeGreaterThan(20);
    let crashes = 0;
    const every = process.env["BALLAST_TEST_EXHAUSTIVE"] === "1" ? 1 : Math.ceil(total / 10);
    for (let at = 1; at <= total; at += every) {
      await run(`killed-${at}`, at);
      if (await box.exists("counter.crashed")) crashes++;
      const where = `killed at write ${at} of ${total}`;
      for (const oid of await decodeAll(box.path("cache"))) expect(OIDS, where).toContain(oid);
      const next = await box.ballast(`killed-${at}`, "fetch", "--all");
      expect({ where, ...next }).toMatchObject({ where, status: 0, stderr: "" });
      expect([...(await decodeAll(box.path(`killed-${at}`, ".git/ballast")))].sort(), where).toEqual(OIDS);
      await rm(box.path(`killed-${at}`), { recursive: true });
    }
    expect(crashes).toBeGreaterThan(5);
  });
});
