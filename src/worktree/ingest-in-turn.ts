import type { Context } from "../context.ts";
import { policyOf } from "../delta/plan.ts";
import { isBallastError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { manifestAt } from "../manifest/versions.ts";
import type { BaseHint } from "../object/ingest-delta.ts";
import type { Ingested } from "../object/ingest.ts";
import type { Oid } from "../object/oid.ts";
import type { FileJob, IngestJob, IngestPool } from "../object/pool.ts";
import type { DirectoryStore } from "../store/directory.ts";
import { SKETCHED_BYTES } from "../object/sketch-file.ts";
import { findBases, leadersOf, type Bases, type Known, type Newcomer } from "./bases.ts";
import { fetchBases } from "./fetch-bases.ts";
import { DirectoryCheck } from "./observe.ts";
import { tracking } from "./tracking.ts";

/** What is read, beside storing it, to find out which new files are alike; the rest are stored whole. */
const MOST_SKETCHED_BYTES = 4 * 1024 ** 3;
const NONE: Bases = { hints: new Map(), kins: [] };

/**
 * What files may be stored against: contents of the commit that HEAD names, and each other. What was recorded but not
 * committed is no base, since a push might have to bring it along for nothing else.
 * @param stores those on this machine; a base that is worth it comes from a remote one first
 */
export async function basesFor(context: Context, files: readonly Newcomer[], stores: readonly DirectoryStore[]): Promise<Bases> {
  const { repository, settings } = context;
  if (settings.delta.mode === "never") return NONE;
  const { matches } = tracking(settings.delta.exclude);
  const { minFullBytes } = policyOf(settings.delta);
  const wanted = files.filter(({ path, sizeBytes }) => sizeBytes >= minFullBytes && !matches(path));
  if (wanted.length === 0) return NONE;
  const head = await headOf(context);
  const versionsOf = (path: string): Known["oid"][] => (head.has(path) ? [head.get(path)!.oid] : []);
  const fresh = wanted.some(({ path }) => !head.has(path));
  const assets = fresh ? [...head.values()] : [];
  const directories = new DirectoryCheck(repository.top);
  const bases = findBases(wanted, { versionsOf, assets, vanished: assets.filter(({ path }) => directories.lstat(path) === undefined) });
  await fetchBases(context, wanted, { bases, known: head, stores });
  return bases;
}

/** What HEAD has. A manifest there that cannot be read is no reason not to record: the next commit may mend it. */
async function headOf({ repository }: Context): Promise<Manifest> {
  try {
    return (await manifestAt(repository, "HEAD")) ?? new Map();
  } catch (error) {
    if (!isBallastError(error)) throw error;
    return new Map();
  }
}

/**
 * Stores files so that what others may stand on is there before them: of files that are alike the first one goes
 * before the rest.
 * @param jobs of the files, in the same order
 * @param done gets each file that is there, by its place among them
 */
export async function ingestInTurn(
  pool: IngestPool,
  files: readonly Newcomer[],
  jobs: readonly FileJob[],
  { hints, kins }: Bases,
  done: (made: Ingested, index: number) => void,
): Promise<void> {
  const known = (path: string): readonly BaseHint[] => hints.get(path) ?? [];
  if (kins.length === 0) return pool.ingest(jobs.map((job, i) => withHints(job, known(files[i]!.path))), done);
  const indexes = new Map(files.map(({ path }, index) => [path, index]));
  const leaders = await findLeaders(pool, kins, (path) => jobs[indexes.get(path)!]!);
  const led = new Set(leaders.values());
  const oids = new Map<string, Oid>();
  const ingest = async (turn: readonly number[], hintsOf: (path: string) => readonly BaseHint[]): Promise<void> => {
    if (turn.length === 0) return;
    await pool.ingest(turn.map((index) => withHints(jobs[index]!, hintsOf(files[index]!.path))), (made, i) => {
      const { path } = files[turn[i]!]!;
      if (led.has(path)) oids.set(path, made.oid);
      done(made, turn[i]!);
    });
  };
  const all = files.map((_, index) => index);
  await ingest(all.filter((index) => !leaders.has(files[index]!.path)), known);
  await ingest(all.filter((index) => leaders.has(files[index]!.path)), (path) => {
    const oid = oids.get(leaders.get(path)!);
    return oid ? [{ oid, why: "similar" }, ...known(path)] : known(path);
  });
}

/** There may be a million without. */
function withHints(job: FileJob, hints: readonly BaseHint[]): IngestJob {
  const { path, sizeBytes, label } = job;
  return hints.length === 0 ? job : { path, sizeBytes, label, hints };
}

/** Looks which kin are alike. */
async function findLeaders(pool: IngestPool, kins: Bases["kins"], jobOf: (path: string) => FileJob): Promise<Map<string, string>> {
  const { similarity } = await import("../delta/sketch.ts");
  const looked: Newcomer[][] = [];
  let sketchedBytes = 0;
  for (const kin of kins) {
    sketchedBytes += kin.reduce((sum, { sizeBytes }) => sum + Math.min(sizeBytes, SKETCHED_BYTES), 0);
    if (sketchedBytes > MOST_SKETCHED_BYTES) break;
    looked.push([...kin]);
  }
  const files = looked.flat();
  const sketches = await pool.sketch(files.map(({ path }) => jobOf(path)));
  const byPath = new Map(files.map(({ path }, i) => [path, sketches[i]]));
  const alike = (a: Newcomer, b: Newcomer): number => {
    const [left, right] = [byPath.get(a.path), byPath.get(b.path)];
    return left && right ? similarity(left, right) : 0;
  };
  return new Map(looked.flatMap((kin) => [...leadersOf(kin, alike)]));
}
