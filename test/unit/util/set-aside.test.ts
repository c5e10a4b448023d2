import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { SetAside } from "../../../src/util/set-aside.ts";
import { random } from "../../support/sandbox.ts";

const directory = mkdtempSync(join(tmpdir(), "ballast-aside-"));
afterAll(() => rmSync(directory, { recursive: true }));

describe("bytes that are set aside", () => {
  it.each([0, 5000, 3_000_000])("come back as they were: %i", (sizeBytes) => {
    const bytes = random(sizeBytes, "aside");
    const aside = new SetAside(bytes, join(directory, "tmp"));
    for (let turn = 0; turn < 2; turn++) expect(aside.read().equals(bytes)).toBe(true);
    if (sizeBytes > 2_000_000) expect(aside.read()).not.toBe(bytes);
    // Nothing is left, however the process ends.
    if (sizeBytes > 2_000_000) expect(readdirSync(join(directory, "tmp"))).toEqual([]);
    aside.close();
  });

  it("stay in memory where no file can be made", () => {
    const bytes = random(3_000_000, "aside");
    writeFileSync(join(directory, "file"), "");
    const aside = new SetAside(bytes, join(directory, "file"));
    expect(aside.read()).toBe(bytes);
    aside.close();
  });
});
