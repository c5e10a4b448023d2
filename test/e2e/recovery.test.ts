import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { random, sandbox, sha256, type Sandbox } from "../support/sandbox.ts";

/*
 * The recovery promise of docs/format.md: with the Git repository and the store, and without Ballast, every version of
 * every asset comes back by `git show`, `cp`, `gunzip` and `sha256sum`.
 */
const NAMES = ["art/hero.bin", "art/text.txt", "empty", "bin/tool", "with space/it's \"quoted\".txt", "-leading dash", "emoji 🎈.bin", "line\nfeed.bin", "back\\slash.bin", "*?[x]!#.bin"];

function contentOf(name: string, version: number): Buffer {
  if (name === "empty") return version === 2 ? Buffer.from("no longer\n") : Buffer.alloc(0);
  // Both kinds of object: what compresses and what does not.
  return name.endsWith(".bin") ? random(20_000 + version, `${name} ${version}`) : Buffer.from(`${name}, version ${version}\n`.repeat(500));
}

/** Recovers every asset of a commit from $store into $out, as the page says it. */
const RECOVER = `
set -eu
git show "$commit:.ballast/manifest.jsonl" | tail -n +2 | while IFS= read -r line; do
  oid=$(printf '%s\\n' "$line" | sed 's/.*","oid":"\\([0-9a-f]*\\)","size":.*/\\1/')
  d=$store/objects/$(printf %.2s "$oid")
  if [ -e "$d/$oid" ]; then cp "$d/$oid" "$out/$oid"; else gunzip -c "$d/$oid.gz" > "$out/$oid"; fi
  [ "$(sha256sum < "$out/$oid")" = "$oid  -" ]
  printf '%s\\n' "$line"
done
`;

let box: Sandbox;
beforeAll(async () => {
  box = await sandbox();
  await box.git(".", "init", "-q", "--bare", "up.git");
  await box.git(".", "init", "-q", "repo");
  await box.git("repo", "remote", "add", "origin", box.path("up.git"));
  await box.mustBallast("repo", "init", "../store");
  for (let version = 1; version <= 3; version++) {
    for (const name of NAMES) await box.write(`repo/all/${name}`, contentOf(name, version));
    await chmod(box.path("repo/all/bin/tool"), 0o755);
    if (version === 1) await box.mustBallast("repo", "track", "all");
    await box.git("repo", "add", "-A");
    await box.git("repo", "commit", "-qm", `version ${version}`);
    await box.git("repo", "tag", `v${version}`);
  }
  await box.git("repo", "push", "-q", "--tags", "origin", "main");
});

describe("without Ballast", () => {
  it("every asset of every commit is recovered by git show, cp, gunzip and sha256sum", async () => {
    await rm(box.path("bin"), { recursive: true });
    for (let version = 1; version <= 3; version++) {
      const out = `recovered-${version}`;
      await mkdir(box.path(out));
      const env = [`commit=v${version}`, `store=${box.path("store")}`, `out=${box.path(out)}`];
      const { status, stdout, stderr } = await box.run("up.git", "env", [...env, "sh", "-c", RECOVER]);
      expect(status, stderr).toBe(0);
      const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as { path: string; oid: string; size: number; exec?: boolean });
      expect(lines.map(({ path }) => path).sort()).toEqual(NAMES.map((name) => `all/${name}`).sort());
      for (const { path: whole, oid, size, exec } of lines) {
        const path = whole.slice("all/".length);
        const content = contentOf(path, version);
        expect(oid).toBe(sha256(content));
        expect(size).toBe(content.length);
        expect(exec ?? false).toBe(path === "bin/tool");
        expect((await box.read(join(out, oid))).equals(content), path).toBe(true);
      }
      expect((await readdir(box.path(out))).length).toBe(new Set(lines.map(({ oid }) => oid)).size);
    }
  });

  it("the store holds both raw and gzip objects, so both ways were taken", async () => {
    const names = await box.objects("store");
    expect(names.filter((name) => name.endsWith(".gz")).length).toBeGreaterThan(5);
    expect(names.filter((name) => !name.includes(".")).length).toBeGreaterThan(5);
  });
});
