import { spawn } from "node:child_process";
import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { parseManifest } from "../../src/manifest/manifest.ts";
import { objectKey, parseName } from "../../src/object/name.ts";
import { oidOf } from "../../src/object/oid.ts";
import { bufferSource } from "../../src/object/source.ts";
import { openDirectoryStore } from "../../src/store/directory.ts";
import { chance } from "../support/chance.ts";
import { asset } from "../support/project.ts";
import { sandbox, sha256, type Sandbox } from "../support/sandbox.ts";
import { testS3 } from "../support/s3.ts";

/*
 * Pushers, cleaners without grace or delay, a repacker and a cloner, in processes of their own, which are stopped for a
 * while or killed: at random moments, and just when an announcement or a claim of theirs appears in the store, which
 * is when a cleaner is about to look and to remove, and a pusher about to count on what it sees. They push the same few contents
 * again and again and delete their branches, and each of these contents is in the store, dead, when a round begins.
 * `BALLAST_CLEANUP_ROUNDS` sets the number of rounds, `BALLAST_CLEANUP_SEED` the choices.
 */
const s3 = await testS3();
const ROUNDS = Number(process.env["BALLAST_CLEANUP_ROUNDS"] ?? 2);
const SEED = Number(process.env["BALLAST_CLEANUP_SEED"] ?? Date.now() % 1_000_000);
const CONTENTS = 4;
/** What nobody ever needs: it lets every cleanup announce and remove something. */
const JUNK = 12;
const WEEK_MS = 8 * 24 * 3600 * 1000;
const PUSHERS = ["p0", "p1"];
const CLEANERS = ["c0", "c1"];

interface Remote {
  readonly url: string;
  readonly env: Record<string, string>;
  names(): Promise<string[]>;
  /** The names of what is in `gc/sweeps/` and `gc/claims/`. */
  records(): Promise<string[]>;
  /** Puts a content there that no commit needs any more. */
  put(content: Buffer): Promise<void>;
  /** Lets the claims of pushes that have ended expire. */
  expireClaims(): Promise<void>;
}

interface Harassed {
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

interface Harassment {
  readonly random: () => number;
  readonly counts: Counts;
  readonly records: Remote["records"];
  /** A new record whose name matches makes the moment of a stop. */
  readonly at?: RegExp;
}

/** Runs a program that is stopped for a while, or killed, with all that it has started. @returns its status, undefined when killed */
function harass(box: Sandbox, cwd: string, program: string, args: string[], { random, counts, records, at }: Harassment): Promise<Harassed> {
  const [afterMs, forMs] = [random() * 1500, 200 + random() * 1500];
  const aimed = at !== undefined && random() < 0.7;
  const kill = random() < 0.2;
  const stop = aimed || random() < 0.5;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: box.path(cwd), env: box.env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    let ended = false;
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const signal = (name: NodeJS.Signals): void => {
      try {
        if (!ended) process.kill(-child.pid!, name);
      } catch {
        // It has just ended.
      }
    };
    child.once("error", reject);
    child.once("close", (code) => {
      ended = true;
      resolve({ status: code ?? undefined, stdout, stderr });
    });
    void (async () => {
      if (aimed) {
        const before = new Set(await records());
        const isNew = async (): Promise<boolean> => (await records()).some((name) => at!.test(name) && !before.has(name));
        while (!ended && !(await isNew())) await pause(2);
        if (!ended) counts.aimed += 1;
        // Some of the way on.
        await pause(random() * 60);
      } else await pause(afterMs);
      if (!ended && (kill || stop)) counts[kill ? "killed" : "stopped"] += 1;
      if (stop) signal("SIGSTOP");
      if (stop) await pause(forMs);
      if (kill) signal("SIGKILL");
      else if (stop) signal("SIGCONT");
    })();
  });
}

interface Counts {
  killed: number;
  stopped: number;
  /** Stopped or killed when a record appeared. */
  aimed: number;
  published: number;
  /** Contents that cleanups said they removed, and those of them that are pushed again and again. */
  removed: number;
  endangered: number;
  /** Pushes that waited for a cleanup. */
  waited: number;
  repacked: number;
}

