import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { build } from "esbuild";
import type { Oid } from "../../../src/object/oid.ts";
import type { Order, Said, Told } from "./child.ts";

/** The program of a churner, bundled into `directory`: small and in parts, since three are killed and started in a round. */
export async function buildChurner(directory: string): Promise<string> {
  const js = "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);";
  const entryPoints = { "churn-child": join(import.meta.dirname, "child.ts") };
  await build({ entryPoints, bundle: true, minify: true, splitting: true, format: "esm", platform: "node", outdir: directory, outExtension: { ".js": ".mjs" }, logLevel: "error", banner: { js } });
  return join(directory, "churn-child.mjs");
}

/** What becomes of a process that has an order. */
export interface Fate {
  /** It is stopped after so long, for so long; or killed then. */
  readonly afterMs: number;
  readonly stopMs: number;
  readonly how: "spared" | "stopped" | "killed";
}

export interface Outcome {
  readonly outcome: string;
  readonly removed: number;
  readonly waited: number;
}

/** A process that is used again for one order after the other, and replaced when it was killed. */
export class Churner {
  readonly #start: () => ChildProcess;
  #child: ChildProcess;
  #ready: Promise<unknown>;
  #count = 0;

  constructor(program: string, args: readonly string[]) {
    this.#start = () => fork(program, [...args], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.#child = this.#start();
    this.#ready = once(this.#child, "message");
  }

  /**
   * Ends when the order was carried out, has failed, or the process was killed.
   * @param asked answers what the process wants to know of the refs, and publishes
   */
  async order(order: Omit<Order, "id">, { how, afterMs, stopMs }: Fate, asked: (what: "needs" | "publish") => readonly Oid[]): Promise<Outcome> {
    await this.#ready;
    const child = this.#child;
    const id = ++this.#count;
    const ended = new Promise<Outcome>((resolve) => {
      const hear = (said: Said): void => {
        if ("ask" in said) child.send({ answer: asked(said.ask) } satisfies Told, () => {});
        else if (said.id === id) {
          settle({ outcome: said.outcome, removed: said.removed ?? 0, waited: said.waited ?? 0 });
        }
      };
      const exited = (): void => settle({ outcome: "killed", removed: 0, waited: 0 });
      const settle = (outcome: Outcome): void => {
        child.off("message", hear).off("exit", exited);
        resolve(outcome);
      };
      child.on("message", hear).once("exit", exited);
    });
    child.send({ ...order, id } satisfies Told, () => {});
    let killed = false;
    const timer = setTimeout(() => {
      if (how === "stopped") child.kill("SIGSTOP");
      if (how === "stopped") setTimeout(() => child.kill("SIGCONT"), stopMs);
      if (how === "killed") killed = child.kill("SIGKILL");
    }, afterMs);
    const outcome = await ended;
    clearTimeout(timer);
    // Its answer may have been on its way when it was killed.
    if (killed || outcome.outcome === "killed") {
      this.#child = this.#start();
      this.#ready = once(this.#child, "message");
    }
    return outcome;
  }

  end(): void {
    this.#child.kill("SIGCONT");
    if (this.#child.connected) this.#child.disconnect();
  }
}
