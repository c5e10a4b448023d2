import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { random, sandbox, sha256, type Result, type Sandbox } from "../support/sandbox.ts";
import { snapshot } from "../support/snapshot.ts";

/*
 * What somebody who can push commits, or write to the store, might try. Each attack is refused with a line that names
 * it and the documented exit status, and writes nothing: everything outside Ballast's own state is compared.
 */
let box: Sandbox;
async function begin(): Promise<void> {
  box = await sandbox();
  await box.git(".", "init", "-q", "--bare", "up.git");
  await box.write("store/ballast.json", '{"ballast":"store","version":1}\n');
  await box.write("outside/innocent.txt", "innocent");
  await box.git(".", "init", "-q", "evil");
  await box.git("evil", "remote", "add", "origin", box.path("up.git"));
}

const HEADER = '{"ballast":"manifest","version":1}\n';
const EVIL = Buffer.from("#!/bin/sh\necho evil\n");

function line(path: string, content: Uint8Array = EVIL, exec = true): string {
  return `{"path":${JSON.stringify(path)},"oid":"${sha256(content)}","size":${content.length}${exec ? ',"exec":true' : ""}}\n`;
}

async function putObject(bytes: Uint8Array, name: string): Promise<void> {
  await box.write(`store/objects/${name.slice(0, 2)}/${name}`, bytes);
}

/** Commits and pushes a manifest by hand, as somebody without Ballast's checks would. */
async function publish(manifest: string | Uint8Array, others: Record<string, string> = {}): Promise<void> {
  await putObject(EVIL, sha256(EVIL));
  await box.write("evil/.ballast/config", `[store]\nurl = file://${box.path("store")}\n`);
  await box.write("evil/.ballast/manifest.jsonl", manifest);
  for (const [path, content] of Object.entries(others)) await box.write(`evil/${path}`, content);
  await push();
}

async function push(): Promise<void> {
  await box.git("evil", "add", "-f", "-A");
  await box.git("evil", "commit", "-qm", "change");
  await box.git("evil", "push", "-q", "origin", "main");
}

/** A plain clone in which the hooks are installed already, so that only restoring can change anything. */
async function victim(): Promise<void> {
  await box.git(".", "clone", "-q", "up.git", "victim");
  await box.mustBallast("victim", "install");
}

/** Everything but what belongs to Ballast and Git inside the Git directory. */
const around = (): Promise<Record<string, string>> => snapshot(box.root, ["victim/.git/ballast", "victim/.git/index", "tmp"]);

/** Expects the documented status and one line of error, with at most a hint below it, that holds these words. */
function expectRefused({ status, stderr }: Result, wanted: number, ...words: string[]): void {
  expect(status, stderr).toBe(wanted);
  const lines = stderr.trimEnd().split("\n");
  expect(lines.filter((text) => text.startsWith("ballast: ")), stderr).toHaveLength(1);
  expect(lines.length, stderr).toBeLessThanOrEqual(2);
  for (const word of words) expect(lines[0]).toContain(word);
}

const PATHS = [
  "/etc/ballast-evil",
  "../evil.sh",
  "art/../../evil.sh",
  "./evil.sh",
  "art//evil.sh",
  "art/",
  "",
  ".git/hooks/post-checkout",
  ".GIT/hooks/post-checkout",
  ".g\u200cit/hooks/post-checkout",
  ".git\ufeff/config",
  "git~1/hooks/post-checkout",
  "GIT~1/config",
  ".git /hooks/post-checkout",
  ".git./hooks/post-checkout",
  ".git::$INDEX_ALLOCATION/config",
  "sub/.git/config",
  "sub\\.git\\config",
  "..\\evil.sh",
  "C:\\evil.sh",
  "c:/evil.sh",
  ".ballast/config",
  ".Ballast/config",
  "a\0b",
];

