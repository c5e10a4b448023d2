import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { asset, project } from "../support/project.ts";
import { sandbox, type Sandbox } from "../support/sandbox.ts";

test("data goes to standard output, messages to standard error, and each failure has its exit status", async () => {
  const box = await sandbox();
  expect(await box.ballast(".", "status")).toMatchObject({ status: 3, stdout: "", stderr: expect.stringContaining("not inside a Git repository") as string });
  expect(await box.ballast(".", "frobnicate")).toMatchObject({ status: 2, stdout: "" });
  expect((await box.ballast(".", "help")).stdout).toContain("git ballast track");
  await box.git(".", "init", "-q", "repo");
  expect(await box.ballast("repo", "checkout")).toMatchObject({ status: 3, stderr: expect.stringContaining("git ballast init") as string });
  expect(await box.ballast("repo", "store", "show")).toMatchObject({ status: 3 });
  expect(await box.ballast(".", "-C", "repo", "config", "compression.level")).toEqual({ status: 0, stdout: "5\n", stderr: "" });
});

test("a reader that has seen enough is no failure", async () => {
  const { box, commit } = await project();
  await commit(Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`${"d".repeat(60)}/${i}.bin`, ""])));
  const { status, stderr } = await box.run("repo", "bash", ["-c", "set -o pipefail; git-ballast ls --json | head -n 1"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

test("JSON for every verb that returns data is one document", async () => {
  const { box, commit } = await project();
  await commit({ "a.bin": asset("a") });
  for (const args of [["status"], ["ls"], ["checkout"], ["push"], ["fetch"], ["config"], ["store", "show"], ["trust"], ["install"], ["doctor", "--offline"], ["track", "*.x", "--dry-run"], ["remove", "a.bin", "--dry-run"]]) {
    const stdout = await box.mustBallast("repo", ...args, "--json");
    expect(() => JSON.parse(stdout) as unknown, args.join(" ")).not.toThrow();
  }
});

test("Ctrl-C ends the work in order and says how to continue; a second one ends it at once", async () => {
  const { box } = await project();
  // A provider that takes every request and never answers.
  const server = createServer(() => {}).listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const args = ["store", "set", "s3://bucket/prefix", "--endpoint", endpoint, "--region", "us-east-1", "--path-style", "--no-sign-request"];
  for (const times of [1, 2]) {
    const child = spawn(box.path("bin/git-ballast"), args, { cwd: box.path("repo"), env: box.env, stdio: ["ignore", "pipe", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const closed = once(child, "close");
    await Promise.race([
      once(server, "connection"),
      closed.then(() => Promise.reject(new Error(`it ended before it asked anything: ${stderr}`))),
    ]);
    for (let i = 0; i < times; i++) {
      child.kill("SIGINT");
      await pause(20);
    }
    // The second signal may find Node on its way out, where no handler is left: 130 to a shell as well.
    const endings: unknown[] = times === 1 ? [[130, null]] : [[130, null], [null, "SIGINT"]];
    expect(endings).toContainEqual(await closed);
    if (times === 1) expect(stderr).toMatch(/interrupted.*\n.*run the same command again/);
  }
  server.close();
  expect(await box.git("repo", "config", "ballast.pin")).toBe(`file://${box.path("store")}`);
});

test("moving to another store copies every object, and only then switches", async () => {
  const { box, commit } = await project("");
  await commit({ "a.bin": asset("a"), "b.bin": asset("b") });
  await box.mustBallast("repo", "push");
  await commit({ "c.bin": asset("c") });
  expect(await box.mustBallast("repo", "store", "set", "../moved")).toContain("3 objects copied");
  expect(await box.objects("moved")).toHaveLength(3);
  expect((await box.read("repo/.ballast/config")).toString()).toContain(`url = file://${box.path("moved")}`);
  expect(await box.git("repo", "config", "ballast.pin")).toBe(`file://${box.path("moved")}`);
  expect(await box.mustBallast("repo", "store", "set", "../moved")).toContain("0 objects copied");
  expect(await box.mustBallast("repo", "store", "show")).toContain("objects  3");
  // A place that cannot be a store leaves everything as it was.
  await box.write("file", "");
  expect((await box.ballast("repo", "store", "set", "../file")).status).not.toBe(0);
  expect(await box.git("repo", "config", "ballast.pin")).toBe(`file://${box.path("moved")}`);
});

test("a pulled commit that changes the store transfers nothing until it is trusted", async () => {
  const { box, commit } = await project();
  await commit({ "a.bin": asset("a") });
  await box.git("repo", "push", "-q", "-u", "origin", "main");
  await box.mustBallast(".", "clone", "-q", box.path("upstream.git"), "clone");
  await changeStore(box, "elsewhere");
  await commit({ "b.bin": asset("b") }, "move the store");
  expect((await box.tryGit("repo", "push", "-q")).stderr).toContain("git ballast trust");
  expect(await box.exists("elsewhere")).toBe(false);
  expect((await box.ballast("repo", "push")).status).toBe(10);
  expect((await box.ballast("repo", "init")).status).toBe(10);
  expect(await box.mustBallast("repo", "store", "show")).toContain("trusted  no");
  expect((await box.ballast("repo", "doctor", "--offline")).status).toBe(1);
  expect(await box.mustBallast("repo", "trust", "--dry-run")).toContain(`Named now:      file://${box.path("elsewhere")}`);
  expect((await box.ballast("repo", "push")).status).toBe(10);
  await box.mustBallast("repo", "trust");
  // It is trusted, and no store yet.
  expect((await box.ballast("repo", "push")).status).toBe(9);
  await box.mustBallast("repo", "init");
  await box.mustBallast("repo", "push", "--all");
  expect(await box.objects("elsewhere")).toHaveLength(2);
  await box.git("repo", "push", "-q");

  const pulled = await box.tryGit("clone", "pull", "-q");
  await box.settled("clone");
  expect(pulled.stderr).toContain("git ballast trust");
  expect(await box.exists("clone/b.bin")).toBe(false);
  await box.mustBallast("clone", "trust");
  await box.mustBallast("clone", "checkout");
  expect(await box.read("clone/b.bin")).toEqual(asset("b"));
});

test("a plain clone pins the store at its first checkout and says so", async () => {
  const { box, commit } = await project();
  await commit({ "a.bin": asset("a") });
  await box.git("repo", "push", "-q", "-u", "origin", "main");
  await box.git(".", "clone", "-q", box.path("upstream.git"), "clone");
  expect((await box.ballast("clone", "checkout")).stderr).toContain(`now trusts the store file://${box.path("store")}`);
  expect((await box.ballast("clone", "checkout")).stderr).not.toContain("trusts");
});

test("doctor finds what is broken and says how to mend it", async () => {
  const { box, commit } = await project();
  await commit({ "a.bin": asset("a") });
  expect(await box.ballast("repo", "doctor")).toMatchObject({ status: 0, stdout: expect.stringContaining("Nothing is wrong.") as string });
  expect(await box.objects("store")).toHaveLength(0);
  await box.run("repo", "rm", [".git/hooks/pre-push", "../store/ballast.json"]);
  await box.git("repo", "config", "--unset", "filter.ballast.process");
  await box.write("repo/.gitignore", "");
  const { status, stdout } = await box.ballast("repo", "doctor");
  expect(status).toBe(1);
  expect(stdout).toMatch(/FAIL hooks: .*pre-push\n +→ git ballast install/);
  expect(stdout).toMatch(/FAIL filter.*filter\.ballast\.process\n +→ git ballast install/);
  expect(stdout).toMatch(/FAIL tracked patterns/);
  expect(stdout).toMatch(/FAIL store reachable: .*ballast\.json/);
});

test("settings come from where they are strongest, and config says from where", async () => {
  const { box } = await project();
  const origin = async (...args: string[]): Promise<string> => (JSON.parse(await box.mustBallast("repo", ...args, "config", "compression.level", "--json")) as { origin: string }).origin;
  expect(await origin()).toBe("default");
  await box.mustBallast("repo", "config", "--committed", "compression.level", "5");
  expect(await origin()).toBe(".ballast/config");
  await box.mustBallast("repo", "config", "--global", "compression.level", "4");
  expect(await origin()).toBe("git config (global)");
  await box.mustBallast("repo", "config", "compression.level", "3");
  expect(await origin()).toBe("git config (local)");
  box.env["BALLAST_COMPRESSION_LEVEL"] = "2";
  expect(await origin()).toBe("env BALLAST_COMPRESSION_LEVEL");
  expect(await origin("--set", "compression.level=1")).toBe("flag");
  delete box.env["BALLAST_COMPRESSION_LEVEL"];
  await box.mustBallast("repo", "config", "--unset", "compression.level");
  expect(await origin()).toBe("git config (global)");
});

test("entries of the committed file that are not allowed are reported and not obeyed", async () => {
  const { box } = await project();
  const before = (await box.read("repo/.ballast/config")).toString();
  await box.write("repo/.ballast/config", `${before}profile = attacker\n[hooks]\nrun = touch hacked\n`);
  const { status, stderr } = await box.ballast("repo", "ls");
  expect(status).toBe(0);
  expect(stderr).toContain("store.profile is not allowed in a committed file");
  expect(await box.ballast("repo", "config", "store.profile")).toMatchObject({ status: 1, stdout: "" });
  await box.write("repo/.ballast/config", `${before}[__proto__]\nx = 1\n`);
  expect(await box.ballast("repo", "ls")).toMatchObject({ status: 2, stderr: expect.stringMatching(/\.ballast\/config cannot be accepted: line \d+: __proto__/) as string });
});

async function changeStore(box: Sandbox, name: string): Promise<void> {
  await box.write("repo/.ballast/config", `[store]\nurl = file://${box.path(name)}\n`);
}
