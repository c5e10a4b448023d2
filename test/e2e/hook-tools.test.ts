import { readdir } from "node:fs/promises";
import { delimiter } from "node:path";
import { describe, expect, it } from "vitest";
import { HOOKS } from "../../src/git/hooks.ts";
import { husky, lefthook, preCommit, type HookTool } from "../support/hook-tools.ts";
import { asset } from "../support/project.ts";
import { sandbox, sha256, type Sandbox } from "../support/sandbox.ts";

/*
 * Ballast beside the real programs that own hooks: whichever is installed first, and when either is installed again or
 * removed. In each state their hooks run, ours do, and pre-push's standard input reaches both.
 */
interface Tool {
  readonly name: string;
  readonly tool: HookTool | undefined;
  /** Their configuration; its hooks leave `ran-pre-commit`, and `ran-pre-push` with what came on standard input. */
  readonly files: Readonly<Record<string, string>>;
  readonly install: readonly string[];
  readonly uninstall: readonly string[];
  /** Where the hooks are that the tool writes. */
  readonly hooks: string;
}

const TOOLS: readonly Tool[] = [
  {
    name: "husky",
    tool: await husky(),
    files: { ".husky/pre-commit": "touch ran-pre-commit\n", ".husky/pre-push": "cat > ran-pre-push\n", ".husky/post-checkout": "touch ran-post-checkout\n" },
    install: [],
    // husky has no way back but this (its own documentation).
    uninstall: ["git", "config", "--unset", "core.hooksPath"],
    hooks: ".husky/_",
  },
  {
    name: "lefthook",
    tool: await lefthook(),
    files: { "lefthook.yml": "pre-commit:\n  jobs:\n    - run: touch ran-pre-commit\npre-push:\n  jobs:\n    - run: cat > ran-pre-push\n      use_stdin: true\npost-checkout:\n  jobs:\n    - run: touch ran-post-checkout\n" },
    install: ["install"],
    uninstall: ["uninstall"],
    hooks: ".git/hooks",
  },
  {
    name: "the pre-commit framework",
    tool: await preCommit(),
    files: {
      ".pre-commit-config.yaml": `default_install_hook_types: [pre-commit, pre-push, post-checkout]
repos:
  - repo: local
    hooks:
      - { id: commit, name: commit, entry: touch ran-pre-commit, language: system, always_run: true, pass_filenames: false, stages: [pre-commit] }
      - { id: push, name: push, entry: sh -c 'echo "$PRE_COMMIT_TO_REF" > ran-pre-push', language: system, always_run: true, pass_filenames: false, stages: [pre-push] }
      - { id: checkout, name: checkout, entry: touch ran-post-checkout, language: system, always_run: true, pass_filenames: false, stages: [post-checkout] }
`,
    },
    install: ["install"],
    uninstall: ["uninstall"],
    hooks: ".git/hooks",
  },
];

class Beside {
  readonly box: Sandbox;
  readonly #their: Tool;
  #version = 0;

  private constructor(box: Sandbox, their: Tool) {
    this.box = box;
    this.#their = their;
  }

  /** A repository with an upstream, a commit, and the tool's configuration. Nobody's hooks are installed. */
  static async begin(their: Tool): Promise<Beside> {
    const box = await sandbox();
    for (const [name, value] of Object.entries(their.tool!.env)) box.env[name] = name === "PATH" ? value + delimiter + box.env["PATH"]! : value;
    await box.git(".", "init", "-q", "--bare", "upstream.git");
    await box.git(".", "init", "-q", "repo");
    await box.git("repo", "remote", "add", "origin", box.path("upstream.git"));
    for (const [path, text] of Object.entries(their.files)) await box.write(`repo/${path}`, text);
    await box.write("repo/.git/info/exclude", "ran-*\n");
    await box.git("repo", "add", "-A");
    await box.git("repo", "commit", "-qm", "theirs");
    await box.git("repo", "push", "-q", "origin", "main");
    return new Beside(box, their);
  }

  async theirs(args: readonly string[]): Promise<void> {
    const { tool } = this.#their;
    const [program, all] = args[0] === "git" ? ["git", args.slice(1)] : [tool!.program, [...tool!.args, ...args]];
    const { status, stdout, stderr } = await this.box.run("repo", program!, all as string[]);
    expect(status, `${args.join(" ")}: ${stdout}${stderr}`).toBe(0);
  }

  async ballast(): Promise<void> {
    await this.box.mustBallast("repo", "init", this.box.path("store"));
    await this.box.mustBallast("repo", "track", "*.psd");
    await this.box.git("repo", "add", "-A");
  }

  /** Every file of the hooks, by name. */
  async hooks(): Promise<Record<string, string>> {
    const directory = `repo/${this.#their.hooks}`;
    const names = (await readdir(this.box.path(directory))).filter((name) => !name.endsWith(".sample")).sort();
    return Object.fromEntries(await Promise.all(names.map(async (name) => [name, (await this.box.read(`${directory}/${name}`)).toString()])));
  }

