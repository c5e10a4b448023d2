import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/*
 * The shape of src/, as docs/architecture.md describes it. A module may import from its own layer and from those below
 * it, types included; so no two layers can depend on each other. What breaks a rule today stands in a list of debts
 * beside it: a debt that was paid must leave the list.
 */
const SRC = join(dirname(fileURLToPath(import.meta.url)), "../../src");

/** From the top down. The first entry that is the file, or a folder above it, decides; files come before folders. */
const LAYERS: readonly { readonly name: string; readonly holds: readonly string[] }[] = [
  { name: "program", holds: ["main.ts", "driver.ts", "demo.ts"] },
  { name: "cli", holds: ["cli/"] },
  { name: "commands", holds: ["commands/"] },
  { name: "fsck", holds: ["fsck/"] },
  { name: "prune", holds: ["prune/"] },
  { name: "worktree", holds: ["worktree/"] },
  { name: "cleanup", holds: ["cleanup/"] },
  { name: "transfer", holds: ["transfer/"] },
  { name: "gc", holds: ["gc/"] },
  { name: "locks", holds: ["locks/"] },
  { name: "manifest", holds: ["manifest/"] },
  { name: "object", holds: ["object/"] },
  { name: "delta", holds: ["delta/"] },
  { name: "store", holds: ["store/"] },
  { name: "context", holds: ["context.ts"] },
  { name: "config", holds: ["config/"] },
  { name: "git", holds: ["git/"] },
  { name: "ports", holds: ["store/port.ts", "object/oid.ts", "object/name.ts", "object/source.ts"] },
  { name: "util", holds: ["util/"] },
  { name: "ground", holds: ["errors.ts", "events.ts", "config/settings.ts", "config/environment.ts"] },
];

const MOST_LINES = 300;
const MAY_READ_ENVIRONMENT = /^(cli\/|config\/|main\.ts$|demo\.ts$)/;

/** Sources by path below src/, with `/` between components. */
type Sources = ReadonlyMap<string, string>;

interface Import {
  readonly from: string;
  /** A path below src/, or a package. */
  readonly to: string;
  readonly local: boolean;
  readonly dynamic: boolean;
}

describe("the sources", () => {
  const sources = readSources();
  const imports = importsOf(sources);

  it("are all found, and so are their imports", () => {
    expect(sources.size).toBeGreaterThan(100);
    expect(imports.length).toBeGreaterThan(sources.size);
    expect(imports).toContainEqual({ from: "store/open.ts", to: "store/s3/store.ts", local: true, dynamic: true });
  });

  it("import only files that are there", () => {
    expect(imports.filter(({ local, to }) => local && !sources.has(to))).toEqual([]);
  });

  it("belong to a layer each, and import from their own or from one below", () => {
    expect(upward(imports)).toEqual([]);
  });

  it("have no cycle of files", () => {
    expect(cycles(imports)).toEqual([]);
  });

  it("reach the S3 adapter through store/open.ts alone, which loads it when it is needed", () => {
    expect(intoS3(imports)).toEqual([]);
  });

  it("read the environment in cli, config and the entry points only", () => {
    expect(environmentReaders(sources)).toEqual([]);
  });

  it(`have at most ${MOST_LINES} lines`, () => {
    expect(tooLong(sources)).toEqual([]);
  });
});

describe("the rules see a violation in", () => {
  const of = (files: Record<string, string>): Import[] => importsOf(new Map(Object.entries(files)));

  it("an import in any form", () => {
    const source = [
      'import "./a.ts";',
      'import a, { type B } from "./b.ts";',
      'import type {\n  C,\n} from "./c.ts";',
      'import * as d from "./d.ts";',
      'export { e } from "./e.ts";',
      'export type * from "../f.ts";',
      'const g = await import("./g.ts");',
      'type H = import("./h.ts").H;',
      'import packaged from "packaged";',
    ].join("\n");
    expect(of({ "x/y.ts": source }).map(({ to, dynamic }) => (dynamic ? `${to}?` : to))).toEqual([
      "x/a.ts", "x/b.ts", "x/c.ts", "x/d.ts", "x/e.ts", "f.ts", "packaged", "x/g.ts?", "x/h.ts?",
    ]);
  });

  it("an import that cannot be read", () => {
    expect(() => of({ "x/y.ts": "await import(name);" })).toThrow("x/y.ts");
  });

  it("an import that goes up, also of a type or at run time", () => {
    const imports = of({
      "git/run.ts": 'import type { Context } from "../context.ts";',
      "worktree/settle.ts": 'await import("../commands/add.ts");',
      "commands/add.ts": 'import { settle } from "../worktree/settle.ts";',
      "store/port.ts": 'import { x } from "./directory.ts";',
    });
    expect(upward(imports)).toEqual(["git/run.ts → context.ts", "store/port.ts → store/directory.ts", "worktree/settle.ts → commands/add.ts"]);
  });

  it("a file in no layer", () => {
    expect(() => upward(of({ "helpers/x.ts": 'import { y } from "../errors.ts";' }))).toThrow("helpers/x.ts");
  });

  it("a cycle of files, however long", () => {
    const files = { "git/a.ts": 'import "./b.ts";', "git/b.ts": 'import "./c.ts";', "git/c.ts": 'import type { A } from "./a.ts";' };
    expect(cycles(of(files))).toEqual(["git/a.ts → git/b.ts → git/c.ts → git/a.ts"]);
  });

  it("a use of the S3 adapter or its SDK from elsewhere, and a static one from store/open.ts", () => {
    const imports = of({
      "store/open.ts": 'import { openS3Store } from "./s3/store.ts";',
      "commands/doctor.ts": 'await import("../store/s3/diagnose.ts");\nimport { S3Client } from "@aws-sdk/client-s3";',
      "store/s3/store.ts": 'import { S3Client } from "@aws-sdk/client-s3";\nimport { read } from "./read.ts";',
    });
    expect(intoS3(imports)).toEqual([
      "commands/doctor.ts → @aws-sdk/client-s3",
      "commands/doctor.ts → store/s3/diagnose.ts",
      "store/open.ts → store/s3/store.ts",
    ]);
  });

  it("a read of the environment", () => {
    const files = { "git/run.ts": "const x = process.env.HOME;", "git/b.ts": 'import { env } from "node:process";', "cli/run.ts": "process.env.HOME", "git/c.ts": "const { env } = process;", "git/d.ts": "process[\"env\"]" };
    expect(environmentReaders(new Map(Object.entries(files)))).toEqual(["git/b.ts", "git/c.ts", "git/d.ts", "git/run.ts"]);
  });

  it("a file that is too long", () => {
    const files = { "git/a.ts": "x\n".repeat(MOST_LINES), "git/b.ts": "x\n".repeat(MOST_LINES + 1) };
    expect(tooLong(new Map(Object.entries(files)))).toEqual(["git/b.ts"]);
  });
});

