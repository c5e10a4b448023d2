import { expect, test } from "vitest";
import { labelOf } from "../../../src/git/identity.ts";

test.each([
  ["git@example.com:team/game.git", "example.com/team/game"],
  ["ssh://git@example.com/team/game.git", "example.com/team/game"],
  ["ssh://git@EXAMPLE.com:22/team/game", "example.com/team/game"],
  ["https://user:secret@example.com/team/game.git/", "example.com/team/game"],
  ["https://example.com:443/team/game", "example.com/team/game"],
  ["https://example.com:8443/team/game", "example.com:8443/team/game"],
  ["ssh://git@[::1]:2222/x.git", "[::1]:2222/x"],
  ["example.com:x", "example.com/x"],
  ["/nowhere/x.git", "desk:/nowhere/x"],
  ["../x", "desk:/nowhere/x"],
  ["file:///nowhere/x.git", "desk:/nowhere/x"],
  ["./with:colon", "desk:/nowhere/top/with:colon"],
  ["hg::https://example.com/x", "hg::https://example.com/x"],
])("%s is known as %s", (url, label) => {
  expect(labelOf(url, "/nowhere/top", "desk")).toBe(label);
});
