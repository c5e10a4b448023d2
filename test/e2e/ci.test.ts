import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { asset, project, type Project } from "../support/project.ts";

/*
 * The commands of docs/ci.md, run as they stand there in a clone as a CI service makes it: shallow, without hooks, with
 * a detached HEAD. Only the installation of the package is left out: Ballast is on the PATH.
 */
const DOC = readFileSync(join(dirname(fileURLToPath(import.meta.url)), "../../docs/ci.md"), "utf8");

/** The shell commands of the YAML below a heading, in their order. */
function commandsBelow(heading: string): string[] {
  const yaml = new RegExp(`^## ${heading}\\n+\`\`\`yaml\\n([\\s\\S]*?)^\`\`\``, "m").exec(DOC)![1]!;
  const commands: string[] = [];
  let block: number | undefined;
  for (const line of yaml.split("\n")) {
    const indent = line.search(/\S/);
    if (block !== undefined && indent > block) {
      commands.push(line.trim());
      continue;
    }
    block = undefined;
    const key = /^( *)(?:- )?(run: \||script:|before_script:)$/.exec(line);
    const single = /^ *- run: (?!\|)(.*)$/.exec(line);
    if (key) block = key[1]!.length;
    else if (single) commands.push(single[1]!);
  }
  return commands.map((command) => command.replace(/^- /, "")).filter((command) => !command.startsWith("npm install"));
}

let p: Project;
beforeAll(async () => {
  p = await project();
  await p.commit({ "maps/a.bin": asset("a"), "maps/b.raw.bin": asset("b"), "art/c.bin": asset("c") });
  await p.box.mustBallast("repo", "track", "*.raw");
  await p.commit({ "maps/huge.raw": asset("d") });
  await p.box.git("repo", "push", "-q", "-u", "origin", "main");
});

async function job(name: string): Promise<string> {
  await p.box.git(".", "clone", "-q", "--depth", "1", `file://${p.box.path("upstream.git")}`, name);
  await p.box.git(name, "switch", "-q", "--detach", "HEAD");
  return name;
}

describe("docs/ci.md", () => {
  it.each([["GitHub Actions"], ["GitLab CI"]])("has commands for %s that restore what they say, twice in one worktree", async (service) => {
    const { box } = p;
    const commands = commandsBelow(service);
    expect(commands.filter((command) => command.startsWith("git ballast"))).toHaveLength(2);
    const repo = await job(service.replace(" ", "-"));
    for (let run = 0; run < 2; run++) {
      for (const command of commands) {
        const { status, stderr } = await box.run(repo, "sh", ["-ec", command]);
        expect([status, command, status === 0 ? "" : stderr]).toEqual([0, command, ""]);
      }
      expect(await box.read(`${repo}/maps/a.bin`)).toEqual(asset("a"));
      expect(await box.exists(`${repo}/maps/huge.raw`)).toBe(false);
      expect(await box.exists(`${repo}/art/c.bin`)).toBe(false);
      await box.git(repo, "clean", "-q", "-ffdx", "-e", ".ballast-cache");
      expect(await box.exists(`${repo}/maps/a.bin`)).toBe(false);
    }
  });
});

describe("BALLAST_SKIP=1", () => {
  it("lets every hook pass: nothing is checked, uploaded or restored", async () => {
    const { box } = p;
    const repo = await job("skipping");
    await box.mustBallast(repo, "checkout");
    box.env["BALLAST_SKIP"] = "1";
    try {
      await box.git(repo, "-c", "filter.ballast.process=", "commit", "-q", "--allow-empty", "-m", "empty");
      await box.write(`${repo}/art/c.bin`, "edited");
      const blob = await box.run(repo, "sh", ["-c", `sed 's/"oid":"[0-9a-f]*"/"oid":"${"0".repeat(64)}"/' .ballast/manifest.jsonl | git hash-object -w --stdin`]);
      await box.git(repo, "update-index", "--cacheinfo", `100644,${blob.stdout.trim()},.ballast/manifest.jsonl`);
      await box.git(repo, "commit", "-q", "-m", "what pre-commit would refuse");
      await box.git(repo, "push", "-q", "origin", "HEAD:refs/heads/skipped");
      await box.git(repo, "reset", "-q", "--hard", "HEAD~2");
      expect((await box.read(`${repo}/art/c.bin`)).toString()).toBe("edited");
    } finally {
      delete box.env["BALLAST_SKIP"];
    }
  });
});
