import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { bytesIn, copyTree, removeTree, writeAssets } from "../../bench/files.ts";

let scratch: string;
beforeEach(() => void (scratch = mkdtempSync(join(tmpdir(), "ballast-bench-unit-"))));
afterEach(() => rmSync(scratch, { recursive: true }));

it("a tree is copied, and removed with whatever it holds and however it is protected, but not what its links name", () => {
  const [source, copy] = [join(scratch, "source"), join(scratch, "a copy")];
  writeAssets(source, 250, 10);
  copyTree(source, copy);
  expect(bytesIn(copy)).toBe(2500);
  for (const name of ["with space", "line\nfeed", "-f", "empty/below/that"]) mkdirSync(join(copy, name), { recursive: true });
  writeFileSync(join(copy, "line\nfeed/'\"\n"), "text");
  symlinkSync(source, join(copy, "link"));
  writeFileSync(join(copy, "with space/file"), "text");
  chmodSync(join(copy, "with space/file"), 0o400);
  chmodSync(join(copy, "with space"), 0o500);
  removeTree(copy);
  expect(existsSync(copy)).toBe(false);
  expect(bytesIn(source)).toBe(2500);
  removeTree(copy);
});
