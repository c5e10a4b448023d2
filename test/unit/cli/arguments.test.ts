import { describe, expect, it } from "vitest";
import { parseCloneArguments, separateGit, verbIn } from "../../../src/cli/arguments.ts";
import { flagsOf } from "../../../src/cli/globals.ts";
import { parseCommandLine } from "../../../src/cli/program.ts";
import { VERBS } from "../../../src/cli/verbs/index.ts";
import { ballastError } from "../../support/errors.ts";

const parse = (...args: string[]): ReturnType<typeof parseCommandLine> => parseCommandLine(args, "1.2.3", 100);
const argsOf = async (...args: string[]): Promise<Record<string, unknown>> => {
  const request = await parse(...args);
  if (request.kind !== "run") throw new Error(request.text);
  return { verb: request.name, ...request.args };
};
const textOf = async (...args: string[]): Promise<string> => {
  const request = await parse(...args);
  return request.kind === "print" ? request.text : "";
};

describe("a command line", () => {
  it("gives a verb its arguments, as text", async () => {
    expect(await argsOf("add", "1e3", "b c")).toMatchObject({ verb: "add", path: ["1e3", "b c"], json: false });
    expect(await argsOf("untrack", "x", "--dry-run")).toMatchObject({ verb: "remove", path: ["x"], dryRun: true });
    expect(await argsOf("push", "origin", "main", "v1")).toMatchObject({ remote: "origin", ref: ["main", "v1"] });
  });

  it("takes what stands behind -- for arguments", async () => {
    expect(await argsOf("add", "a", "--", "-x", "--force", "--")).toMatchObject({ path: ["a", "-x", "--force", "--"] });
    expect(await argsOf("checkout", "--force", "--", "-f")).toMatchObject({ force: true, path: ["-f"] });
  });

  it("takes the options of every verb before and after it", async () => {
    expect(await argsOf("-C", "a", "-C", "b", "status", "-q")).toMatchObject({ C: ["a", "b"], quiet: true });
    expect(await argsOf("ls", "--region", "a", "--region", "b", "x", "y")).toMatchObject({ region: "b", path: ["x", "y"] });
    expect(flagsOf((await argsOf("ls", "--set", "compression.level=9", "--set", "store.region=x", "--no-sign-request", "p")) as never)).toEqual({
      "compression.level": "9",
      "store.region": "x",
      "store.noSignRequest": "true",
    });
  });

  it.each([
    [["stauts"], "no such verb", "did you mean git ballast status?"],
    [["help", "puhs"], "no such verb", "did you mean git ballast push?"],
    [["status", "--porcelin"], "no such option: --porcelin", "did you mean --porcelain?"],
    [["--progress=fast", "status"], "progress cannot be", "it is one of auto, json, none"],
    [["status", "extra"], "one argument too many: extra", "git ballast help"],
    [["show"], "an argument is missing", "git ballast help"],
    [["show", "a", "--", "b"], "one argument too many: b", "git ballast help"],
  ])("%j is a usage error of one line, with a hint", async (args, message, hint) => {
    const error: unknown = await parse(...args).then(() => undefined, (thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "USAGE", message: expect.stringContaining(message) as string, hint: expect.stringContaining(hint) as string });
    expect((error as Error).message).not.toContain("\n");
  });

  it("refuses a --set without a value", () => {
    expect(() => flagsOf({ set: ["compression"] } as never)).toThrow(ballastError("USAGE", /key=value/));
  });
});

describe("help", () => {
  it("lists every verb", async () => {
    const text = await textOf();
    for (const { command } of VERBS) expect(text).toContain(`git ballast ${command.split(" ")[0]!} `);
    expect(await textOf("--help")).toBe(text);
    expect(await textOf("help")).toBe(text);
  });

  it("explains each verb, asked for in any way", async () => {
    for (const { command, summary } of VERBS) {
      const name = command.split(" ")[0]!;
      const text = await textOf("help", name);
      expect(text).toContain(`Usage: git ballast ${name}`);
      expect(text).toContain(summary);
      expect(await textOf(name, "--help")).toBe(text);
    }
    expect(await textOf("add", "x", "-h")).toContain("Usage: git ballast add");
  });

  it("is not asked for by a path", async () => {
    expect(await argsOf("add", "--", "--help")).toMatchObject({ path: ["--help"] });
  });
});

describe("what is Git's", () => {
  it("goes to git clone, in its order, and ours does not", async () => {
    const args = ["-C", "x", "clone", "--depth", "1", "--profile", "p", "-q", "--region=r", "-b", "main", "URL", "dir"];
    expect(separateGit(args)).toEqual(["-C", "x", "clone", "--profile", "p", "-q", "--region=r", "--", "--depth", "1", "-q", "-b", "main", "URL", "dir"]);
    const { args: gits, profile, quiet } = await argsOf(...args);
    expect({ profile, quiet, ...parseCloneArguments(gits as string[]) }).toEqual({ profile: "p", quiet: true, url: "URL", directory: "dir", gitOptions: ["--depth", "1", "-q", "-b", "main"] });
  });

  it("goes to git pull whole", async () => {
    expect(await argsOf("pull", "--rebase", "origin", "main", "--", "x")).toMatchObject({ args: ["--rebase", "origin", "main", "--", "x"] });
  });

  it("leaves other verbs alone", () => {
    expect(separateGit(["push", "--all", "-v"])).toEqual(["push", "--all", "-v"]);
    expect(verbIn(["--set", "clone", "-C", "x", "--progress", "json", "ls"])).toBe("ls");
  });

  it("is refused without a URL, or with too much", () => {
    expect(() => parseCloneArguments(["--depth", "1"])).toThrow(ballastError("USAGE", /needs the URL/));
    expect(() => parseCloneArguments(["a", "b", "c"])).toThrow(ballastError("USAGE", /not 3 arguments/));
    expect(parseCloneArguments(["--", "-odd", "dir"])).toEqual({ url: "-odd", directory: "dir", gitOptions: [] });
  });
});
