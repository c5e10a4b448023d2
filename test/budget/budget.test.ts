import { readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { builtMain } from "../support/build.ts";
import { faultProxy, type FaultProxy } from "../support/fault-proxy.ts";
import { programs } from "../support/programs.ts";
import { random, sandbox, type Sandbox } from "../support/sandbox.ts";
import { testS3 } from "../support/s3.ts";
import { judge, requireBudget, type Measured } from "./budget.ts";
import { countTrace, STRACE_OPTIONS } from "./trace.ts";

/*
 * What small pieces of work ask of the system, held against budgets.json. Seconds depend on the machine; counts do not.
 */
const COUNT = 20;
const SIZE_BYTES = 16 * 1024;
const traced = await programs("to count system calls, so budgets are not checked", { strace: "strace" });
const s3 = await testS3();

/** Runs a command of the sandbox under strace; it must succeed. */
async function count(box: Sandbox, cwd: string, ...command: string[]): Promise<Measured> {
  const { status, stderr } = await box.run(cwd, "strace", [...STRACE_OPTIONS, "-o", box.path("trace"), ...command]);
  expect(status, stderr).toBe(0);
  const trace = await readFile(box.path("trace"), "utf8");
  await rm(box.path("trace"));
  return countTrace(trace, box.root, dirname(dirname(await builtMain())));
}

/** Assets by number, each of a content of its own. */
async function writeAssets(box: Sandbox, version: number, numbers: Iterable<number>): Promise<void> {
  for (const i of numbers) await box.write(`repo/assets/${i}.bin`, random(SIZE_BYTES, `${version} ${i}`));
  // What is hashed as soon as it is written is hashed again.
  await pause(300);
}

async function makeRepository(box: Sandbox, store: string): Promise<void> {
  await box.git(".", "init", "-q", "--bare", "upstream.git");
  await box.git(".", "init", "-q", "repo");
  await box.git("repo", "remote", "add", "origin", box.path("upstream.git"));
  await box.git("repo", "config", "push.autoSetupRemote", "true");
  await box.mustBallast("repo", "init", store);
  await box.mustBallast("repo", "track", "*.bin");
  await box.git("repo", "add", "--all");
  await box.git("repo", "commit", "-q", "-m", "begin");
  await box.settled("repo");
  await box.git("repo", "push", "-q", "origin", "main");
}

const all = Array.from({ length: COUNT }, (_, i) => i);

describe.runIf(traced)("within its budget is", () => {
  let box: Sandbox;
  beforeAll(async () => {
    box = await sandbox();
    await makeRepository(box, `file://${box.path("store")}`);
  });

  it("recording 20 assets", async () => {
    await writeAssets(box, 0, all);
    requireBudget("add 20", await count(box, "repo", "git", "add", "--all"));
    requireBudget("commit 20", await count(box, "repo", "git", "commit", "-q", "-m", "assets"));
    await box.settled("repo");
  });

  it("pushing them", async () => requireBudget("push 20", await count(box, "repo", "git", "push", "-q", "origin", "main")));

  it("looking when nothing has changed", async () => {
    requireBudget("git status, nothing changed", await count(box, "repo", "git", "status"));
    requireBudget("ballast status, nothing changed", await count(box, "repo", box.path("bin/git-ballast"), "status"));
    requireBudget("push nothing", await count(box, "repo", "git", "push", "-q", "origin", "main"));
  });

  it("an edit of one of them", async () => {
    await writeAssets(box, 1, [7]);
    requireBudget("add 1 of 20", await count(box, "repo", "git", "add", "--all"));
    requireBudget("commit 1 of 20", await count(box, "repo", "git", "commit", "-q", "-m", "edit"));
    await box.settled("repo");
    requireBudget("push 1 of 20", await count(box, "repo", "git", "push", "-q", "origin", "main"));
  });

  it("switching to a branch that differs in one of them", async () => {
    await box.git("repo", "branch", "before", "HEAD~1");
    requireBudget("switch, 1 of 20 differs", await count(box, "repo", "git", "switch", "-q", "before"));
    expect(await box.read("repo/assets/7.bin")).toEqual(random(SIZE_BYTES, "0 7"));
  });

  it("a clone", async () => {
    requireBudget("clone 20", await count(box, ".", box.path("bin/git-ballast"), "clone", "-q", box.path("upstream.git"), "clone"));
    expect(await box.read("clone/assets/7.bin")).toEqual(random(SIZE_BYTES, "1 7"));
  });
});

describe.runIf(traced && s3 !== undefined)("over S3, within its budget is", () => {
  let box: Sandbox;
  let proxy: FaultProxy;
  beforeAll(async () => {
    proxy = await faultProxy(s3!.endpoint);
    box = await sandbox({ env: { ...s3!.env(), AWS_ENDPOINT_URL_S3: proxy.endpoint, BALLAST_STORE_ENDPOINT: proxy.endpoint } });
    await makeRepository(box, `s3://${await s3!.bucket()}/store`);
    await writeAssets(box, 0, all);
    await box.git("repo", "add", "--all");
    await box.git("repo", "commit", "-q", "-m", "assets");
    await box.settled("repo");
  });
  afterAll(() => proxy?.close());

  const countRequests = async (...args: Parameters<typeof count>): Promise<Measured> => {
    proxy.reset();
    const counts = await count(...args);
    const trials = proxy.count(({ method, status }) => method === "HEAD" || status === 412);
    return { ...counts, requests: proxy.requests.length - trials, trials };
  };

  it("pushing 20 assets, and then nothing", async () => {
    requireBudget("S3: push 20", await countRequests(box, "repo", "git", "push", "-q", "origin", "main"));
    requireBudget("S3: push nothing", await countRequests(box, "repo", "git", "push", "-q", "origin", "main"));
  });

  it("a clone", async () => requireBudget("S3: clone 20", await countRequests(box, ".", box.path("bin/git-ballast"), "clone", "-q", box.path("upstream.git"), "clone")));
});

describe("a count", () => {
  it("may come and go a little where threads decide, and no more", () => {
    expect([1050, 850].map((value) => judge("opens", value, 1000))).toEqual([undefined, undefined]);
    expect(judge("opens", 1051, 1000)).toBe("opens: 1051, where 1000 is the budget");
    expect(judge("opens", 849, 1000)).toBe("opens: only 849, where 1000 is the budget; keep what was won");
    expect(judge("syncs", 8, 4)).toBeUndefined();
    expect(judge("syncs", 9, 4)).toContain("syncs: 9");
  });

  it("of programs and requests is exact", () => {
    for (const name of ["node", "git", "requests"]) {
      expect(judge(name, 20, 20)).toBeUndefined();
      expect(judge(name, 21, 20)).toBeDefined();
      expect(judge(name, 19, 20)).toBeDefined();
    }
  });
});

test("what strace writes is counted by what it is about", () => {
  const trace = [
    '10 execve("/box/bin/git-ballast", [""...], 0x1 /* 39 vars */) = 0',
    '10 execve("/missing/node", [""...], 0x1 /* 39 vars */) = -1 ENOENT (No such file or directory)',
    '10 execve("/usr/bin/node", [""...], 0x1 /* 39 vars */) = 0',
    '11 execve("/usr/lib/git-core/git-upload-pack", [""...], 0x1 /* 39 vars */) = 0',
    '10 openat(AT_FDCWD</box/repo>, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3</etc/ld.so.cache>',
    '10 openat(AT_FDCWD</box/repo>, ".git/config", O_RDONLY) = 3</box/repo/.git/config>',
    '10 read(3</box/repo/.git/config>, ""..., 4096) = 100',
    '10 read(3</box/repo/.git/config>,  <unfinished ...>',
    '11 access(".git/hooks", F_OK) = -1 ENOENT (No such file or directory)',
    '10 <... read resumed>""..., 4096) = 20',
    '10 read(4</package/dist/main.js>, ""..., 4096) = 4000',
    '10 read(5<pipe:[77]>, ""..., 4096) = 9',
    '10 newfstatat(3</box/repo/.git/config>, "", {st_mode=S_IFREG|0644, st_size=120, ...}, AT_EMPTY_PATH) = 0',
    '10 renameat2(AT_FDCWD</boxes>, "/box/a", AT_FDCWD</box>, "/box/b", 0) = 0',
    '10 mkdir("/box/objects", 0777) = -1 EEXIST (File exists)',
    '10 write(6</box/b>, ""..., 5) = -1 ENOSPC (No space left on device)',
    '10 write(6</box/b>, ""..., 5) = 5',
    '10 fsync(6</box/b>) = 0',
    '10 stat("/boxes/x", 0x1) = 0',
    '10 +++ exited with 0 +++',
  ].join("\n");
  expect(countTrace(trace, "/box", "/package")).toEqual({ node: 1, git: 1, shells: 1, others: 0, looks: 2, opens: 1, lists: 0, names: 1, syncs: 1, attributes: 0, bytesRead: 120, bytesWritten: 5, bytesLoaded: 4000 });
});
