import { mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { removeTree } from "../files.ts";
import { writeLargeFile } from "../large-file.ts";
import type { Bench, CaseResult, Goal, Row, Variant } from "../row.ts";
import type { S3Server } from "../s3-server.ts";
import { shell } from "../shell.ts";
import { life, lifeOver, type Contents } from "./life.ts";
import { ASSETS, KEEPERS, needsOf, timeGoals } from "./many.ts";

const SIZE_MIB = 2048;
const COPY = "sha256sum, cp";
const RCLONE = "rclone copyto";
const MOST_MB = 200;

export const big: Row = {
  name: "big",
  budgetSeconds: 110,
  work: "One file of 2 GiB that does not compress: add, commit, push and clone, by way of a directory and of a bucket. sha256sum and cp hash the file and copy it: this is the least for each of add, push and clone, and done once.",
  diskBytes: 20e9,
  rounds: 1,
  async *cases(bench) {
    const contents = await largeFile(bench, bench.quick ? Math.ceil(SIZE_MIB / 50) : SIZE_MIB);
    const { file } = contents;
    const keep = KEEPERS.map((keeper): Variant => ({ name: keeper, needs: needsOf(keeper), run: async (sample) => {
      const { sample: measured, repository } = await life(bench, keeper, contents);
      sample.include(measured);
      contents.takeBack(join(repository.path, ASSETS));
      removeTree(join(repository.path, ".."));
    } }));
    yield { name: `${contents.name} and a directory`, bytes: contents.bytes, reference: "Ballast", variants: [...keep, copy(file)] };
    const server = await bench.s3();
    if (server === undefined) bench.say("there is no S3 server: nothing is measured with a bucket");
    else yield { name: `${contents.name} and a bucket`, bytes: contents.bytes, reference: "Ballast", variants: [ballastOver(bench, server, contents), rclone(server, file)] };
    removeTree(dirname(file));
  },
  goals: (cases) => cases.flatMap((result) => [...timeGoals(result, "Ballast", "git-lfs", 0.6).filter(isWork), ...timeGoals(result, "Ballast", COPY, 1.5), ...timeGoals(result, "Ballast", RCLONE, 1.1), ...peaks(result)]),
};

/** A file that goes from worktree to worktree. */
interface LargeFile extends Contents {
  readonly file: string;
  takeBack(directory: string): void;
}

async function largeFile(bench: Bench, mebibytes: number): Promise<LargeFile> {
  bench.say(`writing ${mebibytes} MiB`);
  const source = join(bench.scratch, "big");
  mkdirSync(source);
  const bytes = await writeLargeFile(join(source, "large.bin"), mebibytes * 2 ** 20);
  return { name: `${mebibytes} MiB`, bytes, file: join(source, "large.bin"), put: (directory) => renameSync(source, directory), takeBack: (directory) => renameSync(directory, source) };
}

function copy(file: string): Variant {
  return { name: COPY, needs: ["sha256sum"], run: async (sample) => {
    await sample.step("add", shell('sha256sum "$1" > "$2.sum"; cp "$1" "$2"', file, join(sample.directory, "copy")));
    for (const step of ["push", "clone"]) sample.steps[step] = sample.steps["add"]!;
  } };
}

function ballastOver(bench: Bench, server: S3Server, contents: LargeFile): Variant {
  return { name: "Ballast", run: async (sample) => {
    const bucket = await server.bucket();
    const { sample: measured, repository } = await lifeOver(bench, { url: `s3://${bucket}/store`, env: server.env }, contents);
    sample.include(measured);
    contents.takeBack(join(repository.path, ASSETS));
    removeTree(join(repository.path, ".."));
    await server.empty(bucket);
  } };
}

function rclone({ bucket, empty, env }: S3Server, file: string): Variant {
  return { name: RCLONE, needs: ["rclone"], run: async (sample) => {
    const place = await bucket();
    await sample.step("push", { program: "rclone", args: ["copyto", file, `bench:${place}/large.bin`], env });
    await sample.step("clone", { program: "rclone", args: ["copyto", `bench:${place}/large.bin`, join(sample.directory, "large.bin")], env });
    await empty(place);
  } };
}

/** A commit or a status does nothing with the content. */
function isWork({ what }: Goal): boolean {
  return !/: (commit|git status),/.test(what);
}

function peaks({ name, variants }: CaseResult): Goal[] {
  const steps = Object.entries(variants.find((variant) => variant.name === "Ballast")?.steps ?? {});
  return steps.flatMap(([step, { peakBytes }]) => (peakBytes === undefined ? [] : [{ what: `${name}: ${step}, peak memory`, value: peakBytes / 1e6, unit: "MB", bound: { atMost: MOST_MB } }]));
}
