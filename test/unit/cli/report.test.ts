import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { jsonReporter } from "../../../src/cli/report/json.ts";
import { redact, runLog } from "../../../src/cli/report/log.ts";
import { plainReporter } from "../../../src/cli/report/plain.ts";
import type { ReporterOptions } from "../../../src/cli/report/reporter.ts";
import { silentReporter } from "../../../src/cli/report/silent.ts";
import { PLAIN } from "../../../src/cli/style.ts";
import type { Event } from "../../../src/events.ts";

const MIB = 1024 ** 2;

class Screen {
  text = "";
  nowMs = 0;
  readonly options: ReporterOptions;

  constructor(wishes: Partial<ReporterOptions> = {}) {
    const stream = { write: (text: string | Uint8Array) => ((this.text += String(text)), true) };
    this.options = { stream, style: PLAIN, quiet: false, verbose: false, summaries: false, now: () => this.nowMs, ...wishes };
  }
}

const start: Event = { kind: "start", op: "upload", totalFiles: 3, totalBytes: 30 * MIB };
const file = (path: string): Event => ({ kind: "file", op: "upload", path, oid: "0".repeat(64), bytes: 10 * MIB, storedBytes: 5 * MIB, how: "done" });
const end: Event = { kind: "end", op: "upload", ok: true };

describe("plain lines", () => {
  it("come every five seconds at most, with rate and time left, and sum up at the end", () => {
    const screen = new Screen();
    const { report } = plainReporter(screen.options);
    report(start);
    for (const [ms, path] of [[1000, "a"], [5000, "b"]] as const) {
      screen.nowMs = ms;
      report(file(path));
      report({ kind: "bytes", op: "upload", bytes: 1 });
    }
    expect(screen.text).toBe("ballast: uploading: 2 of 3 files, 20 MiB of 30 MiB, 4 MiB/s, 2.5 s left\n");
    screen.nowMs = 6000;
    report(file("c"));
    report(end);
    expect(screen.text.split("\n").at(-2)).toBe("ballast: uploaded 3 files, 30 MiB (15 MiB stored) in 6 s, 5 MiB/s");
  });

  it("say nothing of what was soon over, unless nobody else says it", () => {
    for (const [summaries, text] of [[false, ""], [true, "ballast: uploaded 1 file, 10 MiB (5 MiB stored) in 0 ms\n"]] as const) {
      const screen = new Screen({ summaries });
      const { report } = plainReporter(screen.options);
      for (const event of [start, file("a"), end]) report(event);
      expect(screen.text).toBe(text);
    }
  });

  it("never tell of more bytes than there are, when a transfer starts over", () => {
    const screen = new Screen();
    const { report } = plainReporter(screen.options);
    report(start);
    screen.nowMs = 6000;
    report({ kind: "bytes", op: "upload", bytes: 90 * MIB });
    expect(screen.text).toContain("30 MiB of 30 MiB");
  });
});

describe("messages", () => {
  const warning: Event = { kind: "warning", message: "odd", hint: "mend it" };
  const info: Event = { kind: "info", message: "good to know" };
  const retry = (attempt: number): Event => ({ kind: "retry", what: "GET x", attempt, delayMs: 1500, reason: "503" });

  it("show warnings always, the rest not when quiet", () => {
    const [loud, quiet] = [new Screen(), new Screen({ quiet: true })];
    for (const screen of [loud, quiet]) for (const event of [warning, info]) silentReporter(screen.options).report(event);
    expect(quiet.text).toBe("ballast: warning: odd\n  → mend it\n");
    expect(loud.text).toBe(`${quiet.text}ballast: good to know\n`);
  });

  it("show retries once they are more than everyday life", () => {
    const screen = new Screen();
    for (const attempt of [1, 2, 3]) silentReporter(screen.options).report(retry(attempt));
    expect(screen.text).toBe("ballast: GET x: 503; trying again in 1.5 s (attempt 4)\n");
  });
});

it("JSON is one event a line", () => {
  const screen = new Screen();
  const { report } = jsonReporter(screen.options);
  const events = [start, file("a\nb"), end];
  for (const event of events) report(event);
  expect(screen.text.trimEnd().split("\n").map((line) => JSON.parse(line) as unknown)).toEqual(events);
});

describe("the log", () => {
  let directory: string;
  beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "ballast-log-"))));
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const clock = (): Date => new Date("2026-01-02T03:04:05.678Z");

  it("is made for a run that transfers, with the beginning and the end", () => {
    const log = runLog(() => directory, "git ballast push", clock);
    for (const event of [{ kind: "info", message: "before" } as const, start, file("a"), end]) log.report(event);
    log.close("ended with status 0");
    const [name] = readdirSync(directory);
    expect(name).toMatch(/^2026-01-02T03-04-05-678Z-\d+\.log$/);
    const lines = readFileSync(join(directory, name!), "utf8").trimEnd().split("\n").map((line) => line.slice(25));
    expect(lines).toEqual([
      "git ballast push",
      "info: before",
      `start upload: 3 files, ${30 * MIB} bytes`,
      `upload done: ${"0".repeat(64)} ${10 * MIB} bytes, ${5 * MIB} stored "a"`,
      "end upload: ok",
      "ended with status 0",
    ]);
  });

  it("is not made for other runs", () => {
    const log = runLog(() => directory, "git ballast status", clock);
    log.report({ kind: "file", op: "scan", path: "a", oid: "", bytes: 1 });
    log.close("ended with status 0");
    expect(readdirSync(directory)).toEqual([]);
  });

  it("keeps the newest twenty", () => {
    for (let i = 10; i < 40; i++) writeFileSync(join(directory, `2025-01-${i}.log`), "");
    const log = runLog(() => directory, "git ballast push", clock);
    log.report(file("a"));
    log.close("ended");
    const names = readdirSync(directory).sort();
    expect(names).toHaveLength(20);
    expect([names[0], names.at(-1)!.slice(0, 4)]).toEqual(["2025-01-21.log", "2026"]);
  });

  it("never holds credentials", () => {
    const secrets = ["https://me:hush@example.com/x", "X-Amz-Signature=hush&y", "key AKIAHUSHHUSHHUSHHUSH", "aws_secret_access_key = hush", '"sessionToken":"hush"', "Authorization: hush"];
    for (const text of secrets) expect(redact(text)).not.toMatch(/hush/i);
    expect(redact("s3://bucket/prefix a@b")).toBe("s3://bucket/prefix a@b");
  });

  it("that cannot be written stops nothing", () => {
    writeFileSync(join(directory, "file"), "");
    const log = runLog(() => join(directory, "file", "below"), "git ballast push", clock);
    log.report(file("a"));
    log.close("ended");
  });
});
