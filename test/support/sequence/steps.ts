import fc from "fast-check";

/** What one step does, in one of two clones of an upstream (`w` is a linked worktree of `a`); after one that is `blind`, nobody asks `git status`. */
export type Step = { readonly clone: Clone; readonly blind?: boolean } & (
  | { readonly do: "edit"; readonly path: string; readonly same: boolean }
  | { readonly do: "delete"; readonly path: string }
  | { readonly do: "move"; readonly path: string; readonly to: string }
  | { readonly do: "directory"; readonly path: string }
  | { readonly do: "outsider"; readonly path: string; readonly removes: boolean }
  | { readonly do: "code" }
  | { readonly do: "add" | "commit" | "commit -a" | "commit --amend" | "stash" | "stash pop" | "push" | "revert" | "clean" | "lose index" | "checkout" | "checkout -f" | "restore" }
  | { readonly do: "track" | "remove" | "clone anew" }
  | { readonly do: "switch" | "merge" | "rebase" | "cherry-pick" | "am"; readonly branch: string; readonly settle: Settle }
  | { readonly do: "git"; readonly command: string; readonly settle: Settle }
  | { readonly do: "bisect"; readonly answers: readonly ("good" | "bad" | "skip")[] }
  | { readonly do: "finish"; readonly settle: Settle }
  | { readonly do: "resolve"; readonly side: "ours" | "theirs" }
  | { readonly do: "pull"; readonly rebase: boolean; readonly settle: Settle }
  | { readonly do: "reset"; readonly mode: "--hard" | "--mixed" | "--soft"; readonly back: number }
);

export const CLONES = ["a", "b", "w"] as const;
export type Clone = (typeof CLONES)[number];

/** How a conflict ends; `later` leaves it as it is for the steps after it. */
export type Settle = "abort" | "ours" | "theirs" | "later";

/** Assets from the start, all of one pattern. */
export const PATHS = ["one.bin", "art/two.bin", "art/deep/three.bin"];
/** Files that are assets only while `*.dat` is tracked; else they are Git's, if somebody adds them. */
const LOOSE = ["note.dat", "art/note.dat"];
/** What is given as it is. */
const COMMANDS = [
  "merge --squash side",
  "merge --autostash --no-edit side",
  "rebase --autostash side",
  "rebase --onto main side",
  "cherry-pick -n side",
  "revert -n HEAD",
  "reset --keep HEAD~1",
  "reset --merge",
  "checkout --detach HEAD~1",
  "checkout side -- .ballast .gitignore",
  "restore --source=HEAD~1 --staged --worktree .ballast",
  "restore --staged .",
  "stash apply",
  "stash push --keep-index",
  "stash push --include-untracked",
  "rm --cached -r .ballast",
];
/** What changes only the disk. */
const QUIET: ReadonlySet<string> = new Set(["edit", "delete", "move", "code", "lose index"]);
const BRANCHES = ["main", "side", "work"];

const path = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...PATHS) }, { weight: 1, arbitrary: fc.constantFrom(...LOOSE) });
const branch = fc.constantFrom(...BRANCHES);
const settle = fc.constantFrom<Settle>("abort", "ours", "theirs", "later");
/** Mostly one of them: what is spread over three worktrees seldom meets. */
const clone = fc.constantFrom<Clone>("a", "a", "a", "b", "w");

