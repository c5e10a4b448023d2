import { expect, test } from "vitest";
import { directoryOf } from "../../../src/git/clone-arguments.ts";

test.each([
  ["https://host/group/project.git", "project"],
  ["https://host/group/project.git/", "project"],
  ["https://user@host:8443/project", "project"],
  ["ssh://git@host:22/~/project.git", "project"],
  ["https://host:8080/", "host"],
  ["git@host:project.git", "project"],
  ["git@host:group/project", "project"],
  ["host:project.git", "project"],
  ["/srv/git/project", "project"],
  ["/srv/git/project/.git", "project"],
  ["../project.git/", "project"],
  ["./backup.bundle", "backup"],
  ["/srv/two  words.git", "two words"],
  ["file:///srv/a@b.git", "a@b"],
])("%s is cloned into %s", (url, directory) => {
  expect(directoryOf(url)).toBe(directory);
});

test("a URL that leaves no name has none", () => {
  expect(directoryOf("/")).toBeUndefined();
  expect(directoryOf("..")).toBeUndefined();
});