async function rounds(remote: Remote): Promise<Counts> {
  const random = chance(SEED);
  const box = await sandbox({ env: remote.env });
  const counts: Counts = { killed: 0, stopped: 0, aimed: 0, published: 0, removed: 0, endangered: 0, waited: 0, repacked: 0 };
  await box.git(".", "init", "-q", "--bare", "up.git");
  await box.git(".", "clone", "-q", "up.git", "p0");
  await box.mustBallast("p0", "init", remote.url.replace("SANDBOX", box.root));
  await box.mustBallast("p0", "track", "*.bin");
  await box.git("p0", "add", "-A");
  await box.git("p0", "commit", "-qm", "init");
  await box.git("p0", "push", "-q", "-u", "origin", "main");
  for (const name of ["p1", ...CLEANERS, "r0"]) await box.mustBallast(".", "clone", "-q", "up.git", name);

  const pushed = new Set(Array.from({ length: CONTENTS }, (_, i) => sha256(asset(`content ${i}`))));
  const harassment = { random, counts, records: remote.records };

  /** Commits something, and returns what pushes it. */
  const prepare = async (name: string, round: number): Promise<() => Promise<void>> => {
    const branch = `${name}-${round % 2}`;
    // What an earlier round deleted is pushed again, by a clone that still has the commits.
    const again = random() < 0.3 && (await box.tryGit(name, "rev-parse", "--verify", "-q", branch)).status === 0;
    if (!again) {
      await box.tryGit(name, "switch", "-q", "--force", "-C", branch, "main");
      await box.settled(name);
      await box.write(`${name}/x.bin`, asset(`content ${Math.floor(random() * CONTENTS)}`));
      await box.git(name, "add", "-A");
      await box.tryGit(name, "commit", "-qm", `round ${round}`);
    }
    return () => push(name, branch, round);
  };
  const push = async (name: string, branch: string, round: number): Promise<void> => {
    // Cleaners take longer to begin.
    await pause(random() * 800);
    const { status, stderr } = await harass(box, name, "git", ["push", "-q", "--force", "origin", branch], { ...harassment, at: /push-/ });
    if (status === 0) counts.published += 1;
    if (stderr.includes("waiting for a cleanup")) counts.waited += 1;
    if (random() < 0.7) await box.tryGit(name, "push", "-q", "--no-verify", "origin", `:${name}-${(round + 1) % 2}`);
  };
  const clean = async (name: string): Promise<void> => {
    for (let i = 0; i < 2; i++) {
      const flags = random() < 0.7 ? ["--now"] : ["--delay", "0"];
      const { status, stdout, stderr } = await harass(box, name, box.path("bin/git-ballast"), ["cleanup", "--older-than", "0", "--yes", "--json", ...flags], { ...harassment, at: /^[0-9a-f]{32}$/ });
      if (status === 0) {
        const removed = (JSON.parse(stdout) as { dead: { oid: string; state: string }[] }).dead.filter(({ state }) => state === "removed");
        counts.removed += removed.length;
        counts.endangered += removed.filter(({ oid }) => pushed.has(oid)).length;
      }
      // Somebody else cleans up, or Git's own files were just being changed by a push.
      if (status !== undefined && ![0, 3, 12].includes(status)) throw new Error(`cleanup ended with ${status}: ${stderr}`);
    }
  };
  const others = async (round: number): Promise<void> => {
    await box.tryGit("r0", "fetch", "-q", "--all");
    if ((await harass(box, "r0", box.path("bin/git-ballast"), ["repack"], harassment)).status === 0) counts.repacked += 1;
    const { status, stderr } = await box.ballast(".", "clone", "-q", "up.git", `clone${round}`);
    if (status !== 0 && !/bug/.test(stderr)) await box.run(".", "rm", ["-rf", `clone${round}`]);
    expect(stderr).not.toContain("bug");
  };

  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < CONTENTS; i++) await remote.put(asset(`content ${i}`));
    for (let i = 0; i < JUNK; i++) await remote.put(asset(`junk ${i}`));
    const pushes: (() => Promise<void>)[] = [];
    for (const name of PUSHERS) pushes.push(await prepare(name, round));
    await Promise.all([...pushes.map((begin) => begin()), ...CLEANERS.map(clean), others(round)]);
    // A killed `git push` may have left a receiver behind that is about to publish.
    await pause(300);
    await expectPublished(box, await remote.names(), `seed ${SEED}, round ${round}`);
    await remote.expireClaims();
  }
  return counts;
}

