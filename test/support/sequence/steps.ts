import fc from "fast-check";

/** What one step does, in one of two clones of an upstream. */
export type Step = { readonly clone: "a" | "b" } & (
  | { readonly do: "edit"; readonly path: string; readonly same: boolean }
  | { readonly do: "delete"; readonly path: string }
  | { readonly do: "move"; readonly path: string; readonly to: string }
  | { readonly do: "code" }
  | { readonly do: "add" | "commit" | "commit -a" | "stash" | "stash pop" | "push" | "revert" | "clean" | "lose index" | "checkout" | "checkout -f" | "restore" }
  | { readonly do: "switch" | "merge" | "rebase" | "cherry-pick"; readonly branch: string; readonly settle: Settle }
  | { readonly do: "pull"; readonly rebase: boolean; readonly settle: Settle }
  | { readonly do: "reset"; readonly mode: "--hard" | "--mixed" | "--soft"; readonly back: number }
);

/** How a conflict ends. */
export type Settle = "abort" | "ours" | "theirs";

export const PATHS = ["one.bin", "art/two.bin", "art/deep/three.bin"];
export const BRANCHES = ["main", "side"];

const path = fc.constantFrom(...PATHS);
const branch = fc.constantFrom(...BRANCHES);
const settle = fc.constantFrom<Settle>("abort", "ours", "theirs");
const clone = fc.constantFrom<"a" | "b">("a", "a", "b");

/** Edits and commits come up most, since the rest has nothing to do without them. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ clone, do: fc.constant("edit" as const), path, same: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ clone, do: fc.constant("delete" as const), path }) },
  { weight: 2, arbitrary: fc.record({ clone, do: fc.constant("move" as const), path, to: path }) },
  { weight: 1, arbitrary: fc.record({ clone, do: fc.constant("code" as const) }) },
  { weight: 8, arbitrary: fc.record({ clone, do: fc.constantFrom("commit" as const, "commit -a" as const) }) },
  { weight: 3, arbitrary: fc.record({ clone, do: fc.constantFrom("stash" as const, "stash pop" as const, "revert" as const) }) },
  { weight: 3, arbitrary: fc.record({ clone, do: fc.constantFrom("add" as const, "clean" as const, "lose index" as const, "checkout" as const, "checkout -f" as const, "restore" as const) }) },
  { weight: 6, arbitrary: fc.record({ clone, do: fc.constantFrom("switch" as const, "merge" as const, "rebase" as const, "cherry-pick" as const), branch, settle }) },
  { weight: 3, arbitrary: fc.record({ clone, do: fc.constant("push" as const) }) },
  { weight: 3, arbitrary: fc.record({ clone, do: fc.constant("pull" as const), rebase: fc.boolean(), settle }) },
  { weight: 3, arbitrary: fc.record({ clone, do: fc.constant("reset" as const), mode: fc.constantFrom("--hard" as const, "--mixed" as const, "--soft" as const), back: fc.nat(2) }) },
);

/** The step as one would say it. */
export function say(step: Step): string {
  const { clone, do: what, ...rest } = step;
  return `${clone}: ${what} ${Object.values(rest).join(" ")}`.trimEnd();
}
