import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findPrograms } from "../../bench/programs.ts";
import type { Bench, Row, Variant } from "../../bench/row.ts";
import { runRow } from "../../bench/run-row.ts";

let scratch: string;
let said: string[];
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "ballast-bench-unit-"));
  said = [];
});
afterEach(() => rmSync(scratch, { recursive: true }));

const bench = (without: string[] = []): Bench => ({ scratch, cache: scratch, programs: findPrograms(without), say: (line) => void said.push(line), wants: () => true, quick: false, thorough: false, elsewhere: undefined, s3: async () => undefined, once: (_, make) => make(), anew: (_, make) => make() });

function rowOf(variants: readonly Variant[], more: Partial<Row> = {}, rounds?: number): Row {
  return {
    name: "row",
    budgetSeconds: 60,
    work: "Works.",
    async *cases() {
      yield { name: "case", reference: "a", variants, ...(rounds === undefined ? {} : { rounds }) };
    },
    goals: () => [],
    ...more,
  };
}

describe("a row", () => {
  it("is measured in interleaved rounds, slow variants once, each time in an empty directory", async () => {
    const order: string[] = [];
    const variant = (name: string, once = false): Variant => ({ name, once, run: async (sample) => {
      expect(readdirSync(sample.directory)).toEqual([]);
      order.push(name);
      await sample.step("work", { program: "sh", args: ["-c", "echo done > file"], cwd: sample.directory });
      expect(existsSync(join(sample.directory, "file"))).toBe(true);
      sample.add("stored", order.length);
    } });
    const result = await runRow(rowOf([variant("a"), variant("b", true), variant("c")]), bench(), 3);
    expect(order).toEqual(["a", "b", "c", "a", "c", "a", "c"]);
    const [a, b, c] = result!.cases[0]!.variants;
    expect([a!.rounds, b!.rounds, c!.rounds]).toEqual([3, 1, 3]);
    expect(a!.figures).toEqual({ stored: 4 });
    expect(a!.steps["work"]!.ratio.wall).toBe(1);
    expect(c!.steps["work"]!.wallSeconds.min).toBeGreaterThan(0);
    expect(readdirSync(scratch)).toEqual([]);
  });

  it("begins no round that would take it beyond its time, but always the first", async () => {
    let count = 0;
    const slow: Variant = { name: "a", run: async () => void (await new Promise((done) => setTimeout(done, 60)), count++) };
    const result = await runRow(rowOf([slow], { budgetSeconds: 0.1 }), bench(), 5);
    expect(result!.cases[0]!.variants[0]!.rounds).toBe(count);
    expect(count).toBeLessThan(3);
    expect(said.join()).toMatch(/the time is up after \d of 5 rounds.*took 0 s of 0.1 s/);
    await runRow(rowOf([slow], { budgetSeconds: 0 }), bench(), 5);
  });

  it("has time for a further round when only what is measured once took long", async () => {
    const pause = (ms: number) => async (): Promise<void> => void (await new Promise((done) => setTimeout(done, ms)));
    const result = await runRow(rowOf([{ name: "a", run: async () => {} }, { name: "b", once: true, run: pause(600) }], { budgetSeconds: 1 }), bench(), 2);
    expect(result!.cases[0]!.variants.map(({ rounds }) => rounds)).toEqual([2, 1]);
  });

  it("measures a case less often where that says so", async () => {
    const result = await runRow(rowOf([{ name: "a", run: async () => {} }], {}, 2), bench(), 3);
    expect(result!.cases[0]!.variants[0]!.rounds).toBe(2);
  });

  it("goes on without the peers that are absent, and names them", async () => {
    const run = async (): Promise<void> => {};
    const variants = [{ name: "a", run }, { name: "b", needs: ["no-such-program"], run }, { name: "c", needs: ["sh"], run }];
    const result = await runRow(rowOf(variants), bench(["sh"]), 1);
    expect(result!.cases[0]!.variants.map(({ name }) => name)).toEqual(["a"]);
    expect(result!.cases[0]!.absent).toEqual({ b: "there is no no-such-program", c: "sh was left out" });
    expect(result!.machine.versions).toMatchObject({ "no-such-program": "absent" });
  });

  it("is done without what is slow, which is named, unless everything is wanted", async () => {
    const run = async (): Promise<void> => {};
    const row = rowOf([{ name: "a", run }, { name: "b", slow: true, run }]);
    const [short, long] = [await runRow(row, bench(), 1), await runRow(row, { ...bench(), thorough: true }, 1)];
    expect(short!.cases[0]!.absent).toEqual({ b: "measured only with --thorough" });
    expect(long!.cases[0]!.variants.map(({ name }) => name)).toEqual(["a", "b"]);
    expect([short!.thorough, long!.thorough]).toEqual([false, true]);
  });

  it("fails when a tool fails", async () => {
    const run: Variant["run"] = async (sample) => void (await sample.step("work", { program: "sh", args: ["-c", "exit 4"] }));
    await expect(runRow(rowOf([{ name: "a", run }]), bench(), 1)).rejects.toThrow("status 4");
  });

  it("is left out, which is said, where there is too little disk space", async () => {
    const row = rowOf([], { diskBytes: 1e18, cases: () => { throw new Error("not to be prepared"); } });
    expect(await runRow(row, bench(), 1)).toBeUndefined();
    expect(said.join()).toMatch(/^row: left out, as it needs 1000000000 GB of disk/);
  });
});
