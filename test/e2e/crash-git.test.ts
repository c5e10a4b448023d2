import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { parseManifest } from "../../src/manifest/manifest.ts";
import { decodeAll } from "../support/decodable.ts";
import { makeLane } from "../support/lane.ts";
import { asset } from "../support/project.ts";
import { random, sandbox, Sandbox, sha256, type Result } from "../support/sandbox.ts";

/*
 * As crash.test.ts, but Git dies too, and the shell of its hook: the power button, or the terminal's window closed, at any
 * write that a hook or the filter makes and whenever one starts. Afterwards nothing is lost, `status` is true, and the
 * command can be given again, after Git itself was helped in the way that it asks for: its lock files removed, and what it
 * had begun ended by `--abort` or `reset --hard`.
 *
 * A few moments of each command by default; BALLAST_TEST_EXHAUSTIVE=1 goes through all of them.
 */
const PRELOAD = fileURLToPath(new URL("../support/crash.cjs", import.meta.url));
const EXHAUSTIVE = process.env["BALLAST_TEST_EXHAUSTIVE"] === "1";
const SAMPLE = 3;

type Files = Readonly<Record<string, Buffer>>;
const version = (name: string, nth: number): Buffer => asset(`${name} ${nth}`);
const BASE: Files = { "a.bin": version("a", 1), "b.bin": version("b", 1), "c.bin": version("c", 1) };
const MAIN: Files = { ...BASE, "a.bin": version("a", 2) };
const SIDE: Files = { ...BASE, "b.bin": version("b", 3) };
const BOTH: Files = { ...MAIN, "b.bin": version("b", 3) };
const EDITED: Files = { ...MAIN, "a.bin": version("a", 3), "c.bin": version("c", 2), "d.bin": version("d", 1) };
const KNOWN = new Set([BASE, MAIN, SIDE, EDITED].flatMap((files) => Object.values(files)).concat(version("b", 2)).map(sha256));

class Lane {
  readonly box: Sandbox;

  constructor(box: Sandbox) {
    this.box = box;
  }

  /** The states that commands start from, each a directory with `repo`, `up.git` and `store` that is copied into place. */
  async prepare(): Promise<void> {
    const { box } = this;
    const save = (name: string): Promise<Result> => box.run(".", "cp", ["-a", "lane", `start-${name}`]);
    await makeLane(box);
    await this.commit(BASE, "base");
    await box.git("lane/repo", "push", "-q", "-u", "origin", "main");
    await box.git("lane/repo", "switch", "-qc", "side");
    await this.commit({ "b.bin": version("b", 2) }, "side 1");
    await this.commit(SIDE, "side 2");
    await box.git("lane/repo", "push", "-q", "origin", "side");
    await box.git("lane/repo", "switch", "-q", "main");
    await this.commit(MAIN, "main");
    await box.settled("lane/repo");
    await save("main");
    await this.put(EDITED);
    await save("edited");
    await box.git("lane/repo", "stash", "-q", "--include-untracked");
    await box.settled("lane/repo");
    await save("stashed");
    await this.begin("main");
    await box.git("lane/repo", "switch", "-q", "side");
    await box.settled("lane/repo");
    await save("side");
    await this.begin("main");
    await box.git("lane/repo", "push", "-q", "origin", "side:main");
    // What is to be pulled has to be fetched from the store as well.
    await box.run(".", "sh", ["-c", `rm lane/repo/.git/ballast/objects/*/${sha256(version("b", 3))}*`]);
    await save("behind");
  }

  async put(files: Files): Promise<void> {
    for (const [path, content] of Object.entries(files)) await this.box.write(`lane/repo/${path}`, content);
  }

  private async commit(files: Files, message: string): Promise<void> {
    await this.put(files);
    await this.box.git("lane/repo", "add", "-A");
    await this.box.git("lane/repo", "commit", "-qm", message);
  }

  async begin(start: string): Promise<void> {
    await this.box.run(".", "rm", ["-rf", "lane", "counter", "counter.crashed"]);
    await this.box.run(".", "cp", ["-a", `start-${start}`, "lane"]);
  }

  /** Runs a command in a process group of its own, which dies at moment `at`. Returns where that was. */
  async crash(command: readonly string[], at: number): Promise<string | undefined> {
    const env = { NODE_OPTIONS: `--require=${PRELOAD}`, BALLAST_CRASH_COUNTER: this.box.path("counter"), BALLAST_CRASH_AT: String(at), BALLAST_CRASH_GROUP: "1" };
    await new Sandbox(this.box.root, { ...this.box.env, ...env }).run("lane/repo", "setsid", command);
    // Whoever waits in the background for Git's end is in no group of it.
    await this.box.settled("lane/repo");
    return (await this.box.exists("counter.crashed")) ? (await this.box.read("counter.crashed")).toString().trim() : undefined;
  }

