import { environment } from "../config/environment.ts";
import { withSession, type Session } from "./session.ts";

export type Driver = "hook" | "filter-process" | "merge-driver" | "textconv";

/** What Git starts, by a hook or by a driver of the manifest: no options, and settings without a command line. */
export async function runDriver(driver: Driver, args: string[]): Promise<number> {
  const title = driver === "hook" ? `hook ${args[0] ?? ""}` : driver;
  const verbose = (environment()["BALLAST_VERBOSE"] ?? "") !== "";
  // Only a push is something that people wait for and want to have summed up.
  const summaries = driver === "hook" && args[0] === "pre-push";
  return withSession({ title, verbose, summaries, quiet: false, progress: "auto", warnings: false }, (session) => run(driver, args, session));
}

async function run(driver: Driver, args: string[], session: Session): Promise<number> {
  switch (driver) {
    case "hook":
      return (await import("./drivers/hook.ts")).run(args, session.context);
    case "filter-process":
      return (await import("./drivers/filter-process.ts")).run(session.context);
    case "merge-driver":
      return (await import("./drivers/merge-driver.ts")).run(args);
    case "textconv":
      return (await import("./drivers/textconv.ts")).run(args, session.context);
  }
}
