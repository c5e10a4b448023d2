import { readdirSync, rmSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { bytesIn, copyTree } from "../files.ts";
import type { Bench, CaseResult, Goal, Row, Variant } from "../row.ts";
import { shell } from "../shell.ts";
import { writeTexts } from "../texts.ts";
import { life, type Contents } from "./life.ts";
import { KEEPERS, needsOf, requireBytes, timeGoals } from "./many.ts";

const FILES = 24;
const BYTES = 201e6;
const CORES = availableParallelism();
const GZIP = `gzip -6, ${CORES} at a time`;

export const text: Row = {
  name: "text",
  budgetSeconds: 35,
  work: "24 files of made-up prose, 201 MB together: add, commit, push to a directory, clone, and the bytes that are stored. The compressors only compress, and decompress for the clone; they hash nothing.",
  diskBytes: 3e9,
  rounds: 1,
  async *cases(bench) {
    const contents = texts(bench);
    const compressors = [
      compressor(GZIP, "gzip", contents, `ls "$1"/*.txt | xargs -n 1 -P ${CORES} gzip -6 -n -k`, `ls "$1"/*.gz | xargs -n 1 -P ${CORES} gzip -d -k`),
      compressor("pigz -6", "pigz", contents, 'pigz -6 -n -k "$1"/*.txt', 'pigz -d -k "$1"/*.gz'),
    ];
    const keepers = KEEPERS.map((keeper): Variant => ({ name: keeper, needs: needsOf(keeper), run: async (sample) => sample.include((await life(bench, keeper, contents)).sample) }));
    yield { name: `${FILES} files`, bytes: contents.bytes, reference: "Ballast", variants: [...keepers, ...compressors] };
  },
  goals: (cases) => cases.flatMap((result) => [...timeGoals(result, "Ballast", GZIP, 0.6).filter(({ what }) => what.includes(": add,")), ...storedGoals(result)]),
};

function texts(bench: Bench): Contents {
  const source = join(bench.scratch, "texts");
  const each = Math.ceil(BYTES / FILES / (bench.quick ? 50 : 1));
  bench.say(`writing ${FILES} texts`);
  writeTexts(source, FILES, each);
  return { name: `${FILES} texts`, bytes: FILES * each, put: (directory) => copyTree(source, directory) };
}

function compressor(name: string, program: string, { put, bytes }: Contents, compress: string, decompress: string): Variant {
  return { name, needs: [program], run: async (sample) => {
    const files = join(sample.directory, "texts");
    await put(files);
    await sample.step("add", shell(compress, files));
    for (const name of readdirSync(files)) if (name.endsWith(".txt")) rmSync(join(files, name));
    await sample.step("clone", shell(decompress, files));
    requireBytes(files, bytesIn(files), bytes);
    sample.add("stored", readdirSync(files).reduce((sum, file) => sum + (file.endsWith(".gz") ? statSync(join(files, file)).size : 0), 0));
  } };
}

function storedGoals({ name, variants }: CaseResult): Goal[] {
  const [ours, theirs] = ["Ballast", GZIP].map((wanted) => variants.find((variant) => variant.name === wanted)?.figures["stored"]);
  return ours === undefined || theirs === undefined ? [] : [{ what: `${name}: bytes stored in ratio to gzip -6`, value: ours / theirs, unit: "×", bound: { atMost: 1 } }];
}
