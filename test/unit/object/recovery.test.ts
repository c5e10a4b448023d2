import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ingestFile } from "../../../src/object/ingest.ts";
import { GZIP, newFile, newStore, RAW, temporaryDirectory } from "./support.ts";

/* The commands of docs/format.md. */
const RECOVER = `
d=$store/objects/$(printf %.2s "$oid")
if test -e "$d/$oid"; then cp "$d/$oid" asset; else gunzip -c "$d/$oid.gz" > asset; fi
sha256sum asset
`;

it("gets every asset back with cp, gunzip and sha256sum alone", async () => {
  const store = await newStore();
  for (const content of [Buffer.alloc(0), randomBytes(1000), Buffer.from("words ".repeat(1_000_000))]) {
    for (const compression of [RAW, GZIP, { ...GZIP, engine: "pako" as const }]) {
      const { oid } = await ingestFile(newFile(content), store, compression);
      const cwd = temporaryDirectory();
      const printed = execFileSync("sh", ["-ec", RECOVER], { cwd, env: { PATH: process.env["PATH"], store: store.root, oid }, encoding: "utf8" });
      expect(printed).toBe(`${oid}  asset\n`);
      expect(readFileSync(join(cwd, "asset")).equals(content)).toBe(true);
      await store.remove(`objects/${oid.slice(0, 2)}/${oid}`);
      await store.remove(`objects/${oid.slice(0, 2)}/${oid}.gz`);
    }
  }
});
