import { join } from "node:path";
import ini from "ini";
import { BallastError } from "../errors.ts";
import { CONFIG_PATH, worktreeState, type Repository } from "../git/repository.ts";
import { readIfThere } from "../util/read-if-there.ts";
import { writeAtomically } from "../util/write-atomically.ts";
import { findKey, KEYS, parseValue, type KeyName } from "./keys.ts";
import { parseCommitted, readCommitted } from "./read-committed.ts";

/** New values for keys of the committed file; undefined removes one. */
export type CommittedChanges = { readonly [K in KeyName]?: string | undefined };

/**
 * Changes `.ballast/config` atomically. Comments, order and unknown lines stay as they are.
 * @returns whether the file is different now
 * @throws USAGE for a key that may not be committed or a value that is not valid, CONFIG_INVALID for a file that is
 *   broken already, DISK_FULL, FILE_DENIED
 */
export function writeCommitted(repository: Repository, changes: CommittedChanges): boolean {
  readCommitted(repository);
  const file = join(repository.top, CONFIG_PATH);
  const before = readIfThere(file);
  const after = editCommitted(before ?? HEAD, changes);
  if (after === before) return false;
  writeAtomically(file, after, { aside: worktreeState(repository, "tmp") });
  return true;
}

/** {@link writeCommitted} on text. */
export function editCommitted(text: string, changes: CommittedChanges): string {
  let lines = text.split(/\r?\n/);
  while (lines.at(-1)?.trim() === "") lines.pop();
  for (const [name, value] of Object.entries(changes) as [KeyName, string | undefined][]) {
    if (!KEYS[name].committed) {
      throw new BallastError("USAGE", `${name} is not allowed in a committed file`, { hint: `git ballast config ${name} ${value ?? ""} sets it in this clone`.replace("  ", " ") });
    }
    if (value !== undefined) parseValue(name, value, { where: CONFIG_PATH, code: "USAGE" });
    lines = edit(lines, name, value);
  }
  const edited = `${lines.join("\n")}\n`;
  // What stands there now must be what was meant, whatever the file held before.
  const { values } = parseCommitted(edited);
  for (const [name, value] of Object.entries(changes) as [KeyName, string | undefined][]) {
    if (values.get(name) !== value) throw new BallastError("CONFIG_INVALID", `${CONFIG_PATH}: ${name} could not be changed`, { hint: "edit the file by hand" });
  }
  return edited;
}

const HEAD = `# Settings that everybody who works on this repository shares. Made for "git ballast config --committed".
`;

function edit(lines: readonly string[], key: KeyName, value: string | undefined): string[] {
  const [section, name] = key.includes(".") ? (key.split(".") as [string, string]) : ["", key];
  const assignment = value === undefined ? undefined : `${name} = ${ini.safe(value)}`;
  const edited: string[] = [];
  let current = "";
  let placed = assignment === undefined;
  // Where the section's last line is, for a key that it does not have yet.
  let end = section === "" ? 0 : -1;
  for (const line of lines) {
    const header = /^\s*\[([^\]]*)\]\s*$/.exec(line);
    if (header) current = ini.unsafe(header[1]!);
    const assigned = header || /^\s*([;#]|$)/.test(line) ? undefined : ini.unsafe(line.split("=", 1)[0]!);
    if (assigned !== undefined && findKey(current === "" ? assigned : `${current}.${assigned}`) === key) {
      if (!placed) edited.push(assignment!);
      placed = true;
      continue;
    }
    edited.push(line);
    if (current === section && line.trim() !== "" && (section !== "" || assigned !== undefined || edited.every((l) => /^\s*[;#]/.test(l)))) end = edited.length;
  }
  if (placed) return edited;
  if (end >= 0) edited.splice(end, 0, assignment!);
  else edited.push("", `[${section}]`, assignment!);
  return edited;
}
