/**
 * Bounds the requests under way by what the store bears: half as many after it asked for fewer, and again one more
 * after as many successes as there may be requests (additive increase, multiplicative decrease, as TCP has it).
 */
export class Limiter {
  #limit: number;
  #running = 0;
  #successes = 0;
  #halvedAtMs = -Infinity;
  readonly #most: number;
  readonly #now: () => number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number, now: () => number = Date.now) {
    this.#limit = this.#most = most;
    this.#now = now;
  }

  /** How many requests may run now. */
  get limit(): number {
    return this.#limit;
  }

  /** Runs `request` as soon as there is room. @throws the signal's reason when it comes first */
  async run<T>(request: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#enter(signal);
    try {
      const result = await request();
      this.#succeeded();
      return result;
    } finally {
      this.#running -= 1;
      this.#admit();
    }
  }

  /** The store asked for fewer requests. Answers that arrive together count once. */
  slowDown(): void {
    const now = this.#now();
    if (now - this.#halvedAtMs < 1000) return;
    this.#halvedAtMs = now;
    this.#successes = 0;
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
  }

  #succeeded(): void {
    if (this.#limit === this.#most || ++this.#successes < this.#limit) return;
    this.#successes = 0;
    this.#limit += 1;
  }

  async #enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#running < this.#limit) {
      this.#running += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const admitted = (): void => {
        signal?.removeEventListener("abort", aborted);
        resolve();
      };
      const aborted = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(admitted), 1);
        reject(signal!.reason);
      };
      signal?.addEventListener("abort", aborted, { once: true });
      this.#waiting.push(admitted);
    });
  }

  #admit(): void {
    while (this.#running < this.#limit) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#running += 1;
      next();
    }
  }
}
