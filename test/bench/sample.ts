import { measure, type Command, type Usage } from "./measure.ts";
import { output, type Programs } from "./programs.ts";

/** What one step of one round took: all its commands together. */
export interface StepUsage {
  wallSeconds: number;
  cpuSeconds: number;
  peakBytes: number | undefined;
}

/** What a variant measured in one round. */
export class Sample {
  readonly steps: Record<string, StepUsage> = {};
  readonly figures: Record<string, number> = {};
  readonly items: Record<string, Record<string, string | number>> = {};
  /** An empty directory of this round. */
  readonly directory: string;
  readonly #programs: Programs;

  constructor(directory: string, programs: Programs) {
    this.directory = directory;
    this.#programs = programs;
  }

  /**
   * Measures a command as a part of a step: times add up, of memory the most counts. What others have written is
   * brought to the disk before a step begins, so that nobody pays for it.
   * @throws Error when the command fails
   */
  async step(name: string, command: Command): Promise<Usage> {
    if (this.steps[name] === undefined) output("sync", []);
    const usage = await measure(command, this.#programs, this.directory);
    const step = (this.steps[name] ??= { wallSeconds: 0, cpuSeconds: 0, peakBytes: undefined });
    step.wallSeconds += usage.wallSeconds;
    step.cpuSeconds += usage.cpuSeconds;
    if (usage.peakBytes !== undefined) step.peakBytes = Math.max(step.peakBytes ?? 0, usage.peakBytes);
    return usage;
  }

  /** Takes over what another sample measured. */
  include({ steps, figures, items }: Sample): void {
    Object.assign(this.steps, steps);
    Object.assign(this.figures, figures);
    Object.assign(this.items, items);
  }

  /** Notes a number such as bytes stored; further ones of the name are added. */
  add(name: string, value: number): void {
    this.figures[name] = (this.figures[name] ?? 0) + value;
  }

  /** Notes something of a single item, such as a version. */
  item(name: string, what: Record<string, string | number>): void {
    this.items[name] = { ...this.items[name], ...what };
  }
}