describe("a path in the manifest that leads elsewhere", () => {
  beforeEach(begin);

  it("is refused whatever its disguise, on checkout and on clone", async () => {
    await publish(HEADER);
    await victim();
    for (const path of PATHS) {
      await box.write("victim/.ballast/manifest.jsonl", HEADER + line(path));
      const before = await around();
      expectRefused(await box.ballast("victim", "checkout"), 4, JSON.stringify(path), ".ballast/manifest.jsonl");
      expect(await around(), path).toEqual(before);
    }
    await publish(HEADER + line("../evil.sh"));
    const cloned = await box.ballast(".", "clone", box.path("up.git"), "second");
    expect(cloned.status).toBe(4);
    expect(cloned.stderr).toContain('"../evil.sh" is refused');
    expect(await box.exists("evil.sh")).toBe(false);
  });

  it("is refused by the hooks of a pull, which leave the assets as they were", async () => {
    const good = random(2000, "good");
    await putObject(good, sha256(good));
    await publish(HEADER + line("art/good.bin", good, false));
    await victim();
    await box.mustBallast("victim", "checkout");
    await publish(HEADER + line("../evil.sh") + line("art/good.bin", EVIL));
    const before = await snapshot(box.root, ["victim/.git", "victim/.ballast", "tmp"]);
    const pulled = await box.tryGit("victim", "pull", "-q");
    expect(pulled.status).toBe(0);
    expect(pulled.stderr).toContain('"../evil.sh" is refused');
    expect(await snapshot(box.root, ["victim/.git", "victim/.ballast", "tmp"])).toEqual(before);
    // Nor does looking or recording make anything of it.
    await box.tryGit("victim", "status");
    await box.tryGit("victim", "commit", "-qam", "more");
    expectRefused(await box.ballast("victim", "status"), 4, "../evil.sh");
    expect(await snapshot(box.root, ["victim/.git", "victim/.ballast", "tmp"])).toEqual(before);
  });

  it("cannot be published from here: a push of such a commit is refused", async () => {
    await publish(HEADER);
    await victim();
    await box.write("victim/.ballast/manifest.jsonl", HEADER + line("../evil.sh"));
    await box.git("victim", "add", "-A");
    await box.git("victim", "-c", "core.hooksPath=/dev/null", "commit", "-qm", "bad");
    const pushed = await box.tryGit("victim", "push", "-q", "origin", "HEAD:refs/heads/bad");
    expect(pushed.status).not.toBe(0);
    expect(pushed.stderr).toContain('"../evil.sh" is refused');
    expect(await box.git("up.git", "for-each-ref", "refs/heads/bad")).toBe("");
  });
});

describe("symbolic links", () => {
  beforeEach(begin);

  it("a committed link in place of a directory is not followed", async () => {
    await mkdir(box.path("evil"), { recursive: true });
    await symlink("../outside", box.path("evil/art"));
    await symlink(".git/hooks", box.path("evil/hooks"));
    await publish(HEADER + line("art/evil.sh") + line("hooks/post-checkout"));
    await victim();
    const before = await around();
    const { status, stderr } = await box.ballast("victim", "checkout");
    expect(status, stderr).toBe(4);
    expect(stderr).toContain("art/evil.sh");
    expect(stderr).toContain("hooks/post-checkout");
    expect(await around()).toEqual(before);
  });

  it("a link that takes a directory's place later is neither followed nor cleared away", async () => {
    const [one, two] = [random(900, "one"), random(900, "two")];
    for (const content of [one, two]) await putObject(content, sha256(content));
    await publish(HEADER + line("art/a.bin", one, false));
    await victim();
    await box.mustBallast("victim", "checkout");
    await rm(box.path("victim/art"), { recursive: true });
    await writeFile(box.path("outside/a.bin"), one);
    await symlink("../outside", box.path("victim/art"));
    await publish(HEADER + line("art/a.bin", two, false));
    await box.tryGit("victim", "pull", "-q");
    expect(await readFile(box.path("outside/a.bin"))).toEqual(one);
    const { status, stderr } = await box.ballast("victim", "checkout");
    expect(status, stderr).toBe(4);
    expect(stderr).toContain("art/a.bin");
    expect(await readFile(box.path("outside/a.bin"))).toEqual(one);
    // A manifest without the asset does not remove what the link leads to either.
    await publish(HEADER);
    await box.tryGit("victim", "pull", "-q");
    await box.ballast("victim", "checkout");
    expect(await readFile(box.path("outside/a.bin"))).toEqual(one);
    expect((await snapshot(box.path("victim"), [".git"]))["art"]).toBe("-> ../outside");
  });

  it("a link in place of .ballast or of the manifest is refused", async () => {
    await publish(HEADER + line("evil.sh"));
    await box.write("outside/manifest.jsonl", HEADER + line("evil.sh"));
    await rm(box.path("evil/.ballast"), { recursive: true });
    await symlink("../outside", box.path("evil/.ballast"));
    await push();
    await box.git(".", "clone", "-q", "up.git", "victim");
    const before = await snapshot(box.root, ["victim/.git", "tmp"]);
    for (const args of [["checkout"], ["status"], ["track", "art"]]) {
      const { status, stderr } = await box.ballast("victim", ...args);
      expect(status, stderr).toBeGreaterThan(0);
      expect(stderr).toContain(".ballast");
      expect(stderr).not.toContain("bug");
    }
    expect(await snapshot(box.root, ["victim/.git", "tmp"])).toEqual(before);
  });
});