function readSources(): Sources {
  const paths = readdirSync(SRC, { recursive: true, encoding: "utf8" }).map((path) => path.replaceAll("\\", "/")).filter((path) => path.endsWith(".ts"));
  return new Map(paths.sort().map((path) => [path, readFileSync(join(SRC, path), "utf8")]));
}

const NAMES = String.raw`(?:[\w$]+|\*(?:\s+as\s+[\w$]+)?|\{[^}]*\})`;
const STATIC = new RegExp(String.raw`^(?:import|export)\s*(?:type\s+)?(?:${NAMES}(?:\s*,\s*${NAMES})?\s*from\s*)?["']([^"']+)["']`, "gm");
const DYNAMIC = /\bimport\(\s*(?:(["'])([^"']+)\1)?/g;

/** Every import and re-export, in the order of files; dynamic ones after the others. */
function importsOf(sources: Sources): Import[] {
  const imports: Import[] = [];
  for (const [from, text] of sources) {
    const add = (specifier: string, dynamic: boolean): void => {
      const local = specifier.startsWith(".");
      imports.push({ from, to: local ? posix.join(posix.dirname(from), specifier) : specifier, local, dynamic });
    };
    for (const match of text.matchAll(STATIC)) add(match[1]!, false);
    for (const match of text.matchAll(DYNAMIC)) {
      if (match[2] === undefined) throw new Error(`${from} imports what only running it tells: import(…) takes a literal here`);
      add(match[2], true);
    }
  }
  return imports;
}

/** The place of a file's layer, counted from the top. */
function layerOf(file: string): number {
  const exact = LAYERS.findIndex(({ holds }) => holds.includes(file));
  if (exact >= 0) return exact;
  const folder = LAYERS.findIndex(({ holds }) => holds.some((name) => name.endsWith("/") && file.startsWith(name)));
  if (folder < 0) throw new Error(`${file} belongs to no layer: name its folder in LAYERS and in docs/architecture.md`);
  return folder;
}

function upward(imports: readonly Import[]): string[] {
  return edges(imports.filter(({ from, to, local }) => local && layerOf(to) < layerOf(from)));
}

function intoS3(imports: readonly Import[]): string[] {
  const inside = (path: string): boolean => path.startsWith("store/s3/");
  const wrong = ({ from, to, dynamic }: Import): boolean => {
    if (inside(from)) return false;
    if (/^@(aws-sdk|smithy)\//.test(to)) return true;
    return inside(to) && !(from === "store/open.ts" && dynamic);
  };
  return edges(imports.filter(wrong));
}

function environmentReaders(sources: Sources): string[] {
  const reads = /\bprocess\s*(\?\.|\.)\s*env\b|\bprocess\[|\{[^}]*\benv\b[^}]*\}\s*=\s*process\b(?!\.)|from\s*"(node:)?process"/;
  return [...sources].filter(([path, text]) => !MAY_READ_ENVIRONMENT.test(path) && reads.test(text)).map(([path]) => path).sort();
}

function tooLong(sources: Sources): string[] {
  return [...sources].filter(([, text]) => text.replace(/\n$/, "").split("\n").length > MOST_LINES).map(([path]) => path).sort();
}

/** Each cycle of files once, as the path that closes it. */
function cycles(imports: readonly Import[]): string[] {
  const targets = new Map<string, string[]>();
  for (const { from, to, local } of imports) if (local) targets.set(from, [...(targets.get(from) ?? []), to]);
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    const start = way.indexOf(file);
    if (start >= 0) return void found.push([...way.slice(start), file].join(" → "));
    if (done.has(file)) return;
    for (const target of targets.get(file) ?? []) visit(target, [...way, file]);
    done.add(file);
  };
  for (const file of [...targets.keys()].sort()) visit(file, []);
  return found;
}

function edges(imports: readonly Import[]): string[] {
  return [...new Set(imports.map(({ from, to }) => `${from} → ${to}`))].sort();
}
