import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Repository } from "../repository.ts";
import type { Bench, Case, CaseResult, Goal, Row, Variant } from "../row.ts";
import type { Sample } from "../sample.ts";
import { contentsOf, life } from "./life.ts";
import { ASSETS, load, nameOf, requireClean, type Load } from "./many.ts";
import { plainGit } from "./plain-git.ts";

const TEXTS = 100;
const EDITED = "text/0.txt";
/** Commands so short that only many of them, in one shell, can be measured: an even number; and what is hoped for. */
const CASES = [
  { count: 1000, times: 10, mostBeyondMs: 50, rounds: 5 },
  { count: 100_000, times: 4, mostBeyondMs: 200, rounds: 3 },
];
/** Who has the assets. */
const HOLDERS = ["Ballast", "git", "nobody"] as const;
type Holder = (typeof HOLDERS)[number];

export const overhead: Row = {
  name: "overhead",
  budgetSeconds: 45,
  work:
    `Git's own work beside assets that it does not touch, each command ${CASES[0]!.times} times, and ${CASES[1]!.times} times among the many: \`git status\`, \`git commit -a\` of an edited text file, \`git push\` of it to a directory, ` +
    `and \`git switch\` between commits that differ in it, with ${TEXTS} text files. Ballast has the assets, or Git has them, or there are none.`,
  diskBytes: 3e9,
  rounds: 5,
  async *cases(bench) {
    for (const { count, times, rounds } of CASES) yield { ...(await beside(bench, load(bench, count, 1), times)), rounds };
  },
  goals: (cases) => cases.flatMap((result, i) => goalsOf(result, CASES[i]!)),
};

async function beside(bench: Bench, assets: Load, times: number): Promise<Omit<Case, "rounds">> {
  const repositories: Repository[] = [];
  for (const holder of HOLDERS) repositories.push(await make(bench, assets, holder));
  for (const repository of repositories) await repository.rest();
  return { name: nameOf(assets), reference: "nobody", variants: HOLDERS.map((holder, i) => variant(holder, repositories[i]!, times)) };
}

function variant(holder: Holder, repository: Repository, times: number): Variant {
  let round = 0;
  return { name: holder, run: (sample) => work(sample, repository, times, ++round) };
}

async function make(bench: Bench, assets: Load, holder: Holder): Promise<Repository> {
  const repository = await holding(bench, assets, holder);
  mkdirSync(join(repository.path, "text"));
  for (let i = 0; i < TEXTS; i++) writeFileSync(join(repository.path, `text/${i}.txt`), `text ${i}\n`);
  await repository.commit("texts");
  repository.git("push", "-q", "origin", "main");
  repository.git("branch", "before");
  return repository;
}

/** A repository with the assets; one that another row has made serves as well. */
async function holding(bench: Bench, assets: Load, holder: Holder): Promise<Repository> {
  if (holder === "git") return plainGit(bench, contentsOf(assets));
  if (holder === "Ballast") return (await life(bench, holder, contentsOf(assets))).repository;
  const directory = join(bench.scratch, `overhead-${assets.count}`);
  return Repository.create(directory, "git", `${ASSETS}/**`, { directory });
}

/** Leaves the repository at the newest of its commits, all of them pushed. */
async function work(sample: Sample, repository: Repository, times: number, round: number): Promise<void> {
  const again = async (name: string, command: string): Promise<string> => {
    const script = `i=0; while [ $i -lt ${times} ]; do ${command} || exit; i=$((i+1)); done`;
    const { stdout } = await sample.step(name, { program: "sh", args: ["-c", script], cwd: repository.path, env: repository.env });
    await repository.settled();
    return stdout;
  };
  requireClean(await again("git status", "git status --porcelain"), repository);
  await again("git commit -a", `echo "${round} $i" > ${EDITED} && git commit -q -a -m text`);
  await again("git push", `git push -q origin HEAD~$((${times - 1}-i)):main`);
  await again("git switch", "if [ $((i%2)) = 0 ]; then git switch -q before; else git switch -q main; fi");
}

/** A few shells each time, and a look at each asset that costs no more than Git's own. */
function goalsOf({ name, variants }: CaseResult, { times, mostBeyondMs: atMost }: (typeof CASES)[number]): Goal[] {
  const [ours, plain] = ["Ballast", "git"].map((wanted) => variants.find((variant) => variant.name === wanted)!.steps);
  return Object.entries(ours!).map(([step, { cpuSeconds }]) => ({
    what: `${name}: ${step}, CPU beyond Git with the same files, each time`,
    value: ((cpuSeconds.median - plain![step]!.cpuSeconds.median) * 1000) / times,
    unit: "ms",
    bound: { atMost },
  }));
}