describe("a manifest that is no manifest", () => {
  beforeEach(begin);

  const BAD: Record<string, string | Buffer> = {
    "a line of 40,000 characters": `${HEADER}${line("a".repeat(40_000))}`,
    "thirty megabytes without a line feed": Buffer.alloc(30 << 20, "x"),
    "a header and thirty megabytes of NUL": Buffer.concat([Buffer.from(HEADER), Buffer.alloc(30 << 20)]),
    "a newer version": '{"ballast":"manifest","version":2}\n',
    "the same path twice": HEADER + line("a") + line("a"),
    "lines out of order": HEADER + line("b") + line("a"),
    "another order of keys": `${HEADER}{"oid":"${sha256(EVIL)}","path":"a","size":1}\n`,
    "a size that is no size": `${HEADER}{"path":"a","oid":"${sha256(EVIL)}","size":1e3}\n`,
    "bytes that are not UTF-8": Buffer.concat([Buffer.from(`${HEADER}{"path":"`), Buffer.from([0xff, 0xfe]), Buffer.from(`","oid":"${sha256(EVIL)}","size":1}\n`)]),
  };

  it("is refused with a line that says where", async () => {
    await publish(HEADER);
    await victim();
    for (const [what, manifest] of Object.entries(BAD)) {
      await box.write("victim/.ballast/manifest.jsonl", manifest);
      const before = await around();
      const result = await box.ballast("victim", "checkout");
      expectRefused(result, 4, ".ballast/manifest.jsonl");
      expect(result.stderr.length, what).toBeLessThan(1000);
      expect(await around(), what).toEqual(before);
    }
  });
});

