import { environment } from "../config/environment.ts";
import { BallastError } from "../errors.ts";
import { flagsOf } from "./globals.ts";
import { Output } from "./output.ts";
import { parseCommandLine, type Request } from "./program.ts";
import { exitStatus, renderError } from "./render-error.ts";
import { withSession } from "./session.ts";
import { styleFor } from "./style.ts";
import type { Globals, Run } from "./verb.ts";

/** Runs the program with these arguments. @returns the exit status */
export async function runProgram(args: readonly string[], version: string): Promise<number> {
  const out = new Output(process.stdout, () => process.exit(0));
  let request: Request;
  let flags: Record<string, string> = {};
  try {
    request = await parseCommandLine(args, version, process.stdout.columns ?? 100);
    if (request.kind === "run") {
      flags = flagsOf(request.args);
      enter(request.args);
    }
  } catch (error) {
    process.stderr.write(renderError(error, { verbose: false, json: false, style: styleFor(process.stderr, environment()) }));
    return exitStatus(error);
  }
  if (request.kind === "print") {
    out.write(request.text);
    return 0;
  }
  const { name, verb, args: parsed } = request;
  const { quiet, verbose, progress } = parsed;
  return withSession({ title: name, quiet, verbose, progress, flags, summaries: false, warnings: true }, async (session) => {
    const run: Run = {
      ...session,
      out,
      style: styleFor(process.stdout, session.env),
      context: () => session.context(),
      notes: (notes) => {
        for (const message of notes) session.report({ kind: "info", message });
      },
    };
    return (await verb.run(parsed as never, run)) ?? 0;
  });
}

/** `-C` as Git has it: each is relative to the one before. */
function enter({ C }: Globals): void {
  for (const directory of C ?? []) {
    try {
      process.chdir(directory);
    } catch (error) {
      throw new BallastError("USAGE", `cannot change into ${directory}`, { hint: "check the argument of -C", cause: error });
    }
  }
}
