import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { writeHistory } from "../../bench/long-history.ts";
import { Repository } from "../../bench/repository.ts";

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "ballast-bench-unit-"))));
afterEach(() => rmSync(directory, { recursive: true, maxRetries: 10, retryDelay: 100 }));

it("a history that was written is one that Ballast would have recorded: every version is pushed, and a clone has the last", async () => {
  const repository = await Repository.create(join(directory, "one"), "Ballast", "*.bin", { directory: join(directory, "one") });
  await repository.commit("begin");
  writeHistory(repository, "history", 6, 4, 2000);
  repository.git("push", "-q", "origin", "main", "history");
  expect(repository.git("rev-list", "--count", "main..history")).toBe("7");
  expect(readdirSync(join(repository.store, "objects"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length).toBe(4 + 6);
  repository.git("switch", "-q", "history");
  await repository.settled();
  expect(repository.git("ballast", "ls").split("\n").length).toBe(4);
  expect(repository.git("status", "--porcelain")).toBe("");
});