  /** Commits and pushes a new version of an asset; whose hooks have to have run is as said. */
  async expectWork(who: { theirs: boolean; ours: boolean }): Promise<void> {
    const { box } = this;
    await box.run("repo", "sh", ["-c", "rm -f ran-*"]);
    const content = asset(`version ${++this.#version}`);
    await box.write("repo/a.psd", content);
    await box.write("repo/code.txt", `${this.#version}\n`);
    await box.git("repo", "add", "-A");
    await box.git("repo", "commit", "-qm", `version ${this.#version}`);
    await box.git("repo", "push", "-q", "origin", "main");
    expect(await box.exists("repo/ran-pre-commit"), "their pre-commit").toBe(who.theirs);
    if (who.theirs) expect((await box.read("repo/ran-pre-push")).toString(), "their pre-push").toContain(await box.git("repo", "rev-parse", "HEAD"));
    expect((await box.objects("store")).includes(sha256(content)), "our pre-push").toBe(who.ours);
  }

  /** The tool writes its hooks anew between a commit and its push, in which somebody asks for the status. */
  async expectPushAfterStatus(install: readonly string[]): Promise<void> {
    const { box } = this;
    const content = asset(`version ${++this.#version}`);
    await box.write("repo/a.psd", content);
    await box.git("repo", "commit", "-qam", `version ${this.#version}`);
    expect(await box.git("repo", "status", "--porcelain")).toBe("");
    await this.theirs(install);
    expect(await box.git("repo", "status", "--porcelain")).toBe("");
    await box.git("repo", "push", "-q", "origin", "main");
    expect((await box.objects("store")).includes(sha256(content)), "our pre-push").toBe(true);
  }

  /** Moves to the version before, and back, with both tools' hooks in place. */
  async expectMoves(): Promise<void> {
    const { box } = this;
    await box.git("repo", "checkout", "-q", "HEAD~1");
    await box.settled("repo");
    expect(await box.exists("repo/ran-post-checkout"), "their post-checkout").toBe(true);
    expect((await box.read("repo/a.psd")).equals(asset(`version ${this.#version - 1}`)), "our post-checkout").toBe(true);
    await box.git("repo", "checkout", "-q", "main");
    await box.settled("repo");
    expect(await box.git("repo", "status", "--porcelain")).toBe("");
  }
}

const withoutBlocks = (hooks: Record<string, string>): Record<string, string> => Object.fromEntries(Object.entries(hooks).filter(([, text]) => !text.includes(">>> ballast")));

describe.each(TOOLS)("$name", (their) => {
  it.runIf(their.tool)("first, then Ballast: both work, and each is removed without the other", async () => {
    const it = await Beside.begin(their);
    await it.theirs(their.install);
    const alone = await it.hooks();
    await it.ballast();
    await it.expectWork({ theirs: true, ours: true });
    await it.box.mustBallast("repo", "uninstall");
    expect(await it.hooks()).toEqual(alone);
    await it.box.mustBallast("repo", "install");
    await it.theirs(their.uninstall);
    await it.expectWork({ theirs: false, ours: true });
    expect(await it.box.mustBallast("repo", "doctor", "--offline")).toMatch(/hooks.*installed, of this version/);
  });

  it.runIf(their.tool)("after Ballast, and again when it was there: what it has replaced is in place by the next git add or git status", async () => {
    const it = await Beside.begin(their);
    await it.ballast();
    for (let round = 0; round < 2; round++) {
      await it.theirs(their.install);
      await it.expectWork({ theirs: true, ours: true });
      // The pre-commit framework calls what it set aside; nothing of ours runs twice.
      const blocks = Object.entries(await it.hooks()).filter(([name, text]) => !name.endsWith(".old") && text.includes(">>> ballast"));
      expect(blocks.map(([name]) => name.replace(/\.legacy$/, ""))).toEqual([...HOOKS].sort());
      for (const [name, text] of blocks) expect(text.match(/>>> ballast/g), name).toHaveLength(1);
    }
    await it.expectPushAfterStatus(their.install);
    await it.expectMoves();
    await it.box.mustBallast("repo", "uninstall");
    expect(await it.hooks()).toEqual(withoutBlocks(await it.hooks()));
    await it.expectWork({ theirs: true, ours: false });
    await it.theirs(their.uninstall);
    expect(JSON.stringify(await it.hooks().catch(() => ({})))).not.toContain("ballast");
  });
});

describe("a partly staged commit under the pre-commit framework, which takes away and brings back what is not staged", () => {
  const [, , their] = TOOLS;
  it.runIf(their!.tool)("keeps an edited asset that is not staged", async () => {
    const it = await Beside.begin(their!);
    await it.theirs(their!.install);
    await it.ballast();
    await it.expectWork({ theirs: true, ours: true });
    await it.box.write("repo/a.psd", asset("edited, not staged"));
    await it.box.write("repo/code.txt", "code\n");
    await it.box.git("repo", "add", "code.txt");
    await it.box.git("repo", "commit", "-qm", "code only");
    await it.box.settled("repo");
    expect((await it.box.read("repo/a.psd")).equals(asset("edited, not staged"))).toBe(true);
    expect(await it.box.git("repo", "status", "--porcelain")).toBe(" M .ballast/manifest.jsonl");
    await it.box.git("repo", "commit", "-qam", "the asset");
    expect(await it.box.git("repo", "show", "HEAD:.ballast/manifest.jsonl")).toContain(sha256(asset("edited, not staged")));
  });
});
