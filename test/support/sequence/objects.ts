import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";

/** One `git cat-file --batch` that is asked again and again: a check after every step starts no Git. */
export class Objects {
  readonly #child: ChildProcess;
  /** What has come and was not read yet. */
  #came: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake = (): void => {};
  #turn: Promise<unknown> = Promise.resolve();

  constructor(repository: string, env: Record<string, string>) {
    this.#child = spawn("git", ["cat-file", "--batch"], { cwd: repository, env, stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdout!.on("data", (some: Buffer) => {
      this.#came = Buffer.concat([this.#came, some]);
      this.#wake();
    });
    this.#child.stdout!.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    this.#child.stdin!.on("error", () => {});
  }

  /** The content of what `name` names now (`HEAD:path`, say), or undefined when there is no such object. One is read after the other. */
  read(name: string): Promise<Buffer | undefined> {
    const answer = this.#turn.then(() => this.#ask(name));
    this.#turn = answer.catch(() => {});
    return answer;
  }

  /** Ends the process. */
  async close(): Promise<void> {
    await this.#turn;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.stdin!.end();
    await ended;
  }

  async #ask(name: string): Promise<Buffer | undefined> {
    this.#child.stdin!.write(`${name}\n`);
    await this.#until(() => this.#came.includes(10));
    const end = this.#came.indexOf(10);
    const header = this.#take(end + 1).toString();
    if (/ (missing|ambiguous)\n$/.test(header)) return undefined;
    const sizeBytes = Number(/^[0-9a-f]+ \w+ (\d+)\n$/.exec(header)?.[1] ?? NaN);
    if (Number.isNaN(sizeBytes)) throw new Error(`git cat-file says ${header}`);
    await this.#until(() => this.#came.length > sizeBytes);
    return this.#take(sizeBytes + 1).subarray(0, sizeBytes);
  }

  async #until(there: () => boolean): Promise<void> {
    while (!there()) {
      if (this.#ended) throw new Error("git cat-file has ended");
      await new Promise<void>((wake) => (this.#wake = wake));
    }
  }

  #take(bytes: number): Buffer {
    const taken = this.#came.subarray(0, bytes);
    this.#came = this.#came.subarray(bytes);
    return taken;
  }
}
