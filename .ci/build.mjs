// Bundles the program. usage: node .ci/build.mjs <directory>, which is replaced
//
//   main.js, demo.js     ES modules, split into chunks that are loaded when they are needed
//   worker.js            what threads run
//   driver.cjs           what Git starts: one CommonJS file, since each further module costs a start a millisecond
//   parts/               what driver.cjs loads when it is needed, from the same build as the chunks
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const [directory] = process.argv.slice(2);
const project = join(dirname(fileURLToPath(import.meta.url)), "..");
const wasm = "node_modules/xdelta3-wasm/dist/df58e7ef369c5c18.wasm";
/** Imported dynamically, and large: parts of their own also for the driver. The first module costs it as much as 300 KB. */
const PARTS = { "s3-store": "src/store/s3/store.ts" };
const common = {
  absWorkingDir: project, bundle: true, platform: "node", target: "node20", minify: true, keepNames: true,
  legalComments: "none", metafile: true, logLevel: "warning",
};

/** Leaves what `files` names (source to bundle, below the directory) out of a bundle, to be loaded when it runs. */
function apart(files) {
  const targets = new Map(Object.entries(files).map(([source, bundle]) => [join(project, source), bundle]));
  return {
    name: "apart",
    setup: ({ onResolve }) => onResolve({ filter: /^\.{1,2}\/.*\.ts$/ }, ({ kind, path, resolveDir }) => {
      const bundle = kind === "dynamic-import" ? targets.get(join(resolveDir, path)) : undefined;
      return bundle === undefined ? undefined : { path: bundle, external: true };
    }),
  };
}

rmSync(directory, { recursive: true, force: true });
const modules = await build({
  ...common,
  entryPoints: { main: "src/main.ts", worker: "src/object/worker.ts", demo: "src/demo.ts", ...Object.fromEntries(Object.entries(PARTS).map(([name, source]) => [`parts/${name}`, source])) },
  outdir: directory, splitting: true, format: "esm", chunkNames: "chunks/[name]-[hash]",
  banner: { js: "import{createRequire as __cr}from'node:module';import{fileURLToPath as __fu}from'node:url';const require=__cr(import.meta.url),__dirname=__fu(new URL('.',import.meta.url));" },
  plugins: [apart({ "src/driver.ts": "./driver.cjs" })],
});
const driver = await build({
  ...common,
  entryPoints: ["src/driver.ts"], outfile: join(directory, "driver.cjs"), format: "cjs",
  define: { "import.meta.url": "__here" }, banner: { js: "const __here=require('node:url').pathToFileURL(__filename).href;" },
  plugins: [apart(Object.fromEntries(Object.entries(PARTS).map(([name, source]) => [source, `./parts/${name}.js`])))],
});
// Looked for beside the file that asks for it.
for (const beside of ["chunks", "."]) cpSync(join(project, wasm), join(directory, beside, wasm.split("/").at(-1)));
writeFileSync(join(directory, "meta.json"), JSON.stringify({ inputs: { ...modules.metafile.inputs, ...driver.metafile.inputs } }));
