import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Bench, CaseResult, Goal, Row, Variant } from "../row.ts";
import type { S3Server } from "../s3-server.ts";
import { shell } from "../shell.ts";
import { largeFile } from "./growth.ts";
import { life, lifeOver, type Contents } from "./life.ts";
import { KEEPERS, needsOf, timeGoals } from "./many.ts";

const SIZE_MIB = 2048;
const COPY = "sha256sum, cp";
const RCLONE = "rclone copyto";
const MOST_MB = 200;

export const big: Row = {
  name: "big",
  budgetSeconds: 90,
  work: "One file of 2 GiB that does not compress: add, commit, push and clone, by way of a directory and of a bucket. sha256sum and cp hash the file and copy it, once for each.",
  diskBytes: 20e9,
  rounds: 1,
  async *cases(bench) {
    const contents = await largeFile(bench, bench.quick ? Math.ceil(SIZE_MIB / 50) : SIZE_MIB);
    const keep = KEEPERS.map((keeper): Variant => ({ name: keeper, needs: needsOf(keeper), run: async (sample) => {
      const { sample: measured, repository } = await life(bench, keeper, contents);
      sample.include(measured);
      rmSync(join(repository.path, ".."), { recursive: true });
    } }));
    yield { name: `${contents.name} and a directory`, bytes: contents.bytes, reference: "Ballast", variants: [...keep, copy(contents)] };
    const server = await bench.s3();
    if (server === undefined) return bench.say("there is no S3 server: nothing is measured with a bucket");
    yield { name: `${contents.name} and a bucket`, bytes: contents.bytes, reference: "Ballast", variants: [ballastOver(bench, server, contents), rclone(server, contents)] };
  },
  goals: (cases) => cases.flatMap((result) => [...timeGoals(result, "Ballast", "git-lfs", 0.6).filter(isWork), ...timeGoals(result, "Ballast", COPY, 1.5), ...timeGoals(result, "Ballast", RCLONE, 1.1), ...peaks(result)]),
};

function copy({ directory }: Contents): Variant {
  return { name: COPY, needs: ["sha256sum"], run: async (sample) => {
    const [file, here, there] = ["file", "here", "there"].map((name) => join(sample.directory, name));
    copyFileSync(join(directory, "large.bin"), file!);
    const line = 'sha256sum "$1" > "$2.sum"; cp "$1" "$2"';
    await sample.step("add", shell(line, file!, here!));
    await sample.step("push", shell(line, here!, there!));
    await sample.step("clone", shell(line, there!, join(sample.directory, "clone")));
  } };
}

function ballastOver(bench: Bench, server: S3Server, contents: Contents): Variant {
  return { name: "Ballast", run: async (sample) => {
    const bucket = await server.bucket();
    sample.include(await lifeOver(bench, { url: `s3://${bucket}/store`, env: server.env }, contents));
    await server.empty(bucket);
  } };
}

function rclone({ bucket, empty, env }: S3Server, { directory }: Contents): Variant {
  return { name: RCLONE, needs: ["rclone"], run: async (sample) => {
    const place = await bucket();
    await sample.step("push", { program: "rclone", args: ["copyto", join(directory, "large.bin"), `bench:${place}/large.bin`], env });
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