describe("a committed configuration", () => {
  beforeEach(begin);

  const url = (): string => `[store]\nurl = file://${box.path("store")}\n`;

  it("cannot name credentials, commands or anything that is not on the list: such keys are named and passed over", async () => {
    await publish(HEADER);
    await victim();
    const text = `${url()}profile = evil\nrequesterPays = true\nattempts = 100\ncommand = touch ${box.path("outside/ran")}\n[core]\nfsmonitor = touch ${box.path("outside/ran")}\n[filter "ballast"]\nprocess = touch ${box.path("outside/ran")}\n[credential]\nhelper = !touch ${box.path("outside/ran")}\n`;
    await box.write("victim/.ballast/config", text);
    const before = await around();
    const { status, stdout, stderr } = await box.ballast("victim", "config");
    expect(status).toBe(0);
    for (const key of ["store.profile", "store.requesterPays", "store.attempts", "store.command", "core.fsmonitor", "credential.helper"]) expect(stderr).toContain(key);
    expect(stdout).not.toContain("evil");
    expect(await around()).toEqual(before);
  });

  it("that is more than a plain INI file is refused whole", async () => {
    await publish(HEADER);
    await victim();
    const bad = [
      `${url()}[__proto__]\nurl = x\n`,
      `${url()}__proto__ = x\n`,
      `${url()}[constructor]\nprototype = x\n`,
      `${url()}url[] = file:///elsewhere\n`,
      "[store]\nurl = ext::sh -c evil\n",
      "[store]\nurl = http://example.com/\n",
      "[store]\nurl = ../outside\n",
      "[store]\nurl = s3://key:secret@bucket/prefix\n",
      `${url()}endpoint = https://user:password@example.com\n`,
      `${url()}[compression]\nlevel = 10\n`,
      `; ${"x".repeat(70_000)}\n${url()}`,
    ];
    for (const text of bad) {
      await box.write("victim/.ballast/config", text);
      const before = await around();
      const result = await box.ballast("victim", "checkout");
      expectRefused(result, 2, ".ballast/config");
      expect(await around(), text.slice(0, 80)).toEqual(before);
    }
  });

  it("that sends a clone to another store stops every transfer until the user trusts it", async () => {
    const [one, two] = [random(900, "one"), random(900, "two")];
    await putObject(one, sha256(one));
    await publish(HEADER + line("a.bin", one, false), { ".gitignore": "/a.bin\n" });
    await box.run(".", "rm", ["-f", "evil/a.bin"]);
    await victim();
    await box.mustBallast("victim", "checkout");
    // A pulled commit names another store, which has the new content.
    await box.write("other/ballast.json", '{"ballast":"store","version":1}\n');
    await box.write(`other/objects/${sha256(two).slice(0, 2)}/${sha256(two)}`, two);
    await box.write("evil/.ballast/config", `[store]\nurl = file://${box.path("other")}\n`);
    await box.write("evil/.ballast/manifest.jsonl", HEADER + line("a.bin", two, false));
    await push();
    const stores = async (): Promise<unknown> => [await snapshot(box.path("store")), await snapshot(box.path("other"))];
    const before = await stores();
    const pulled = await box.tryGit("victim", "pull", "-q");
    expect(pulled.stderr).toContain(box.path("other"));
    expect(await readFile(box.path("victim/a.bin"))).toEqual(one);
    const refused = await box.ballast("victim", "fetch");
    expectRefused(refused, 10, box.path("store"), box.path("other"));
    expect(refused.stderr).toContain("git ballast trust");
    expect((await box.ballast("victim", "checkout")).status).toBe(10);
    expect(await readFile(box.path("victim/a.bin"))).toEqual(one);
    // Nothing is uploaded either, not even what is new here.
    await box.write("victim/mine.bin", random(700, "mine"));
    await box.ballast("victim", "track", "mine.bin");
    await box.git("victim", "add", "-A");
    await box.tryGit("victim", "commit", "-qm", "mine");
    const pushed = await box.tryGit("victim", "push", "-q", "origin", "HEAD:refs/heads/mine");
    expect(pushed.status).not.toBe(0);
    expect((await box.ballast("victim", "push")).status).toBe(10);
    expect(await stores()).toEqual(before);
    await box.mustBallast("victim", "trust");
    await box.mustBallast("victim", "checkout");
    expect(await readFile(box.path("victim/a.bin"))).toEqual(two);
  });
});

it("an asset whose path is a file that Git versions replaces nothing", async () => {
  await begin();
  await publish(HEADER + line("README"), { README: "the real one\n" });
  await victim();
  const before = await around();
  const { stdout, stderr } = await box.ballast("victim", "checkout");
  expect(stdout + stderr).toContain("README");
  expect(await around()).toEqual(before);
  expect(await box.git("victim", "status", "--porcelain")).not.toContain("README");
});

