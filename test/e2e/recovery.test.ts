import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { parseName } from "../../src/object/name.ts";
import { random, sandbox, sha256, type Sandbox } from "../support/sandbox.ts";
import { hasXdelta3 } from "../support/xdelta3.ts";

/*
 * The recovery promise of docs/format.md: with the Git repository and the store, and without Ballast, every version of
 * every asset comes back by `git show`, `cp`, `gunzip`, `xdelta3` and `sha256sum`.
 */
const NAMES = ["art/hero.bin", "art/scene.bin", "art/letters.txt", "art/text.txt", "empty", "bin/tool", "with space/it's \"quoted\".txt", "-leading dash", "emoji 🎈.bin", "line\nfeed.bin", "back\\slash.bin", "*?[x]!#.bin"];

function contentOf(name: string, version: number): Buffer {
  // Edited a little from version to version: these become chains of deltas.
  if (name === "art/scene.bin") return Buffer.concat([random(100_000, "start"), random(50 * version, `scene ${version}`), random(200_000, "end")]);
  if (name === "art/letters.txt") return Buffer.from(Array.from({ length: 8000 }, (_, i) => sha256(Buffer.from(`line ${i % 97 === version ? -i : i}`))).join("\n"));
  if (name === "empty") return version === 2 ? Buffer.from("no longer\n") : Buffer.alloc(0);
  // Both kinds of object: what compresses and what does not.
  return name.endsWith(".bin") ? random(20_000 + version, `${name} ${version}`) : Buffer.from(`${name}, version ${version}\n`.repeat(500));
}

/** Recovers every asset of a commit from $store into $out, as the page says it. */
const RECOVER = `
set -eu
recover() {
  [ ! -e "$out/$1" ] || return 0
  d=$store/objects/$(printf %.2s "$1")
  if [ -e "$d/$1" ]; then cp "$d/$1" "$out/$1"
  elif [ -e "$d/$1.gz" ]; then gunzip -c "$d/$1.gz" > "$out/$1"
  else
    for delta in "$d/$1".*; do break; done
    base=\${delta##*/$1.}; base=\${base%%.*}
    (recover "$base")
    case $delta in *.gz) gunzip -c "$delta" > "$out/delta" ;; *) cp "$delta" "$out/delta" ;; esac
    xdelta3 -d -D -R -s "$out/$base" "$out/delta" "$out/$1"
    rm "$out/delta"
  fi
  [ "$(sha256sum < "$out/$1")" = "$1  -" ]
}
git show "$commit:.ballast/manifest.jsonl" | tail -n +2 | while IFS= read -r line; do
  oid=$(printf '%s\\n' "$line" | sed 's/.*","oid":"\\([0-9a-f]*\\)","size":.*/\\1/')
  recover "$oid"
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
  it.skipIf(!hasXdelta3())("every asset of every commit is recovered by git show, cp, gunzip, xdelta3 and sha256sum", async () => {
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
      const names = await box.objects("store");
      const bases = names.flatMap((name) => parseName(name)?.base ?? []);
      const wanted = new Set<string>(lines.map(({ oid }) => oid));
      for (const recovered of await readdir(box.path(out))) expect(wanted.has(recovered) || bases.includes(recovered as (typeof bases)[number]), recovered).toBe(true);
    }
  });

  it("the store holds raw and gzip objects and chains of two deltas, so all ways were taken", async () => {
    const names = await box.objects("store");
    const deltas = new Map(names.flatMap((name) => {
      const parsed = parseName(name);
      return parsed?.base === undefined ? [] : [[parsed.oid, parsed.base] as const];
    }));
    for (const name of ["art/scene.bin", "art/letters.txt"]) {
      const [first, second, third] = [1, 2, 3].map((version) => sha256(contentOf(name, version)));
      expect([...deltas], name).toContainEqual([third, second]);
      expect([...deltas], name).toContainEqual([second, first]);
    }
    expect(names.some((name) => name.endsWith(".xd3"))).toBe(true);
    expect(names.some((name) => name.endsWith(".xd3.gz"))).toBe(true);
    expect(names.filter((name) => name.endsWith(".gz")).length).toBeGreaterThan(5);
    expect(names.filter((name) => !name.includes(".")).length).toBeGreaterThan(5);
  });
});
