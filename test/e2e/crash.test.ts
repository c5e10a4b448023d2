import { lstat, readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { HOOKS } from "../../src/git/hooks.ts";
import { parseManifest } from "../../src/manifest/manifest.ts";
import { random, sandbox, Sandbox, sha256, type Result } from "../support/sandbox.ts";

/*
 * Kills a process of Ballast's at each of its writes, one after the other (test/support/crash.cjs), looks at what is
 * left, runs the command again, and looks once more. Git itself goes on when its filter or hook dies, as it would.
 */
const PRELOAD = fileURLToPath(new URL("../support/crash.cjs", import.meta.url));
/** Repositories in which runs go on side by side. */
const LANES = 3;
/** Whether to go through all of them, however long it takes. */
const EXHAUSTIVE = process.env["BALLAST_TEST_EXHAUSTIVE"] === "1";
/** Every write up to this one, and a sample of those behind it. */
const EVERY = EXHAUSTIVE ? Infinity : 60;
const SAMPLE = 12;
/** One stash asks the filter six times over; the first rounds are gone through write by write. */
const EVERY_OF_STASH = EXHAUSTIVE ? Infinity : 24;
/** A lock that outlived its holder would make a command wait for longer. */
const WEDGED_MS = 15_000;

const HERO = [random(3000, "hero 1"), random(3100, "hero 2"), random(3200, "hero 3")] as const;
const TEXT = ["once upon a time ".repeat(400), "and they lived ".repeat(500), "the end ".repeat(700)].map((text) => Buffer.from(text));
const TOOL = Buffer.from("#!/bin/sh\necho tool\n");
/** What can be at a path. */
const VERSIONS: Record<string, readonly Buffer[]> = { "art/hero.bin": HERO, "art/text.txt": TEXT, "art/tool": [TOOL], "art/more.bin": [random(2000, "more")] };
const first = { "art/hero.bin": HERO[0], "art/text.txt": TEXT[0]!, "art/tool": TOOL };
const second = { ...first, "art/hero.bin": HERO[1], "art/text.txt": TEXT[1]! };
const third = { ...second, "art/hero.bin": HERO[2], "art/text.txt": TEXT[2]!, "art/more.bin": VERSIONS["art/more.bin"]![0]! };
type Contents = Readonly<Record<string, Buffer>>;

/** The states that scenarios start from, each a directory with `repo`, `up.git` and `store` that is copied into place. */
type Start = "new" | "initialised" | "committed" | "edited" | "ahead" | "cloned";

class Lane {
  readonly box: Sandbox;
  /** What the commands of this step wrote to standard error. */
  said = "";

  constructor(box: Sandbox) {
    this.box = box;
  }

  async prepare(): Promise<void> {
    const { box } = this;
    const save = (name: Start): Promise<unknown> => box.run(".", "cp", ["-a", "lane", `start-${name}`]);
    await box.git(".", "init", "-q", "--bare", "lane/up.git");
    await box.git(".", "init", "-q", "lane/repo");
    await box.git("lane/repo", "remote", "add", "origin", box.path("lane/up.git"));
    await box.write("lane/repo/README", "readme\n");
    await box.git("lane/repo", "add", "-A");
    await box.git("lane/repo", "commit", "-qm", "zero");
    await this.put("repo", first);
    await save("new");
    await box.mustBallast("lane/repo", "init", "../store");
    await save("initialised");
    await box.mustBallast("lane/repo", "track", "art");
    await box.git("lane/repo", "add", "-A");
    await box.git("lane/repo", "commit", "-qm", "one");
    await box.git("lane/repo", "branch", "one");
    await this.put("repo", second);
    await box.git("lane/repo", "commit", "-qam", "two");
    await box.git("lane/repo", "push", "-q", "origin", "main", "one");
    await save("committed");
    await this.put("repo", third);
    await save("edited");
    await box.git("lane/repo", "add", "-A");
    await box.git("lane/repo", "commit", "-qm", "three");
    await box.git("lane/repo", "tag", "three");
    await save("ahead");
    await box.git("lane/repo", "push", "-q", "origin", "main");
    await box.git(".", "clone", "-q", "lane/up.git", "lane/clone");
    await box.run(".", "rm", ["-rf", "lane/repo"]);
    await save("cloned");
  }

  async put(repo: string, contents: Contents): Promise<void> {
    for (const [path, content] of Object.entries(contents)) await this.box.write(`lane/${repo}/${path}`, content);
    await this.box.run(`lane/${repo}`, "chmod", ["+x", "art/tool"]);
  }

  async begin(start: Start): Promise<void> {
    await this.box.run(".", "rm", ["-rf", "lane", "counter", "counter.crashed"]);
    await this.box.run(".", "cp", ["-a", `start-${start}`, "lane"]);
  }

  /** Runs something that dies at its write number `at`. Returns where it died, or undefined when it has fewer writes. */
  async crash(scenario: Scenario, at: number): Promise<string | undefined> {
    const env = { NODE_OPTIONS: `--require=${PRELOAD}`, BALLAST_CRASH_COUNTER: this.box.path("counter"), BALLAST_CRASH_AT: String(at) };
    const doomed = new Sandbox(this.box.root, { ...this.box.env, ...env });
    const [program, ...args] = scenario.command;
    this.said = (await doomed.run(`lane/${scenario.repo}`, program!, args)).stderr;
    return (await this.box.exists("counter.crashed")) ? (await this.box.read("counter.crashed")).toString().trim() : undefined;
  }

  async writes(): Promise<number> {
    return (await this.box.exists("counter")) ? (await this.box.read("counter")).length : 0;
  }

  async again(repo: string, program: string, ...args: string[]): Promise<Result> {
    const began = Date.now();
    const result = await this.box.run(`lane/${repo}`, program, args);
    const tookMs = Date.now() - began;
    this.said += result.stderr;
    expect(tookMs, `${program} ${args.join(" ")} waited for a dead process`).toBeLessThan(WEDGED_MS);
    expect(result.stderr).not.toContain("this is a bug");
    return result;
  }

  async must(repo: string, program: string, ...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.again(repo, program, ...args);
    expect(status, `${program} ${args.join(" ")}: ${stderr}${stdout}`).toBe(0);
    return stdout.trim();
  }

  /** What must hold at any moment: no content is lost, no file is torn, and no object is under a name that is not its own. */
  async inspect(repo: string, precious: readonly Buffer[]): Promise<void> {
    const found = new Set<string>();
    for (const [path, versions] of Object.entries(VERSIONS)) {
      const content = await readFile(this.box.path("lane", repo, path)).catch(() => undefined);
      if (content === undefined) continue;
      expect(versions.map(sha256), `${path} is torn`).toContain(sha256(content));
      found.add(sha256(content));
    }
    for (const store of ["store", `${repo}/.git/ballast`]) for (const oid of await decodable(this.box.path("lane", store))) found.add(oid);
    for (const content of precious) expect(found, "a content is lost").toContain(sha256(content));
    const manifest = await readFile(this.box.path("lane", repo, ".ballast/manifest.jsonl")).catch(() => undefined);
    if (manifest) parseManifest(manifest, "the manifest");
  }

  /** What must hold when the work is done. */
  async expectFinal(repo: string, contents: Contents, status = ""): Promise<void> {
    for (const [path, versions] of Object.entries(VERSIONS)) {
      const content = await readFile(this.box.path("lane", repo, path)).catch(() => undefined);
      const version = content && versions.findIndex((one) => one.equals(content)) + 1;
      const wanted = contents[path] && versions.findIndex((one) => one.equals(contents[path]!)) + 1;
      expect(version, `version of ${path}`).toBe(wanted);
    }
    const { mode } = await lstat(this.box.path("lane", repo, "art/tool"));
    expect(mode & 0o100, "the executable bit").toBe(0o100);
    expect(await this.must(repo, "git", "status", "--porcelain")).toBe(status);
  }

  /** What HEAD, or another revision, names; every content of it is in the store where `pushed`. */
  async expectCommitted(repo: string, revision: string, contents: Contents, pushed: boolean): Promise<void> {
    const manifest = parseManifest(await this.must(repo, "git", "show", `${revision}:.ballast/manifest.jsonl`) + "\n", revision);
    const named = Object.fromEntries([...manifest.values()].map(({ path, oid }) => [path, oid as string]));
    expect(named).toEqual(Object.fromEntries(Object.entries(contents).map(([path, content]) => [path, sha256(content)])));
    if (!pushed) return;
    const there = await decodable(this.box.path("lane/store"));
    for (const content of Object.values(contents)) expect(there).toContain(sha256(content));
  }
}

/** The oids that a store holds; each object was decoded and has the content that its name promises. */
async function decodable(store: string): Promise<Set<string>> {
  const oids = new Set<string>();
  const entries = await readdir(join(store, "objects"), { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const bytes = await readFile(file);
    const oid = sha256(entry.name.endsWith(".gz") ? gunzipSync(bytes) : bytes);
    expect(`${oid}${entry.name.endsWith(".gz") ? ".gz" : ""}`, `the object ${relative(store, file)}`).toBe(entry.name);
    oids.add(oid);
  }
  return oids;
}

interface Scenario {
  readonly start: Start;
  readonly repo: string;
  /** What is killed. */
  readonly command: readonly string[];
  /** Contents that exist when it begins and must never be gone. */
  readonly precious: readonly Buffer[];
  /** Every write up to this one; default: EVERY. */
  readonly every?: number;
  /** Goes on after the kill and looks at the result. */
  finish(lane: Lane, at: number): Promise<void>;
}

const all = (contents: Contents): Buffer[] => Object.values(contents);

const SCENARIOS: Record<string, Scenario> = {
  "git ballast init": {
    start: "new",
    repo: "repo",
    command: ["git", "ballast", "init", "../store"],
    precious: all(first),
    async finish(lane, at) {
      await lane.must("repo", "git", "ballast", "init", "../store");
      expect(await lane.must("repo", "git", "status", "--porcelain", "-uall")).toBe(
        ["?? .ballast/config", "?? .ballast/manifest.jsonl", "?? .gitattributes", "?? .gitignore", ...Object.keys(first).map((path) => `?? ${path}`)].join("\n"),
      );
      expect(await lane.must("repo", "git", "config", "ballast.pin")).toBe(`file://${lane.box.path("lane/store")}`);
      const hooks = lane.box.path("lane/repo/.git/hooks");
      for (const name of HOOKS) expect((await lstat(join(hooks, name))).mode & 0o111, name).toBe(0o111);
      if (at % 4 > 0) return;
      await lane.must("repo", "git", "ballast", "track", "art");
      await lane.must("repo", "git", "add", "-A");
      await lane.must("repo", "git", "commit", "-qm", "one");
      await lane.expectFinal("repo", first);
      await lane.expectCommitted("repo", "HEAD", first, false);
    },
  },
  "git ballast track": {
    start: "initialised",
    repo: "repo",
    command: ["git", "ballast", "track", "art"],
    precious: all(first),
    async finish(lane) {
      await lane.must("repo", "git", "ballast", "track", "art");
      await lane.must("repo", "git", "add", "-A");
      await lane.must("repo", "git", "commit", "-qm", "one");
      await lane.expectFinal("repo", first);
      await lane.expectCommitted("repo", "HEAD", first, false);
    },
  },
  "git commit -a": {
    start: "edited",
    repo: "repo",
    command: ["git", "commit", "-qam", "three"],
    precious: all(third),
    async finish(lane) {
      await lane.again("repo", "git", "commit", "-qam", "three, again");
      await lane.expectFinal("repo", third);
      await lane.expectCommitted("repo", "HEAD", third, false);
    },
  },
  "git push": {
    start: "ahead",
    repo: "repo",
    command: ["git", "push", "-q", "origin", "main"],
    precious: all(third),
    async finish(lane) {
      // Whatever the remote has by now must have its objects, whether Git was refused or not.
      const published = await lane.must("repo", "git", "ls-remote", "origin", "refs/heads/main");
      if (published.startsWith(await lane.must("repo", "git", "rev-parse", "three"))) await lane.expectCommitted("repo", "three", third, true);
      await lane.must("repo", "git", "push", "-q", "origin", "main");
      await lane.expectCommitted("repo", "origin/main", third, true);
      await lane.expectFinal("repo", third);
    },
  },
  "git switch": {
    start: "committed",
    repo: "repo",
    command: ["git", "switch", "-q", "one"],
    precious: [...all(first), ...all(second)],
    async finish(lane) {
      await lane.must("repo", "git", "switch", "-q", "one");
      await lane.expectFinal("repo", first);
      await lane.must("repo", "git", "switch", "-q", "main");
      await lane.expectFinal("repo", second);
    },
  },
  "git ballast checkout in a fresh clone": {
    start: "cloned",
    repo: "clone",
    command: ["git", "ballast", "checkout"],
    precious: all(third),
    async finish(lane) {
      await lane.must("clone", "git", "ballast", "checkout");
      await lane.expectFinal("clone", third);
    },
  },
  "git stash": {
    start: "edited",
    repo: "repo",
    command: ["git", "stash", "-q"],
    every: EVERY_OF_STASH,
    precious: [...all(second), ...all(third)],
    async finish(lane) {
      // A stash that was made before the filter took Git with it is finished as Git would have, else it is made again.
      if ((await lane.must("repo", "git", "stash", "list")) === "") await lane.must("repo", "git", "stash", "-q");
      else if ((await lane.must("repo", "git", "status", "--porcelain")) !== "") await lane.must("repo", "git", "reset", "-q", "--hard");
      await lane.inspect("repo", all(third));
      if ((await lane.must("repo", "git", "stash", "list")) !== "") await lane.must("repo", "git", "stash", "pop", "-q");
      if (!lane.said.includes("Git discarded an edit")) return lane.expectFinal("repo", third, "M .ballast/manifest.jsonl");
      // Git went on without the filter's answer: then the user was told how each edit that is not in the stash comes back.
      for (const [path, content] of Object.entries(third)) {
        if ((await readFile(lane.box.path("lane/repo", path))).equals(content)) continue;
        expect(lane.said).toContain(`git ballast show ${sha256(content)} > ${path}`);
      }
    },
  },
  "git reset --hard": {
    start: "edited",
    repo: "repo",
    // In a copied repository Git has to look once, else it takes the manifest for changed and asks nobody.
    command: ["sh", "-c", "git status -s >/dev/null && git reset -q --hard"],
    precious: [...all(second), ...all(third)],
    async finish(lane) {
      await lane.must("repo", "git", "reset", "-q", "--hard");
      await lane.inspect("repo", [...all(second), ...all(third)]);
    },
  },
};

const lanes: Lane[] = [];
beforeAll(async () => {
  for (let i = 0; i < LANES; i++) lanes.push(new Lane(await sandbox()));
  await Promise.all(lanes.map((lane) => lane.prepare()));
});

describe("after a kill at any write, nothing is lost or torn and the next run ends well", () => {
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    it(name, { timeout: EXHAUSTIVE ? 3_600_000 : 600_000 }, async () => {
      const [counting] = lanes;
      await counting!.begin(scenario.start);
      expect(await counting!.crash(scenario, 0)).toBeUndefined();
      const total = await counting!.writes();
      expect(total, "writes that were counted").toBeGreaterThan(5);
      const steps = stepsOf(total, scenario.every ?? EVERY, name);
      const failures: string[] = [];
      let crashes = 0;
      await Promise.all(
        lanes.map(async (lane) => {
          for (let at = steps.shift(); at !== undefined; at = steps.shift()) {
            await lane.begin(scenario.start);
            const where = await lane.crash(scenario, at);
            if (where !== undefined) crashes++;
            try {
              await lane.inspect(scenario.repo, scenario.precious);
              await scenario.finish(lane, at);
              await lane.inspect(scenario.repo, scenario.precious);
            } catch (error) {
              failures.push(`killed at write ${at} of ${total}, ${where}: ${error instanceof Error ? error.message : String(error)}`);
            }
          }
        }),
      );
      expect(failures.join("\n\n")).toBe("");
      expect(crashes).toBeGreaterThan(5);
    });
  }
});

/** The numbers of the writes to die at. */
function stepsOf(total: number, every: number, seed: string): number[] {
  const steps = Array.from({ length: Math.min(total, every) }, (_, i) => i + 1);
  const rest = Array.from({ length: Math.max(0, total - every) }, (_, i) => every + 1 + i);
  const dice = random(4 * SAMPLE, seed);
  for (let i = 0; i < SAMPLE && rest.length > 0; i++) steps.push(...rest.splice(dice.readUInt32LE(4 * i) % rest.length, 1));
  return steps;
}