/** Every content that a tip of the upstream names is in the store, with all its bases. */
async function expectPublished(box: Sandbox, names: readonly string[], where: string): Promise<void> {
  const objects = names.flatMap((name) => parseName(name) ?? []);
  const decodable = (oid: string, depth = 0): boolean => depth < 20 && objects.some((one) => one.oid === oid && (one.base === undefined || decodable(one.base, depth + 1)));
  for (const ref of (await box.git("up.git", "for-each-ref", "--format=%(refname)")).split("\n")) {
    const manifest = parseManifest(`${await box.git("up.git", "show", `${ref}:.ballast/manifest.jsonl`)}\n`, ref);
    for (const { oid, path } of manifest.values()) expect(decodable(oid), `${where}: ${ref} needs ${path}, object ${oid}`).toBe(true);
  }
}

/** That the danger was there; how often depends on the machine. */
function expectMuch({ published, removed, endangered, aimed, waited }: Counts): void {
  expect(published).toBeGreaterThan(0);
  expect(removed).toBeGreaterThan(0);
  expect(aimed).toBeGreaterThan(0);
  if (ROUNDS < 20) return;
  expect(endangered).toBeGreaterThan(ROUNDS / 4);
  expect(waited).toBeGreaterThan(ROUNDS / 20);
}

test("in a directory: what a published commit needs is never missing", { timeout: 60_000 + ROUNDS * 60_000 }, async () => {
  let root = "";
  const files = async (under: string): Promise<string[]> =>
    (await readdir(join(root, under), { recursive: true, withFileTypes: true }).catch(() => [])).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const holder = await sandbox({ ballast: false });
  root = holder.path("store");
  const counts = await rounds({
    url: root,
    env: {},
    names: async () => (await files("objects")).map((file) => file.split("/").at(-1)!),
    records: async () => [...(await files("gc/sweeps")), ...(await files("gc/claims"))].map((file) => file.split("/").at(-1)!),
    put: async (content) => void (await openDirectoryStore(root).write(objectKey({ oid: oidOf(content), encoding: "raw" }), bufferSource(content))),
    async expireClaims() {
      const then = new Date(Date.now() - WEEK_MS);
      for (const file of await files("gc/claims")) if (file.includes("/push-")) await utimes(file, then, then);
    },
  });
  console.log(`directory, seed ${SEED}, ${ROUNDS} rounds: ${JSON.stringify(counts)}`);
  expectMuch(counts);
  for (const file of await files("objects")) {
    const name = file.split("/").at(-1)!;
    if (parseName(name)?.encoding === "raw") expect(sha256(await holder.read(file))).toBe(name);
  }
});

test.runIf(s3)("in a bucket: what a published commit needs is never missing", { timeout: 60_000 + ROUNDS * 60_000 }, async () => {
  const Bucket = await s3!.bucket();
  const client = s3!.client();
  const keys = async (Prefix: string): Promise<string[]> => ((await client.send(new ListObjectsV2Command({ Bucket, Prefix }))).Contents ?? []).map(({ Key }) => Key!);
  const counts = await rounds({
    url: `s3://${Bucket}/team`,
    env: { ...s3!.env(), BALLAST_STORE_REGION: "us-east-1" },
    names: async () => (await keys("team/objects/")).map((key) => key.split("/").at(-1)!),
    records: async () => (await keys("team/gc/")).filter((key) => /gc\/(sweeps|claims)\//.test(key)).map((key) => key.split("/").at(-1)!),
    put: async (content) => void (await client.send(new PutObjectCommand({ Bucket, Key: `team/${objectKey({ oid: oidOf(content), encoding: "raw" })}`, Body: content }))),
    async expireClaims() {
      // The store's clock cannot be turned. All who clean up here know the refs, so an expired claim is one that is gone.
      for (const Key of await keys("team/gc/claims/")) if (Key.includes("/push-")) await client.send(new DeleteObjectCommand({ Bucket, Key }));
    },
  });
  console.log(`bucket, seed ${SEED}, ${ROUNDS} rounds: ${JSON.stringify(counts)}`);
  expectMuch(counts);
});