describe("an object that is not what its name says", () => {
  const old = random(3000, "old");
  const content = Buffer.from("wanted ".repeat(2000));
  const oid = sha256(content);
  const bomb = gzipSync(Buffer.alloc(200 << 20));
  const OBJECTS: Record<string, { name: string; bytes: Uint8Array; status: number }> = {
    "other bytes of the same length": { name: oid, bytes: Buffer.from("Wanted ".repeat(2000)), status: 7 },
    "nothing at all": { name: oid, bytes: Buffer.alloc(0), status: 7 },
    "more than it should be": { name: oid, bytes: Buffer.concat([content, content]), status: 7 },
    "the gzip of another content": { name: `${oid}.gz`, bytes: gzipSync(Buffer.from("Wanted ".repeat(2000))), status: 7 },
    "a truncated gzip": { name: `${oid}.gz`, bytes: gzipSync(content).subarray(0, -20), status: 7 },
    "a gzip with something behind it": { name: `${oid}.gz`, bytes: Buffer.concat([gzipSync(content), Buffer.from("more")]), status: 7 },
    "no gzip": { name: `${oid}.gz`, bytes: content, status: 7 },
    "a gzip bomb": { name: `${oid}.gz`, bytes: bomb, status: 7 },
    "a gzip under the name of the raw content": { name: oid, bytes: gzipSync(content), status: 7 },
    "a difference from nowhere": { name: `${oid}.${sha256("base")}.xd3`, bytes: content, status: 6 },
    "a difference that is none": { name: `${oid}.${sha256(old)}.xd3`, bytes: content, status: 7 },
    "a difference from itself": { name: `${oid}.${oid}.xd3`, bytes: content, status: 6 },
  };

  let count = 0;
  let other = "";
  const manifest = async (asset: Uint8Array): Promise<void> => {
    await box.write("victim/.ballast/manifest.jsonl", HEADER + line("art/a.bin", asset, false) + line(other, old, false));
  };

  beforeAll(async () => {
    await begin();
    await putObject(old, sha256(old));
    await publish(HEADER + line("art/a.bin", old, false), { ".gitignore": "/art/\n" });
    await victim();
    await box.mustBallast("victim", "checkout");
  });

  for (const [what, { name, bytes, status: wanted }] of Object.entries(OBJECTS)) {
    it(`${what}: the old file stays, and the path is named`, async () => {
      await putObject(bytes, name);
      other = `art/b${count++}.bin`;
      await manifest(content);
      const outside = await snapshot(box.root, ["victim", "tmp"]);
      const began = Date.now();
      const { status, stderr } = await box.ballast("victim", "checkout");
      expect(Date.now() - began).toBeLessThan(20_000);
      expect(status, stderr).toBe(wanted);
      expect(stderr).toContain("art/a.bin");
      expect(stderr).toContain(oid);
      expect(stderr).not.toContain("bug");
      expect(await readFile(box.path("victim/art/a.bin"))).toEqual(old);
      // One bad object keeps none of the others from coming.
      expect(await readFile(box.path("victim", other))).toEqual(old);
      expect(await snapshot(box.root, ["victim", "tmp"])).toEqual(outside);
      // The right object mends it.
      await rm(join(box.path("store/objects"), name.slice(0, 2), name));
      await putObject(content, oid);
      await box.mustBallast("victim", "checkout");
      expect(await readFile(box.path("victim/art/a.bin"))).toEqual(content);
      await rm(join(box.path("store/objects"), name.slice(0, 2), oid));
      await manifest(old);
      await box.mustBallast("victim", "checkout", "--force");
      await rm(box.path("victim/.git/ballast/objects"), { recursive: true, force: true });
      expect(await readFile(box.path("victim/art/a.bin"))).toEqual(old);
    });
  }

  it("is not taken into the local store by a fetch", async () => {
    await putObject(Buffer.from("Wanted ".repeat(2000)), oid);
    await publish(HEADER + line("art/a.bin", content, false));
    await box.git("victim", "fetch", "-q");
    const { status, stderr } = await box.ballast("victim", "fetch", "origin", "main");
    expect(status, stderr).toBe(7);
    expect(stderr).toContain(oid);
    expect(await box.objects("victim/.git/ballast")).not.toContain(oid);
  });
});
