import { describe, expect, test } from "vitest";
import { withinReach } from "../../../src/delta/reach.ts";
import { ADD, COPY_BASE, COPY_TARGET, GAP, RUN, Script } from "../../../src/delta/script.ts";
import { Cursor } from "../../../src/delta/vcdiff/varint.ts";
import { readWindowHeader } from "../../../src/delta/vcdiff/window.ts";
import { writeWindow } from "../../../src/delta/window-writer.ts";

const GIB = 2 ** 30;

function script(...ops: [kind: number, from: number, length: number][]): Script {
  const made = new Script();
  for (const op of ops) made.push(...op);
  return made;
}

function list(of: Script): [number, number, number][] {
  return Array.from({ length: of.count }, (_, i) => [of.kind(i), of.from(i), of.length(i)]);
}

describe("copies that lie further apart than 32 bits can say", () => {
  const far = script([COPY_BASE, 0, 100], [COPY_BASE, 6 * GIB, 300], [GAP, 400, 10], [COPY_BASE, 7 * GIB, 200], [COPY_TARGET, 0, 50]);

  test("are kept where most bytes are, and added elsewhere", () => {
    expect(list(withinReach(far, 4 * GIB))).toEqual([[ADD, 0, 100], [COPY_BASE, 6 * GIB, 300], [GAP, 400, 10], [COPY_BASE, 7 * GIB, 200], [COPY_TARGET, 0, 50]]);
    expect(list(withinReach(far, GIB))).toEqual([[ADD, 0, 100], [COPY_BASE, 6 * GIB, 300], [GAP, 400, 10], [ADD, 410, 200], [COPY_TARGET, 0, 50]]);
  });

  test("make a segment below 4 GiB at a position above it", () => {
    const header = readWindowHeader(new Cursor(Buffer.concat(writeWindow(Buffer.alloc(660), far))), { baseBytes: 8 * GIB, leftBytes: 660 });
    expect(header.sourcePosition).toBe(6 * GIB);
    expect(header.sourceBytes).toBe(GIB + 200);
  });

  test("stay as they are where all can be reached", () => {
    const near = script([COPY_BASE, 5, 10], [ADD, 10, 3], [RUN, 13, 9]);
    expect(withinReach(near, 10)).toBe(near);
  });
});
