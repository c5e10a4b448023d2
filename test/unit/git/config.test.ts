import { afterAll, describe, expect, it } from "vitest";
import { configEntries, gitConfig, gitFlag, setGitConfig, unsetGitConfig } from "../../../src/git/config.ts";
import { openRepository } from "../../../src/git/repository.ts";
import { sandbox } from "../../support/sandbox.ts";

const box = await sandbox();
afterAll(() => box.cleanup());
await box.git(".", "init", "-q", "repo");

describe("Git's configuration", () => {
  it("is read once, by keys in any case but the subsection's, with every value that a key can have", async () => {
    const values: Record<string, string> = { "Core.FooBar": "x", "remote.Or.igin.Fetch": "+refs/heads/*:refs/remotes/o/*", "a.b": "two\nlines ", "a.c": "", "a.ü.d": "é=\tü" };
    for (const [key, value] of Object.entries(values)) await box.git("repo", "config", "--local", key, value);
    await box.git("repo", "config", "--local", "--add", "a.c", "last");
    const repository = await openRepository(box.path("repo"));
    for (const key of Object.keys(values)) {
      expect(await gitConfig(repository, key), key).toBe((await box.run("repo", "git", ["config", "--null", "--get", key])).stdout.slice(0, -1));
    }
    expect(await gitConfig(repository, "core.foobar")).toBe("x");
    expect(await gitConfig(repository, "remote.or.igin.fetch")).toBeUndefined();
    expect(await gitConfig(repository, "a.missing")).toBeUndefined();
    expect((await configEntries(repository)).find(({ key }) => key === "a.b")!.scope).toBe("local");
    await box.git("repo", "config", "--local", "a.b", "by another process");
    expect(await gitConfig(repository, "a.b")).toBe("two\nlines ");
  });

  it("is read anew after this process has changed it", async () => {
    const repository = await openRepository(box.path("repo"));
    expect(await gitConfig(repository, "new.key")).toBeUndefined();
    await setGitConfig(repository, "new.key", "1");
    expect(await gitConfig(repository, "new.key")).toBe("1");
    await unsetGitConfig(repository, "new.key");
    await unsetGitConfig(repository, "new.key");
    expect(await gitConfig(repository, "new.key")).toBeUndefined();
  });

  it("has flags as Git reads them", async () => {
    const spellings = ["true", "TRUE", "yes", "on", "1", "-1", "00", "010", "false", "no", "off", "0", ""];
    for (const [i, value] of spellings.entries()) await box.git("repo", "config", "--local", `flag.f${i}`, value);
    await box.run("repo", "sh", ["-c", "printf '[flag]\\n\\tbare\\n' >> .git/config"]);
    const repository = await openRepository(box.path("repo"));
    for (const key of [...spellings.keys()].map((i) => `flag.f${i}`).concat("flag.bare")) {
      expect(await gitFlag(repository, key), key).toBe((await box.git("repo", "config", "--type=bool", "--get", key)).trim() === "true");
    }
    expect(await gitFlag(repository, "flag.missing")).toBe(false);
  });

  it("that Git cannot read fails, and is asked for again", async () => {
    await box.git(".", "init", "-q", "broken");
    const repository = await openRepository(box.path("broken"));
    const good = (await box.read("broken/.git/config")).toString();
    await box.write("broken/.git/config", "[unclosed\n");
    await expect(gitConfig(repository, "core.bare")).rejects.toThrow();
    await box.write("broken/.git/config", good);
    expect(await gitConfig(repository, "core.bare")).toBe("false");
  });
});
