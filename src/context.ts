import type { Settings } from "./config/settings.ts";
import type { Report } from "./events.ts";
import type { Repository } from "./git/repository.ts";

/** What a command is given: everything from outside that it may use. */
export interface Context {
  readonly repository: Repository;
  /** Where the user stands; paths on the command line are relative to it. */
  readonly cwd: string;
  readonly settings: Settings;
  readonly report: Report;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}
