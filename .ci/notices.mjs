// Collects the licences of the packages that a bundle contains, as these ask for when their code is passed on.
// usage: node .ci/notices.mjs <esbuild metafile> <output>
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [metafile, output] = process.argv.slice(2);
const { inputs } = JSON.parse(readFileSync(metafile, "utf8"));
const packages = new Set();
for (const file of Object.keys(inputs)) {
  const match = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file);
  if (match) packages.add(file.slice(0, match[0].length - 1));
}

const notices = [...packages].sort().map((directory) => {
  const { name, version, license, repository } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  const files = existsSync(directory) ? readdirSync(directory).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)) : [];
  const texts = files.map((file) => readFileSync(join(directory, file), "utf8").trim());
  const source = typeof repository === "string" ? repository : (repository?.url ?? "");
  return [`${name} ${version} (${license ?? "see below"}) ${source}`.trim(), ...texts].join("\n\n");
});
if (notices.length === 0) throw new Error(`${metafile} names no package`);
writeFileSync(output, `The programs in this directory contain the following packages.\n\n${notices.join(`\n\n${"-".repeat(80)}\n\n`)}\n`);
rmSync(metafile);
