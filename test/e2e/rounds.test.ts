import { expect, test } from "vitest";
import { parseManifest } from "../../src/manifest/manifest.ts";
import { decodeAll } from "../support/decodable.ts";
import { asset, project, type Project } from "../support/project.ts";
import { sha256, type Result } from "../support/sandbox.ts";

/*
 * Two clones that record, push, pull and merge at the same time, round after round, each without regard for the other.
 * Nothing may be lost on the way and no lock be left. BALLAST_TEST_ROUNDS says how many rounds.
 */
const ROUNDS = Number(process.env["BALLAST_TEST_ROUNDS"] ?? 4);
/** A push is refused while the other one's is newer; each time one of the two gets through, so this is plenty. */
const TRIES = 20;
const CLONES = ["repo", "other"] as const;

test(`${ROUNDS} rounds of two clones that push and merge at the same time`, { timeout: 60_000 + ROUNDS * 60_000 }, async () => {
  const it = await project();
  const { box } = it;
  await it.commit({ "common.bin": asset("common"), "repo.bin": asset("repo 0"), "other.bin": asset("other 0") });
  await box.git("repo", "push", "-q", "-u", "origin", "main");
  await box.mustBallast(".", "clone", "-q", "upstream.git", "other");
  await Promise.all(CLONES.map((clone) => box.git(clone, "config", "pull.rebase", clone === "repo" ? "false" : "true")));
  /** What each path has to be at the end, by whoever owns it. */
  const wanted = new Map([["common.bin", sha256(asset("common"))]]);
  const everything = new Set<string>(["common", "repo 0", "other 0"].map((seed) => sha256(asset(seed))));
  for (let round = 1; round <= ROUNDS; round++) {
    const common = asset(`common of round ${round}`);
    await Promise.all(
      CLONES.map(async (clone) => {
        const files = { [`${clone}.bin`]: asset(`${clone} ${round}`), [`${clone}-${round % 5}.bin`]: asset(`${clone} more ${round}`), [`same-${round % 3}.bin`]: common };
        for (const [path, content] of Object.entries(files)) {
          await box.write(`${clone}/${path}`, content);
          wanted.set(path, sha256(content));
          everything.add(sha256(content));
        }
        await box.git(clone, "add", "-A");
        await box.git(clone, "commit", "-qm", `${clone} ${round}`);
        await publish(it, clone, round);
      }),
    );
    await Promise.all(CLONES.map(async (clone) => ok(await box.tryGit(clone, "pull", "-q"), `${clone}: pull at the end of round ${round}`)));
    await Promise.all(CLONES.map((clone) => box.settled(clone)));
    for (const clone of CLONES) {
      for (const [path, oid] of wanted) expect(sha256(await box.read(`${clone}/${path}`)), `${clone}/${path} in round ${round}`).toBe(oid);
      expect(await box.git(clone, "status", "--porcelain"), `${clone} in round ${round}`).toBe("");
      const locks = (await box.run(clone, "find", [".git", "-name", "*.lock"])).stdout;
      expect(locks, `${clone} in round ${round}`).toBe("");
    }
    expect(await box.git("repo", "rev-parse", "origin/main")).toBe(await box.git("other", "rev-parse", "HEAD"));
  }
  // Every version that was ever published can be restored from the store alone.
  const there = await decodeAll(box.path("store"));
  for (const oid of everything) expect(there.has(oid as never)).toBe(true);
  for (const commit of (await box.git("upstream.git", "rev-list", "main", "--", ".ballast/manifest.jsonl")).split("\n")) {
    const manifest = parseManifest(`${await box.git("upstream.git", "show", `${commit}:.ballast/manifest.jsonl`)}\n`, commit);
    for (const { oid, path } of manifest.values()) expect(there.has(oid), `${path} of ${commit}`).toBe(true);
  }
});

/** Pushes, and pulls first whenever the other clone was faster. */
async function publish({ box }: Project, clone: string, round: number): Promise<void> {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const push = await box.tryGit(clone, "push", "-q", "origin", "HEAD:main");
    if (push.status === 0) return;
    expect(push.stderr, `${clone} in round ${round}`).toMatch(/rejected|fetch first|cannot lock ref|failed to update ref/);
    ok(await box.tryGit(clone, "pull", "-q", "origin", "main"), `${clone}: pull in round ${round}`);
    await box.settled(clone);
  }
  throw new Error(`${clone} could not push in round ${round}`);
}

function ok({ status, stdout, stderr }: Result, what: string): void {
  expect(status, `${what}: ${stderr}${stdout}`).toBe(0);
}
