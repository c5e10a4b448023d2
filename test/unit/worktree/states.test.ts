import { describe, expect, it } from "vitest";
import { oidOf } from "../../../src/object/oid.ts";
import { isRecordable, sameContent, stateOf, type Content, type Sight } from "../../../src/worktree/states.ts";

const content = (text: string, exec = false): Content => ({ oid: oidOf(Buffer.from(text)), exec });
const [x, y, z] = [content("x"), content("y"), content("z")];
const values = [undefined, x, y, z];

describe("the state table", () => {
  const rows: [string, boolean, Partial<Sight>, string][] = [
    ["agreement", true, { w: x, m: x }, "clean"],
    ["agreement after Git moved", false, { w: x, m: x, b: y }, "clean"],
    ["an edit", true, { w: y, m: x, b: x }, "modified"],
    ["an edit that the filter told Git", true, { w: y, m: x, b: y }, "modified"],
    ["only the executable bit", true, { w: content("x", true), m: x, b: x }, "modified"],
    ["a new file", true, { w: x, tracked: true }, "new"],
    ["a file that is nobody's", true, { w: x }, "none"],
    ["a deletion", true, { m: x, b: x }, "deleted"],
    ["a fresh clone", true, { m: x }, "missing"],
    ["a fresh clone, not stamped", false, { m: x }, "missing"],
    ["a manifest that Git moved", false, { w: x, b: x, m: y }, "stale"],
    ["an asset that Git took away", false, { w: x, b: x }, "stale"],
    ["an asset that Git brought back", false, { m: x }, "missing"],
    ["an edit that Git did not touch", false, { w: y, b: x, m: x }, "modified"],
    ["a deletion that Git did not touch", false, { b: x, m: x }, "deleted"],
    ["a new file that Git did not touch", false, { w: x, tracked: true }, "new"],
    ["three versions", false, { w: x, b: y, m: z }, "conflict"],
    ["an edit of what Git took away", false, { w: x, b: y }, "conflict"],
    ["a file where Git brings an asset", false, { w: x, m: y }, "conflict"],
    ["a deletion of what Git moved on", false, { b: x, m: y }, "missing"],
    ["a restore that failed", true, { w: x, b: x, m: y, open: "restore" }, "stale"],
    ["an edit after a restore that failed", true, { w: z, b: x, m: y, open: "restore" }, "modified"],
    ["a conflict that is still open", true, { w: x, b: y, m: z, open: "conflict" }, "conflict"],
    ["a conflict that ended in agreement", true, { w: z, b: y, m: z, open: "conflict" }, "clean"],
    ["an edit that the user had Git discard", false, { w: y, b: x, m: x, told: true }, "stale"],
    ["an edit discarded for another version", false, { w: z, b: x, m: y, told: true }, "stale"],
    ["a deletion that the user had Git undo", false, { b: x, m: x, told: true }, "missing"],
    ["a new file that Git saw and left", false, { w: x, tracked: true, told: true }, "new"],
    ["what this worktree does not want", true, { m: x, outside: true }, "outside"],
    ["what it does not want any more", true, { m: x, b: x, outside: true }, "outside"],
    ["what Git moved and it does not want", false, { b: x, m: y, outside: true }, "outside"],
    ["an edit of what it does not want", true, { w: y, m: x, b: x, outside: true }, "modified"],
    ["a stale file that it does not want", false, { w: x, b: x, m: y, outside: true }, "stale"],
    ["a symbolic link in its place", true, { w: "blocked", m: x }, "blocked"],
    ["nothing at all", true, {}, "none"],
  ];
  it.each(rows)("%s", (_name, stamped, sight, state) => {
    expect(stateOf(stamped, { w: undefined, m: undefined, b: undefined, tracked: false, ...sight })).toBe(state);
  });

  it("never overwrites or records what exists nowhere else, in any combination", () => {
    let combinations = 0;
    for (const stamped of [true, false])
      for (const w of [...values, "blocked" as const])
        for (const m of values)
          for (const b of values)
            for (const [tracked, outside] of [[true, false], [false, false], [true, true], [false, true]] as const)
              for (const [told, open] of [false, true].flatMap((one) => [undefined, "restore" as const, "conflict" as const].map((two) => [one, two] as const))) {
                const state = stateOf(stamped, { w, m, b, tracked, told, outside, open });
                combinations++;
                // What a restore may replace: nothing, what Git last knew, or an edit that Git was told of and discarded.
                if (state === "stale") expect(sameContent(w, b) || (told && !stamped)).toBe(true);
                if (state === "missing") expect(w).toBeUndefined();
                // What Git moved is never recorded as an edit: recording needs that the user's disk differs from both.
                if (isRecordable(state) && !stamped) expect(sameContent(m, b) && !sameContent(w, b)).toBe(true);
                if (state === "clean") expect(sameContent(w, m)).toBe(true);
                if (state === "deleted") expect(b !== undefined && !outside).toBe(true);
                if (state === "outside") expect(outside && w === undefined && m !== undefined).toBe(true);
                if (state === "missing") expect(outside).toBe(false);
                if (w === "blocked") expect(["blocked", "none"]).toContain(state);
              }
    expect(combinations).toBe(2 * 5 * 4 * 4 * 4 * 2 * 3);
  });

  it("has settling do nothing where M = B, nothing is open and Git was told of nothing", () => {
    const states = new Set<string>();
    for (const w of [...values, content("x", true), "blocked" as const]) {
      for (const outside of [false, true]) {
        for (const tracked of [false, true]) states.add(stateOf(false, { w, m: x, b: x, tracked, outside }));
      }
    }
    expect([...states].sort()).toEqual(["blocked", "clean", "deleted", "modified", "outside"]);
  });
});
