import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Encoding } from "../../../src/object/name.ts";
import { oidOf, type Oid } from "../../../src/object/oid.ts";
import { statisticsOf, type Figures, type Held, type Version } from "../../../src/transfer/statistics.ts";

const oid = (name: string): Oid => oidOf(Buffer.from(name));
const version = (path: string, content: string, sizeBytes: number): Version => ({ path, oid: oid(content), sizeBytes });
const held = (objects: Readonly<Record<string, readonly [Encoding, number][]>>): Map<Oid, Held[]> =>
  new Map(Object.entries(objects).map(([content, list]) => [oid(content), list.map(([encoding, sizeBytes]) => ({ encoding, sizeBytes }))]));

const sum = ({ storedBytes, saved, absentBytes }: Figures): number => storedBytes + saved.dedup + saved.gzip + saved.delta + absentBytes;

describe("what versions take", () => {
  const versions = [version("a.psd", "1", 1000), version("b.txt", "2", 500), version("a.psd", "3", 1100), version("c.PSD", "1", 1000), version("a.psd", "1", 1000), version("d", "4", 7)];
  const objects = held({ 1: [["raw", 1000]], 2: [["gzip", 100]], 3: [["delta+gzip", 30]] });

  it("is told by path, by extension and in total; a content counts once for a path, and as stored once", () => {
    const { total, extensions, paths } = statisticsOf(versions, objects);
    expect(total).toEqual({ versions: 5, logicalBytes: 3607, storedBytes: 1130, saved: { dedup: 1000, gzip: 400, delta: 1070 }, absentBytes: 7 });
    expect(extensions.map(({ name, versions, storedBytes }) => [name, versions, storedBytes])).toEqual([[".psd", 3, 1030], [".txt", 1, 100], ["", 1, 0]]);
    expect(paths.map(({ name, saved }) => [name, saved])).toEqual([
      ["a.psd", { dedup: 0, gzip: 0, delta: 1070 }],
      ["b.txt", { dedup: 0, gzip: 400, delta: 0 }],
      ["c.PSD", { dedup: 1000, gzip: 0, delta: 0 }],
      ["d", { dedup: 0, gzip: 0, delta: 0 }],
    ]);
  });

  it("counts a content that is stored twice with both objects", () => {
    const { total } = statisticsOf([version("a", "1", 1000)], held({ 1: [["gzip", 900], ["delta", 50]] }));
    expect(total).toMatchObject({ storedBytes: 950, saved: { dedup: 0, gzip: 0, delta: 50 } });
  });

  it("adds up in every line, and lines to the total, whatever there is", () => {
    const contents = fc.constantFrom(..."abcdefgh");
    const sizes = new Map([..."abcdefgh"].map((name, i) => [name, i * 137]));
    const history = fc.array(fc.tuple(fc.stringMatching(/^[a-c]{1,2}(\.[xy])?$/), contents), { maxLength: 60 });
    const encodings = fc.constantFrom<Encoding>("raw", "gzip", "delta", "delta+gzip");
    const store = fc.dictionary(contents, fc.array(fc.tuple(encodings, fc.nat(2000)), { maxLength: 3 }));
    fc.assert(
      fc.property(history, store, (list, objects) => {
        const { total, extensions, paths } = statisticsOf(list.map(([path, content]) => version(path, content, sizes.get(content)!)), held(objects));
        for (const lines of [extensions, paths]) {
          for (const line of lines) expect(sum(line)).toBe(line.logicalBytes);
          for (const what of ["versions", "logicalBytes", "storedBytes", "absentBytes"] as const) expect(lines.reduce((all, line) => all + line[what], 0)).toBe(total[what]);
          for (const what of ["dedup", "gzip", "delta"] as const) expect(lines.reduce((all, line) => all + line.saved[what], 0)).toBe(total.saved[what]);
          expect(lines.map(({ storedBytes }) => storedBytes)).toEqual(lines.map(({ storedBytes }) => storedBytes).sort((a, b) => b - a));
        }
        expect(sum(total)).toBe(total.logicalBytes);
      }),
    );
  });
});
