import { join } from "node:path";
import { Repository } from "../repository.ts";
import type { Command } from "../measure.ts";
import type { CaseResult, Goal, Row, Variant } from "../row.ts";

const TIMES = 10;
const VERSION = "git-ballast --version";
const NOTHING = "/bin/true";
const HOOK = "a hook with nothing to do";

export const start: Row = {
  name: "start",
  budgetSeconds: 12,
  work: `Programs that have next to nothing to do, ${TIMES} times each, one after the other.`,
  rounds: 5,
  async *cases({ scratch }) {
    const repository = await Repository.create(join(scratch, "start"), "Ballast", "*.bin");
    await repository.commit("nothing");
    const { path: cwd, env } = repository;
    const hook = (name: string, ...args: string[]): Command => ({ program: join(cwd, ".git/hooks", name), args, cwd, env });
    yield {
      name: "start",
      reference: "node -e 0",
      variants: [
        variant("node -e 0", { program: process.execPath, args: ["-e", "0"] }),
        variant(VERSION, { program: join(scratch, "start/bin/git-ballast"), args: ["--version"], cwd, env }),
        variant("git-lfs version", { program: "git-lfs", args: ["version"] }, "git-lfs"),
        variant(NOTHING, { program: NOTHING, args: [], cwd, env }),
        variant(`${HOOK}: post-index-change`, hook("post-index-change", "0", "0")),
        variant(`${HOOK}: post-checkout`, hook("post-checkout", repository.git("rev-parse", "HEAD"), repository.git("rev-parse", "HEAD"), "1")),
      ],
    };
  },
  goals,
};

/** Runs a command again and again, in a shell that does nothing else. */
function variant(name: string, { program, args, cwd, env }: Command, needs?: string): Variant {
  const again = `i=0; while [ $i -lt ${TIMES} ]; do "$@" > /dev/null || exit; i=$((i+1)); done`;
  return { name, ...(needs === undefined ? {} : { needs: [needs] }), run: async (sample) => void (await sample.step("run", { program: "sh", args: ["-c", again, "sh", program, ...args], cwd, env })) };
}

function goals([result]: readonly CaseResult[]): Goal[] {
  if (result === undefined) return [];
  const secondsOf = (name: string): number => result.variants.find((variant) => variant.name === name)!.steps["run"]!.wallSeconds.median;
  const ratio = result.variants.find(({ name }) => name === VERSION)!.steps["run"]!.ratio.wall!;
  const hooks = result.variants.filter(({ name }) => name.startsWith(HOOK));
  return [
    { what: `${VERSION} in ratio to node -e 0`, value: ratio, unit: "×", bound: { atMost: 1.6 } },
    ...hooks.map(({ name }): Goal => ({ what: `${name}, beyond ${NOTHING}`, value: ((secondsOf(name) - secondsOf(NOTHING)) * 1000) / TIMES, unit: "ms", bound: { atMost: 10 } })),
  ];
}
