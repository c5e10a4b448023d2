import { cp, mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { builtMain } from "../support/build.ts";
import { sandbox, sha256, random, type Sandbox } from "../support/sandbox.ts";

const PROJECT = join(dirname(fileURLToPath(import.meta.url)), "../..");

describe("the packed tarball, installed with npm i -g", () => {
  let box: Sandbox;
  let installed: string;

  beforeAll(async () => {
    box = await sandbox();
    // The bundle of the present sources, in a copy: the project's own dist may be in use.
    await cp(dirname(dirname(await builtMain())), box.path("source"), { recursive: true });
    for (const name of ["README.md", "CHANGELOG.md", "LICENSE", "docs"]) await cp(join(PROJECT, name), box.path("source", name), { recursive: true }).catch(() => {});
    await mkdir(box.path("prefix"));
    await npm("source", "pack", "--ignore-scripts", "--pack-destination", box.root);
    const [tarball] = (await readdir(box.root)).filter((name) => name.endsWith(".tgz"));
    await npm(".", "install", "--global", "--offline", "--no-audit", "--no-fund", "--prefix", box.path("prefix"), box.path(tarball!));
    installed = box.path("prefix/lib/node_modules/git-ballast");
    // Nothing but the installed programs and the system's.
    box.env["PATH"] = [box.path("prefix/bin"), dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"].join(":");
  });

  async function npm(cwd: string, ...args: string[]): Promise<void> {
    const { status, stderr } = await box.run(cwd, "npm", args);
    if (status !== 0) throw new Error(stderr);
  }

  test("has no dependencies, and holds what it needs and nothing else", async () => {
    const files = await readdir(installed);
    expect(files).not.toContain("node_modules");
    expect(files).toEqual(expect.arrayContaining(["dist", "hooks", "package.json"]));
    expect(files).not.toContain("src");
    const { dependencies } = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as { dependencies?: object };
    expect(dependencies ?? {}).toEqual({});
  });

  test("gives git-ballast and ballast, and so git ballast", async () => {
    const { version } = JSON.parse(await readFile(join(PROJECT, "package.json"), "utf8")) as { version: string };
    for (const words of [["git-ballast"], ["ballast"], ["git", "ballast"]]) {
      const [program, ...args] = [...words, "--version"];
      expect(await box.run(".", program!, args)).toEqual({ status: 0, stdout: `git-ballast ${version}\n`, stderr: "" });
    }
  });

  test("works: init, track, commit, push and clone with what was installed", async () => {
    const content = random(300_000, "packed");
    await box.git(".", "init", "--quiet", "--bare", "upstream.git");
    await box.git(".", "clone", "--quiet", "upstream.git", "repo");
    await box.write("repo/a b.bin", content);
    await box.git("repo", "ballast", "init", "--quiet", box.path("store"));
    await box.git("repo", "ballast", "track", "*.bin");
    await box.git("repo", "add", "--all");
    await box.git("repo", "commit", "--quiet", "-m", "one");
    await box.git("repo", "push", "--quiet", "origin", "HEAD:main");
    await box.git(".", "ballast", "clone", "--quiet", "--branch", "main", "upstream.git", "clone");
    expect(sha256(await box.read("clone/a b.bin"))).toBe(sha256(content));
  });

  test("loads the AWS SDK by dynamic import only, from the one module that talks to S3", async () => {
    const dist = join(installed, "dist");
    const chunks = await readChunks(dist);
    const sdk = [...chunks].filter(([, text]) => /S3ServiceException|GetObjectCommand/.test(text)).map(([name]) => name);
    expect(sdk.length).toBeGreaterThan(0);
    const loaded = staticallyReached(chunks, "main.js");
    for (const entry of [...chunks.keys()].filter((name) => /^chunks\/(run-program|push|checkout|status)-/.test(name))) {
      for (const name of staticallyReached(chunks, entry)) loaded.add(name);
    }
    expect([...loaded].filter((name) => sdk.includes(name))).toEqual([]);
    const driver = await readFile(join(dist, "driver.cjs"), "utf8");
    expect(driver).not.toMatch(/S3ServiceException|GetObjectCommand/);
    expect(driver).toContain('import("./parts/s3-store.js")');
  });
});

/** The scripts below `directory` by relative name. */
async function readChunks(directory: string): Promise<Map<string, string>> {
  const names = (await readdir(directory, { recursive: true })).filter((name) => name.endsWith(".js"));
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), "utf8")] as const)));
}

/** What loading one script loads with it: everything that import statements lead to. */
function staticallyReached(chunks: ReadonlyMap<string, string>, entry: string): Set<string> {
  const reached = new Set<string>();
  const visit = (name: string): void => {
    if (reached.has(name)) return;
    reached.add(name);
    for (const [, to] of chunks.get(name)!.matchAll(/(?:\bfrom|\bimport)\s*"(\.[^"]+\.js)"/g)) visit(join(dirname(name), to!));
  };
  visit(entry);
  return reached;
}