/** Edits and commits come up most, since the rest has nothing to do without them. */
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ clone, do: fc.constant("edit" as const), path, same: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ clone, do: fc.constant("delete" as const), path }) },
  { weight: 2, arbitrary: fc.record({ clone, do: fc.constant("move" as const), path, to: path }) },
  { weight: 1, arbitrary: fc.record({ clone, do: fc.constant("directory" as const), path }) },
  { weight: 1, arbitrary: fc.record({ clone, do: fc.constant("outsider" as const), path, removes: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ clone, do: fc.constant("code" as const) }) },
  { weight: 8, arbitrary: fc.record({ clone, do: fc.constantFrom("commit" as const, "commit -a" as const, "commit" as const, "commit -a" as const, "commit --amend" as const) }) },
  { weight: 3, arbitrary: fc.record({ clone, do: fc.constantFrom("stash" as const, "stash pop" as const, "revert" as const) }) },
  { weight: 3, arbitrary: fc.record({ clone, do: fc.constantFrom("add" as const, "clean" as const, "lose index" as const, "checkout" as const, "checkout -f" as const, "restore" as const) }) },
  { weight: 2, arbitrary: fc.record({ clone, do: fc.constantFrom("track" as const, "track" as const, "remove" as const) }) },
  { weight: 1, arbitrary: fc.record({ clone: fc.constant("b" as const), do: fc.constant("clone anew" as const) }) },
  { weight: 6, arbitrary: fc.record({ clone, do: fc.constantFrom("switch" as const, "merge" as const, "rebase" as const, "cherry-pick" as const, "am" as const), branch, settle }) },
  { weight: 4, arbitrary: fc.record({ clone, do: fc.constant("git" as const), command: fc.constantFrom(...COMMANDS), settle }) },
  { weight: 1, arbitrary: fc.record({ clone, do: fc.constant("bisect" as const), answers: fc.array(fc.constantFrom("good" as const, "bad" as const, "skip" as const), { minLength: 1, maxLength: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ clone, do: fc.constant("finish" as const), settle: fc.constantFrom<Settle>("abort", "ours", "theirs") }) },
  { weight: 1, arbitrary: fc.record({ clone, do: fc.constant("resolve" as const), side: fc.constantFrom("ours" as const, "theirs" as const) }) },
  { weight: 3, arbitrary: fc.record({ clone, do: fc.constant("push" as const) }) },
  { weight: 3, arbitrary: fc.record({ clone, do: fc.constant("pull" as const), rebase: fc.boolean(), settle }) },
  { weight: 3, arbitrary: fc.record({ clone, do: fc.constant("reset" as const), mode: fc.constantFrom("--hard" as const, "--mixed" as const, "--soft" as const), back: fc.nat(2) }) },
);

/** What people do in a row, so that chance need not find it: branches that differ in the same asset, patterns that come and go. */
const habit: fc.Arbitrary<Step[]> = fc.oneof(
  fc.record({ clone, path, how: fc.constantFrom("merge" as const, "rebase" as const, "cherry-pick" as const, "am" as const), settle }).map(({ clone, path, how, settle }): Step[] => [
    { clone, do: "commit" },
    { clone, do: "switch", branch: "side", settle },
    { clone, do: "edit", path, same: true },
    { clone, do: "commit" },
    { clone, do: "switch", branch: clone === "w" ? "work" : "main", settle },
    { clone, do: "edit", path, same: true },
    { clone, do: "commit" },
    { clone, do: how, branch: "side", settle },
  ]),
  // Two merges of the same two commits, which are both the base of the next one.
  fc.record({ clone, path, settle, first: fc.constantFrom<Settle>("ours", "theirs"), second: fc.constantFrom<Settle>("ours", "theirs") }).map(({ clone, path, settle, first, second }): Step[] => {
    const home = clone === "w" ? "work" : "main";
    return [
      { clone, do: "commit" },
      { clone, do: "switch", branch: "side", settle },
      { clone, do: "edit", path, same: true },
      { clone, do: "commit" },
      { clone, do: "switch", branch: home, settle },
      { clone, do: "edit", path, same: true },
      { clone, do: "commit" },
      { clone, do: "git", command: "branch -f before", settle: "later" },
      { clone, do: "merge", branch: "side", settle: first },
      { clone, do: "switch", branch: "side", settle },
      { clone, do: "merge", branch: "before", settle: second },
      { clone, do: "switch", branch: home, settle },
      { clone, do: "merge", branch: "side", settle },
    ];
  }),
  // Somebody without Ballast commits the file itself, and others who have an asset there meet it.
  fc.record({ path, same: fc.boolean(), rebase: fc.boolean(), settle }).map(({ path, same, rebase, settle }): Step[] => [
    { clone: "b", do: "edit", path, same },
    { clone: "a", do: "outsider", path, removes: false },
    { clone: "b", do: "pull", rebase, settle },
  ]),
  fc.record({ clone, path: fc.constantFrom(...LOOSE), what: fc.constantFrom("track" as const, "track" as const, "remove" as const) }).map(({ clone, path, what }): Step[] => [
    { clone, do: "edit", path, same: false },
    { clone, do: what },
    { clone, do: "commit" },
  ]),
  fc.record({ path, rebase: fc.boolean(), settle }).map(({ path, rebase, settle }): Step[] => [
    { clone: "a", do: "edit", path, same: true },
    { clone: "a", do: "commit" },
    { clone: "a", do: "push" },
    { clone: "b", do: "edit", path, same: false },
    { clone: "b", do: "commit" },
    { clone: "b", do: "pull", rebase, settle },
    { clone: "b", do: "push" },
  ]),
  fc.record({ clone, path, between: step }).map(({ clone, path, between }): Step[] => [{ clone, do: "edit", path, same: true }, { clone, do: "stash" }, between, { clone, do: "stash pop" }]),
);

/** What one sequence does, and whether the files count as old by then. */
export const sequences: fc.Arbitrary<{ readonly rested: boolean; readonly steps: readonly Step[] }> = fc.record({
  rested: fc.boolean(),
  steps: fc
    .array(partlyBlind(fc.oneof({ weight: 4, arbitrary: step.map((one) => [one]) }, { weight: 1, arbitrary: habit })), { minLength: 6, maxLength: 14, size: "max" })
    .map((parts) => parts.flat()),
});

/** Git often meets an edit that it was not asked about before; after what Git itself does, a look is worth its time. */
function partlyBlind(steps: fc.Arbitrary<Step[]>): fc.Arbitrary<Step[]> {
  return fc.tuple(steps, fc.array(fc.nat(9), { minLength: 8, maxLength: 8 })).map(([some, throws]) => some.map((one, at) => ({ ...one, blind: throws[at]! >= (QUIET.has(one.do) ? 5 : 8) })));
}

/** The step as one would say it. */
export function say(step: Step): string {
  const { clone, do: what, blind, ...rest } = step;
  return `${clone}: ${what} ${Object.values(rest).join(" ")}${blind === true ? " (nobody looks)" : ""}`.trimEnd();
}