  async moments(): Promise<number> {
    return (await this.box.exists("counter")) ? (await this.box.read("counter")).length : 0;
  }

  /** What Git asks its user to do after a crash, and what it gave to a merge driver. Nothing of Ballast's is helped: its locks are directories. */
  async removeLocks(): Promise<void> {
    await this.box.run("lane/repo", "find", [".git", "-name", "*.lock", "-type", "f", "-delete"]);
    await this.box.run("lane/repo", "find", [".", "-maxdepth", "1", "-name", ".merge_file_*", "-delete"]);
  }

  async must(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.box.tryGit("lane/repo", ...args);
    expect(status, `git ${args.join(" ")}: ${stderr}${stdout}`).toBe(0);
    await this.box.settled("lane/repo");
    return stdout.trimEnd();
  }

  /** A new asset stays in place when Git discards everything, as an untracked file does; the stash has it too. */
  async popAgain(): Promise<void> {
    await this.must("reset", "-q", "--hard");
    await rm(this.box.path("lane/repo/d.bin"), { force: true });
    await this.must("stash", "pop", "-q");
  }

  exists(path: string): Promise<boolean> {
    return this.box.exists(`lane/repo/${path}`);
  }

  async onDisk(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const name of await readdir(this.box.path("lane/repo"))) if (name.endsWith(".bin")) found.set(name, sha256(await readFile(this.box.path("lane/repo", name))));
    return found;
  }

  /** Every content is somewhere, and every file and object is whole. */
  async expectNothingLost(precious: Files): Promise<void> {
    const found = new Set<string>(await decodeAll(this.box.path("lane/repo/.git/ballast")));
    for (const oid of await decodeAll(this.box.path("lane/store"))) found.add(oid);
    for (const [path, oid] of await this.onDisk()) {
      expect(KNOWN.has(oid), `${path} is torn`).toBe(true);
      found.add(oid);
    }
    for (const [path, content] of Object.entries(precious)) expect(found.has(sha256(content)), `${path} is lost`).toBe(true);
  }

  /**
   * `status` names exactly the assets that are not as they are staged, and those that are not staged as they are in HEAD. A
   * manifest file that Git has rewritten, and nobody settled, counts for what is staged.
   */
  async expectTrueStatus(): Promise<void> {
    const { status, stdout, stderr } = await this.box.ballast("lane/repo", "status", "--porcelain");
    expect(status, stderr).toBe(0);
    const lines = stdout.split("\n").filter((line) => line !== "");
    const file = this.box.path("lane/repo/.ballast/manifest.jsonl");
    // Git may die between removing the file and writing it: then it stands for no assets, as in a commit without it.
    const there = await this.exists(".ballast/manifest.jsonl");
    const stamped = there && (await stat(file)).mtime.getUTCFullYear() >= 2037;
    const [head, index] = await Promise.all(["HEAD", ""].map((revision) => this.oidsAt(revision)));
    const settled = stamped ? index! : there ? oidsOf(await readFile(file)) : new Map<string, string>();
    const disk = await this.onDisk();
    expect(lines.filter((line) => line[1] !== " ").map((line) => line.slice(3)).sort(), `not staged, ${stamped ? "stamped" : "rewritten"}: ${stdout}`).toEqual(difference(settled, disk));
    expect(lines.filter((line) => !" P".includes(line[0]!)).map((line) => line.slice(3)).sort(), `staged: ${stdout}`).toEqual(difference(head!, index!));
  }

  private async oidsAt(revision: string): Promise<Map<string, string>> {
    return oidsOf(Buffer.from(`${await this.must("show", `${revision}:.ballast/manifest.jsonl`)}\n`));
  }

  async expectFinal(files: Files): Promise<void> {
    expect(Object.fromEntries(await this.onDisk())).toEqual(Object.fromEntries(Object.entries(files).map(([path, content]) => [path, sha256(content)])));
    await this.expectTrueStatus();
  }

  async expectCommitted(files: Files): Promise<void> {
    expect(await this.must("status", "--porcelain")).toBe("");
    await this.expectFinal(files);
    expect(Object.fromEntries(await this.oidsAt("HEAD"))).toEqual(Object.fromEntries(Object.entries(files).map(([path, content]) => [path, sha256(content)])));
  }
}

interface Scenario {
  readonly start: string;
  readonly command: readonly string[];
  readonly precious: Files;
  /** Goes on after the kill and looks at the result. */
  finish(lane: Lane): Promise<void>;
}

