import { expect, test } from "vitest";
import { parseRefUpdates } from "../../../src/git/ref-updates.ts";

const A = "a".repeat(40);
const B = "b".repeat(40);
const ZERO = "0".repeat(40);

test("reads updates, new refs and deletions", () => {
  const input = `refs/heads/main ${A} refs/heads/main ${B}\nHEAD~2 ${A} refs/heads/new ${ZERO}\n(delete) ${ZERO} refs/heads/old ${B}\n\n`;
  expect(parseRefUpdates(input)).toEqual([
    { localRef: "refs/heads/main", localId: A, remoteRef: "refs/heads/main", remoteId: B },
    { localRef: "HEAD~2", localId: A, remoteRef: "refs/heads/new", remoteId: undefined },
    { localRef: "(delete)", localId: undefined, remoteRef: "refs/heads/old", remoteId: B },
  ]);
});

test("reads the ids of a SHA-256 repository, and a source that holds spaces", () => {
  const long = "c".repeat(64);
  expect(parseRefUpdates(`main@{1 day ago} ${long} refs/heads/x ${"0".repeat(64)}\n`)).toEqual([
    { localRef: "main@{1 day ago}", localId: long, remoteRef: "refs/heads/x", remoteId: undefined },
  ]);
});

test("refuses what no Git writes", () => {
  expect(() => parseRefUpdates("refs/heads/main\n")).toThrow("not a line of a pre-push hook");
});
