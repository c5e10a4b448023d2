import type { Machine } from "./machine.ts";
import type { S3Server } from "./s3-server.ts";
import type { Spread } from "./statistics.ts";
import type { Sample } from "./sample.ts";
import type { Programs } from "./programs.ts";

/** One line of work that is measured, and whatever does the same: one module in rows/. */
export interface Row {
  readonly name: string;
  /** What is done, in a sentence or two: the text above the tables. */
  readonly work: string;
  /** Free disk space without which the row is left out, in bytes. */
  readonly diskBytes?: number;
  /** How often everything is measured unless the command line says so; 3 where nothing is said. */
  readonly rounds?: number;
  /** Whether there is more to it with `--thorough`: only then its results go into the docs. */
  readonly slow?: boolean;
  /** No further round of a case is begun that would take the row beyond this; what is made ready counts. */
  readonly budgetSeconds: number;
  /** Makes ready what is measured; nothing of this counts. One case at a time is made and measured. */
  cases(bench: Bench): AsyncIterable<Case>;
  /** What was hoped for, held against what came out; a goal whose peer was absent is left out. */
  goals(cases: readonly CaseResult[]): Goal[];
}

/** The same work done by several tools. */
export interface Case {
  readonly name: string;
  /** Bytes that each step works through, for MB/s. */
  readonly bytes?: number;
  /** Steps are given as a ratio to those of this variant. */
  readonly reference: string;
  /** How often at most, where it is less than the row's. */
  readonly rounds?: number;
  readonly variants: readonly Variant[];
}

export interface Variant {
  readonly name: string;
  /** Programs that must be there. */
  readonly needs?: readonly string[];
  /** Measured only when everything is: it takes minutes. */
  readonly slow?: boolean;
  /** Measured in the first round only: it is slow, and there to compare bytes. */
  readonly once?: boolean;
  /** Does the work once, in a directory of its own that is empty and goes away; throws when a result is wrong. */
  run(sample: Sample): Promise<void>;
}

/** What rows are given. */
export interface Bench {
  /** A directory for everything that goes away at the end. */
  readonly scratch: string;
  /** A directory for what is fetched once. */
  readonly cache: string;
  readonly programs: Programs;
  /** Whether only the benchmark itself is tried: with a fiftieth of the work. */
  readonly quick: boolean;
  /** Whether everything is measured, however long it takes. */
  readonly thorough: boolean;
  /** A directory like the first on another file system; undefined where there is none. */
  readonly elsewhere: string | undefined;
  /** An S3 server, started when it is first asked for; undefined where there is none. */
  s3(): Promise<S3Server | undefined>;
  /** What was made ready for one row and serves another of the same run; made when it is first asked for. */
  once<T>(name: string, make: () => Promise<T>): Promise<T>;
  /** The same, made again whether it is there or not: what was measured now serves the rows after it. */
  anew<T>(name: string, make: () => Promise<T>): Promise<T>;
  say(line: string): void;
  /** Whether a case is measured, by the first word of its name. */
  wants(name: string): boolean;
}

export interface StepResult {
  readonly wallSeconds: Spread;
  readonly cpuSeconds: Spread;
  /** The largest of all rounds; undefined where no program tells. */
  readonly peakBytes?: number | undefined;
  /** Wall and CPU time relative to the reference variant's: the median over rounds; none where that took no time. */
  readonly ratio: { readonly wall?: number | undefined; readonly cpu?: number | undefined };
}

export interface VariantResult {
  readonly name: string;
  readonly rounds: number;
  readonly steps: Readonly<Record<string, StepResult>>;
  /** Such as bytes stored: the median over rounds. */
  readonly figures: Readonly<Record<string, number>>;
  /** Figures of single items, such as versions, by the item's name; of the last round. */
  readonly items: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
}

export interface CaseResult {
  readonly name: string;
  readonly bytes?: number | undefined;
  readonly reference: string;
  readonly variants: readonly VariantResult[];
  /** Variants that did not take part, and why. */
  readonly absent: Readonly<Record<string, string>>;
}

export interface Goal {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly bound: { readonly atMost: number } | { readonly atLeast: number };
}

export interface RowResult {
  readonly row: string;
  readonly work: string;
  readonly cases: readonly CaseResult[];
  readonly goals: readonly Goal[];
  /** How long all of it took, and what was meant. */
  readonly seconds: number;
  readonly budgetSeconds: number;
  /** Whether slow variants and cases took part. */
  readonly thorough: boolean;
  /** Whether it is a trial of the benchmark, with less work than the row says. */
  readonly quick: boolean;
  readonly machine: Machine;
}