const SCENARIOS: Record<string, Scenario> = {
  "git commit -a": {
    start: "edited",
    command: ["git", "commit", "-qam", "edited"],
    precious: EDITED,
    async finish(lane) {
      await lane.box.tryGit("lane/repo", "commit", "-qam", "edited, again");
      await lane.expectCommitted(EDITED);
    },
  },
  "git merge": {
    start: "main",
    command: ["git", "merge", "-q", "side", "-m", "merge"],
    precious: { ...BOTH },
    async finish(lane) {
      await lane.must("reset", "-q", "--hard");
      await lane.must("merge", "-q", "side", "-m", "merge, again");
      await lane.expectCommitted(BOTH);
    },
  },
  "git rebase": {
    start: "side",
    command: ["git", "rebase", "-q", "main"],
    precious: BOTH,
    async finish(lane) {
      if (await lane.exists(".git/rebase-merge")) await lane.must("rebase", "--abort");
      await lane.must("reset", "-q", "--hard");
      await lane.must("switch", "-q", "side");
      await lane.must("rebase", "-q", "main");
      await lane.expectCommitted(BOTH);
    },
  },
  "git pull --rebase": {
    start: "behind",
    command: ["git", "pull", "-q", "--rebase"],
    precious: BOTH,
    async finish(lane) {
      if (await lane.exists(".git/rebase-merge")) await lane.must("rebase", "--abort");
      await lane.must("reset", "-q", "--hard");
      await lane.must("switch", "-q", "main");
      await lane.must("pull", "-q", "--rebase");
      await lane.expectCommitted(BOTH);
    },
  },
  "git switch": {
    start: "main",
    command: ["git", "switch", "-q", "side"],
    precious: { ...MAIN, ...SIDE },
    async finish(lane) {
      if ((await lane.box.tryGit("lane/repo", "switch", "-q", "side")).status !== 0) {
        await lane.must("reset", "-q", "--hard");
        await lane.must("switch", "-q", "side");
      }
      await lane.box.settled("lane/repo");
      await lane.expectCommitted(SIDE);
    },
  },
  "git stash": {
    start: "edited",
    command: ["git", "stash", "-q"],
    precious: EDITED,
    async finish(lane) {
      if ((await lane.must("stash", "list")) === "") await lane.must("stash", "-q");
      await lane.popAgain();
      await lane.expectFinal(EDITED);
    },
  },
  "git stash pop": {
    start: "stashed",
    command: ["git", "stash", "pop", "-q"],
    precious: EDITED,
    async finish(lane) {
      if ((await lane.must("stash", "list")) !== "") await lane.popAgain();
      await lane.expectFinal(EDITED);
    },
  },
};

let lane: Lane;
beforeAll(async () => {
  lane = new Lane(await sandbox());
  await lane.prepare();
});

describe("after Git and Ballast were killed at once, nothing is lost, status is true, and the same command ends well", () => {
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    it(name, { timeout: EXHAUSTIVE ? 3_600_000 : 300_000 }, async () => {
      await lane.begin(scenario.start);
      expect(await lane.crash(scenario.command, 0)).toBeUndefined();
      const total = await lane.moments();
      expect(total, "moments that were counted").toBeGreaterThan(5);
      const failures: string[] = [];
      let crashes = 0;
      for (const at of momentsOf(total, name)) {
        await lane.begin(scenario.start);
        const where = await lane.crash(scenario.command, at);
        if (where !== undefined) crashes++;
        try {
          await lane.removeLocks();
          await lane.expectNothingLost(scenario.precious);
          await lane.expectTrueStatus();
          await scenario.finish(lane);
          await lane.expectNothingLost(scenario.precious);
        } catch (error) {
          failures.push(`killed at ${at} of ${total}, ${where}: ${error instanceof Error ? error.message : String(error)}`);
          if (process.env["BALLAST_TEST_KEEP"]) await lane.box.run(".", "cp", ["-a", "lane", join(process.env["BALLAST_TEST_KEEP"], `${name.replaceAll(" ", "-")}-${at}`)]);
        }
      }
      expect(failures.join("\n\n")).toBe("");
      expect(crashes).toBeGreaterThan(1);
      await rm(lane.box.path("lane"), { recursive: true });
    });
  }
});

function oidsOf(manifest: Buffer): Map<string, string> {
  return new Map([...parseManifest(manifest, "the manifest")].map(([path, { oid }]) => [path, oid]));
}

/** The paths that have not the same content in both, sorted. */
function difference(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((path) => a.get(path) !== b.get(path)).sort();
}

/** All moments, or one from each stretch of them, the same in each run. */
function momentsOf(total: number, seed: string): number[] {
  if (EXHAUSTIVE) return Array.from({ length: total }, (_, i) => i + 1);
  const dice = random(4 * SAMPLE, seed);
  return Array.from({ length: SAMPLE }, (_, i) => 1 + Math.floor((total * (i + dice.readUInt32LE(4 * i) / 2 ** 32)) / SAMPLE));
}
