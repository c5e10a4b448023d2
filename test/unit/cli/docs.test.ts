import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { VERBS } from "../../../src/cli/verbs/index.ts";
import { KEYS, KEY_NAMES } from "../../../src/config/keys.ts";
import { defaultText } from "../../../src/config/load.ts";
import { EXIT_BUG, EXIT_STATUS } from "../../../src/errors.ts";

const DOCS = join(dirname(fileURLToPath(import.meta.url)), "../../../docs");
const rows = (file: string): string[][] =>
  readFileSync(join(DOCS, file), "utf8").split("\n").filter((line) => line.startsWith("| ")).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));

it("docs/configuration.md lists every key, its default and whether it may be committed", () => {
  const listed = rows("configuration.md").filter(([key]) => key !== "key" && KEY_NAMES.some((name) => key === `\`${name}\``));
  expect(listed.map(([key, value, committed]) => [key, value, committed])).toEqual(
    KEY_NAMES.toSorted((a, b) => listed.findIndex(([key]) => key === `\`${a}\``) - listed.findIndex(([key]) => key === `\`${b}\``)).map((name) => {
      const value = defaultText(name);
      return [`\`${name}\``, value === undefined ? "" : `\`${value}\``, KEYS[name].committed ? "yes" : "no"];
    }),
  );
});

it("docs/commands.md lists every verb and every exit status", () => {
  const text = readFileSync(join(DOCS, "commands.md"), "utf8");
  for (const { command, aliases = [] } of VERBS) for (const name of [command.split(" ")[0]!, ...aliases.filter((alias) => alias !== "ls-files")]) expect(text).toMatch(new RegExp(`^\\| .*\`${name}[ \`]`, "m"));
  const statuses = rows("commands.md").map(([first]) => Number(first)).filter((status) => !Number.isNaN(status));
  expect(statuses).toEqual([...new Set([0, ...Object.values(EXIT_STATUS), EXIT_BUG])].sort((a, b) => a - b));
});
