import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { openDirectoryStore } from "../../src/store/directory.ts";
import { storeContract } from "./contract.ts";

const directory = mkdtempSync(join(tmpdir(), "ballast-store-"));
let count = 0;

afterAll(() => rmSync(directory, { recursive: true, force: true }));

storeContract("a directory", async () => {
  const store = openDirectoryStore(join(directory, String(count++)));
  await store.initialise();
  // The suite starts from a store without any key.
  await store.remove("ballast.json");
  return store;
});
