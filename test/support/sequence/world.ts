import { existsSync, statSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { decodeAll, objectNames, promised } from "../decodable.ts";
import { random, sha256, type Sandbox } from "../sandbox.ts";
import { commitOutside, finish } from "./acts.ts";
import { Look, MANIFEST, same, show, type Files } from "./look.ts";
import { start } from "./start.ts";
import { CLONES, say, type Settle, type Step } from "./steps.ts";

/** Two clones of one upstream over one store, and a linked worktree of the first. It carries out steps, and throws when a promise was broken. */
export class World {
  readonly #box: Sandbox;
  readonly #look: Look;
  /** By clone: what the worktree should hold, as far as that is certain. */
  readonly #expected = new Map<string, Map<string, string> | undefined>();
  /** By the stash's id: what was stashed, on which commit's assets. */
  readonly #stashes = new Map<string, { head: Files; disk: Files }>();
  /** Clones whose index was lost, until Git has looked: what was deleted just before counts as never restored. */
  readonly #forgetful = new Set<string>();
  readonly #log: string[] = [];
  #contents = 0;

  private constructor(box: Sandbox) {
    this.#box = box;
    this.#look = new Look(box);
  }

  /** @param rested see {@link start} */
  static async create(rested: boolean): Promise<World> {
    const world = new World(await start(rested));
    for (const clone of CLONES) world.#expected.set(clone, new Map(world.#look.disk(clone)));
    return world;
  }

  /** Ends what it has started; what there is on disk stays until the next world. */
  close(): Promise<void> {
    return this.#look.close();
  }

  /** @throws an Error that tells which promise a step broke, and all steps up to it */
  async run(step: Step): Promise<void> {
    this.#log.push(say(step));
    try {
      const inGit = await this.#look.inGit(step.clone);
      const before = new Map([...this.#look.disk(step.clone)].filter(([path]) => !inGit.has(path)));
      const gone = await this.#do(step, before);
      await this.#settled(step.clone);
      await this.#nothingIsLost(step.clone, before, gone);
      if (step.blind !== true) await this.#statusIsTrue(step.clone);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n  ${this.#log.join("\n  ")}`, { cause: error });
    }
  }

  /** Every asset of every commit that was pushed can be restored from the store alone, and so can what the clones hold. */
  async end(): Promise<void> {
    const decodable = await decodeAll(this.#box.path("store"));
    for (const commit of (await this.#box.git("upstream.git", "rev-list", "--all")).split("\n").filter(Boolean)) {
      for (const [path, oid] of await this.#look.manifest("upstream.git", commit)) {
        if (!decodable.has(oid as never)) throw new Error(`${path} of the pushed commit ${commit} cannot be restored\n  ${this.#log.join("\n  ")}`);
      }
    }
    for (const clone of ["a", "b"]) await decodeAll(this.#box.path(clone, ".git/ballast"));
  }

  /** @returns paths whose content the user destroyed */
  async #do(step: Step, before: Files): Promise<readonly string[]> {
    const box = this.#box;
    const { clone } = step;
    const git = (...args: string[]) => box.tryGit(clone, ...args);
    const expected = this.#expected.get(clone);
    switch (step.do) {
      case "edit": {
        // The same size, or another one.
        const content = this.#content(step.same ? 1000 : undefined);
        const inside = [...before.keys()].filter((path) => path.startsWith(`${step.path}/`));
        if (statSync(box.path(clone, step.path), { throwIfNoEntry: false })?.isDirectory()) await rm(box.path(clone, step.path), { recursive: true });
        await box.write(`${clone}/${step.path}`, content);
        if (await this.#look.tracks(clone, step.path)) expected?.set(step.path, sha256(content));
        else this.#unsure(clone);
        if (inside.length > 0) this.#unsure(clone);
        return [step.path, ...inside];
      }
      case "delete":
        if (!before.has(step.path)) return [];
        await rm(box.path(clone, step.path), { force: true });
        expected?.delete(step.path);
        return [step.path];
      case "move": {
        if (!before.has(step.path) || existsSync(box.path(clone, step.to)) || step.to.startsWith(`${step.path}/`)) return [];
        await mkdir(dirname(box.path(clone, step.to)), { recursive: true });
        await rename(box.path(clone, step.path), box.path(clone, step.to));
        expected?.set(step.to, before.get(step.path)!);
        expected?.delete(step.path);
        if (!(await this.#look.tracks(clone, step.path, step.to))) this.#unsure(clone);
        return [];
      }
      case "directory": {
        // A directory in the place of a file.
        if (!before.has(step.path)) return [];
        await rm(box.path(clone, step.path));
        await box.write(`${clone}/${step.path}/in${extname(step.path)}`, this.#content());
        this.#unsure(clone);
        return [step.path];
      }
      case "outsider":
        await commitOutside(box, step.path, step.removes ? undefined : this.#content());
        return [];
      case "code":
        await box.write(`${clone}/code.txt`, `${this.#contents++}\n`);
        return [];
      case "clean":
        await git("clean", "-qfdx");
        this.#unsure(clone);
        return [...before.keys()];
      case "track":
      case "remove":
        await box.ballast(clone, step.do, "*.dat");
        this.#unsure(clone);
        return [];
      case "clone anew":
        await this.#look.forget(clone);
        await rm(box.path(clone), { recursive: true });
        await box.mustBallast(".", "clone", "-q", "upstream.git", clone);
        this.#forgetful.delete(clone);
        this.#unsure(clone);
        return [...before.keys()];
      case "lose index":
        await rm(join(this.#look.gitDir(clone), "ballast/index"), { force: true });
        this.#forgetful.add(clone);
        this.#unsure(clone);
        return [];
      case "add":
        await git("add", "--all");
        return [];
      case "commit":
        await this.#commit(clone, [["add", "--all"], ["commit", "-q", "-m", "all"]]);
        return [];
      case "commit -a":
        await this.#commit(clone, [["commit", "-q", "-a", "-m", "-a"]]);
        return [];
      case "commit --amend":
        await this.#commit(clone, [["commit", "-q", "-a", "--amend", "--no-edit"]]);
        return [];
      case "git":
        await git(...step.command.split(" "));
        return this.#finish(clone, step.settle);
      case "push":
        await git("push", "-q", "origin", "HEAD");
        return [];
      case "stash":
        await this.#stash(clone);
        return [];
      case "stash pop":
        await this.#pop(clone);
        return [];
      case "reset":
        await git("reset", "-q", step.mode, step.back === 0 ? "HEAD" : `HEAD~${step.back}`);
        if (step.mode === "--hard") this.#unsure(clone);
        return [];
      case "checkout":
        await box.ballast(clone, "checkout", "--all");
        this.#unsure(clone);
        return [];
      case "checkout -f":
      case "restore":
        await git(...(step.do === "restore" ? ["restore", "."] : ["checkout", "-q", "-f"]));
        this.#unsure(clone);
        return [];
      case "switch":
        if ((await git("switch", "-q", step.branch)).status !== 0) await git("switch", "-q", "-c", step.branch);
        this.#unsure(clone);
        return [];
      case "pull":
        await git("pull", "-q", step.rebase ? "--rebase" : "--no-rebase", "--no-edit", "origin", "main");
        return this.#finish(clone, step.settle);
      case "merge":
      case "rebase":
      case "cherry-pick":
        await git(step.do, ...(step.do === "merge" ? ["--no-edit", step.branch] : [step.branch]));
        return this.#finish(clone, step.settle);
      case "revert":
        await git("revert", "--no-edit", "HEAD");
        return this.#finish(clone, "abort");
      case "am":
        await box.write("home/patch", await box.git(clone, "format-patch", "-1", "--stdout", step.branch).catch(() => ""));
        await git("am", "-q", "-3", box.path("home/patch"));
        return this.#finish(clone, step.settle);
      case "bisect":
        await git("bisect", "start", "HEAD", "HEAD~3");
        for (const answer of step.answers) await git("bisect", answer);
        await git("bisect", "reset");
        return [];
      case "resolve":
        await box.ballast(clone, "resolve", `--${step.side}`, ".");
        this.#unsure(clone);
        return [];
      case "finish":
        return this.#look.unfinished(clone) ? this.#finish(clone, step.settle) : [];
    }
  }

  /** What is committed must be what is on disk, and what the user put there: nothing stale, nothing left out. */
  async #commit(clone: string, commands: readonly string[][]): Promise<void> {
    const expected = this.#expected.get(clone);
    let status = 0;
    for (const args of commands) status ||= (await this.#box.tryGit(clone, ...args)).status;
    if (status !== 0 || this.#look.unfinished(clone)) return;
    // A commit from before Ballast, or one that took it out again, has no assets and no patterns.
    if (!(await this.#look.hasBallast(clone))) return;
    const [head, disk] = [await this.#look.recorded(clone), await this.#look.assets(clone)];
    if (!this.#agree(clone, head, disk)) throw new Error(`a commit has other assets than the disk: ${show(head)}, not ${show(disk)}`);
    if (expected && !same(head, expected)) throw new Error(`a commit recorded what the user did not do: ${show(head)}, not ${show(expected)}`);
  }

  async #stash(clone: string): Promise<void> {
    const [head, disk] = [await this.#look.recorded(clone), await this.#look.assets(clone)];
    const before = await this.#lastStash(clone);
    await this.#box.tryGit(clone, "stash", "push", "-q");
    const stash = await this.#lastStash(clone);
    if (stash !== undefined && stash !== before) this.#stashes.set(stash, { head, disk });
    this.#unsure(clone);
  }

  async #pop(clone: string): Promise<void> {
    const clean = (await this.#look.status(clone)) === "";
    const head = await this.#look.recorded(clone);
    const saved = this.#stashes.get((await this.#lastStash(clone)) ?? "");
    const { status } = await this.#box.tryGit(clone, "stash", "pop", "-q");
    this.#unsure(clone);
    if (status !== 0) {
      // Git keeps a stash that did not apply.
      await this.#box.tryGit(clone, "checkout", "-q", "-f");
      return;
    }
    await this.#settled(clone);
    const disk = await this.#look.assets(clone);
    if (clean && saved && !this.#forgetful.has(clone) && same(head, saved.head) && !same(disk, saved.disk)) throw new Error(`a stash came back as ${show(disk)}, not ${show(saved.disk)}`);
  }

  async #lastStash(clone: string): Promise<string | undefined> {
    const { status, stdout } = await this.#box.tryGit(clone, "rev-parse", "-q", "--verify", "refs/stash");
    return status === 0 ? stdout.trim() : undefined;
  }

  async #finish(clone: string, settle: Settle): Promise<readonly string[]> {
    this.#unsure(clone);
    if (settle !== "later") await finish(this.#box, this.#look, clone, settle);
    return [];
  }

  /** Content that was on disk is still there, in a store that can restore it or in a stash of Git's own, or the user's own command destroyed it. */
  async #nothingIsLost(clone: string, before: Files, gone: readonly string[]): Promise<void> {
    const disk = new Set(this.#look.disk(clone).values());
    const missing = [...before].filter(([path, oid]) => !gone.includes(path) && !disk.has(oid));
    if (missing.length === 0) return;
    const kept = new Set<string>();
    for (const store of ["store", `${this.#look.repository(clone)}/.git/ballast`]) for (const oid of promised(objectNames(this.#box.path(store)))) kept.add(oid);
    for (const [path, oid] of missing) if (!kept.has(oid) && (await this.#look.untrackedInStash(clone, path)) !== oid) throw new Error(`the content of ${path}, ${oid}, is gone`);
  }

  /** Where Git says that nothing changed, disk and commit agree; then it is certain what the worktree should hold. */
  async #statusIsTrue(clone: string): Promise<void> {
    if (this.#look.unfinished(clone)) return;
    const status = await this.#look.status(clone);
    await this.#settled(clone);
    if (status.includes(MANIFEST) || status.includes(".gitignore") || status.includes(".gitattributes")) return;
    if (!(await this.#look.hasBallast(clone))) return this.#unsure(clone);
    const [head, disk] = [await this.#look.recorded(clone), await this.#look.assets(clone)];
    if (!this.#agree(clone, head, disk)) throw new Error(`git status says that nothing changed, but there is ${show(disk)} on disk and ${show(head)} in the commit`);
    if (!same(head, disk)) return this.#unsure(clone);
    this.#forgetful.delete(clone);
    this.#expected.set(clone, new Map(head));
  }

  #settled(clone: string): Promise<void> {
    return this.#box.settled(clone, { gitDir: this.#look.gitDir(clone) });
  }

  /** Whether the disk has what a commit names; a clone that lost its index may lack some of it. */
  #agree(clone: string, head: Files, disk: Files): boolean {
    return same(head, disk) || (this.#forgetful.has(clone) && [...disk].every(([path, oid]) => head.get(path) === oid));
  }

  /** What the worktree should hold is not told any more by what the user did alone. */
  #unsure(clone: string): void {
    this.#expected.set(clone, undefined);
  }

  #content(sizeBytes?: number): Buffer {
    const number = this.#contents++;
    return random(sizeBytes ?? 500 + (number % 7) * 300, number);
  }
}
