import { afterAll, expect, it } from "vitest";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "../../../src/context.ts";
import type { Event } from "../../../src/events.ts";
import { tellDiscarded } from "../../../src/worktree/discarded.ts";
import { oid } from "../../support/repository.ts";

const gitDir = mkdtempSync(join(tmpdir(), "ballast-discarded-"));
afterAll(() => rmSync(gitDir, { recursive: true }));

function told(count: number): string[] {
  const said: string[] = [];
  const report = (event: Event): void => void (event.kind === "warning" && said.push(`${event.message}\n${event.hint}`));
  const lost = Array.from({ length: count }, (_, i) => ({ path: `a ${i}.bin`, oid: oid(`content ${i}`) }));
  tellDiscarded({ repository: { gitDir }, report } as unknown as Context, lost);
  return said;
}

it("tells of each edit that was discarded; of many, which file names all", () => {
  expect(told(0)).toEqual([]);
  expect(told(50)).toHaveLength(50);
  expect(told(2)[1]).toBe(`a 1.bin: Git discarded an edit; it is kept\ngit ballast show ${oid("content 1")} > 'a 1.bin'`);
  const file = join(gitDir, "ballast", "discarded");
  expect(() => readFileSync(file)).toThrow();
  const many = told(51);
  expect(many).toHaveLength(4);
  expect(many[3]).toContain(`48 more edits; all are kept, and ${file} names each`);
  const lines = readFileSync(file, "utf8").trim().split("\n");
  expect(lines).toHaveLength(51);
  expect(lines[50]).toBe(`${oid("content 50")} "a 50.bin"`);
});
