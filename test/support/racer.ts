import { fork, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { build } from "esbuild";
import type { Answer, Order } from "./lock-child.ts";

/** The program of a racer, bundled into `directory`. */
export async function buildRacer(directory: string): Promise<string> {
  const program = join(directory, "lock-child.mjs");
  await build({
    entryPoints: [join(import.meta.dirname, "lock-child.ts")],
    bundle: true,
    format: "esm",
    platform: "node",
    outfile: program,
    logLevel: "error",
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  });
  return program;
}

/** A process that takes and releases locks as it is told; started again when it was killed. */
export class Racer {
  readonly name: string;
  readonly #program: string;
  readonly #args: readonly string[];
  #env: Record<string, string>;
  #child: ChildProcess;
  #ready: Promise<unknown>;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #count = 0;

  /** @param env added to the environment of the first process, and not of those that follow it */
  constructor(program: string, name: string, args: readonly string[], env: Record<string, string> = {}) {
    this.name = name;
    this.#program = program;
    this.#args = args;
    this.#env = env;
    [this.#child, this.#ready] = this.#start();
  }

  #start(): [ChildProcess, Promise<unknown>] {
    const child = fork(this.#program, [...this.#args], { stdio: ["ignore", "ignore", "inherit", "ipc"], env: { ...process.env, ...this.#env } });
    const ready = new Promise<Answer>((resolve) => this.#waiting.set(0, resolve));
    child.on("message", (answer: Answer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    return [child, ready];
  }

  async order(what: Order["do"], path: string): Promise<Answer> {
    await this.#ready;
    const id = ++this.#count;
    const request = { path, owner: { name: this.name, email: `${this.name}@example.com` }, machine: "test", nowMs: Date.now(), nonce: randomUUID() };
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.send({ id, do: what, request } satisfies Order, () => {});
    });
  }

  /** Kills the process, which answers "killed" to what it had not answered, and starts it anew. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended();
    this.#env = {};
    for (const [id, resolve] of this.#waiting) resolve({ id, outcome: "killed" });
    this.#waiting.clear();
    [this.#child, this.#ready] = this.#start();
  }

  /** Returns once the process has died. */
  async ended(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await new Promise((resolve) => this.#child.once("exit", resolve));
  }

  get ready(): Promise<unknown> {
    return this.#ready;
  }

  end(): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}
