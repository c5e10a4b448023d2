/** A number of bytes of memory that many share: who wants more than is left waits for its turn. */
export class Budget {
  readonly #capacityBytes: number;
  #freeBytes: number;
  readonly #waiting: { readonly bytes: number; readonly admit: () => void }[] = [];

  constructor(capacityBytes: number) {
    this.#capacityBytes = this.#freeBytes = capacityBytes;
  }

  /** Whether anybody owns some of it, or waits for it. */
  get isUsed(): boolean {
    return this.#freeBytes < this.#capacityBytes || this.#waiting.length > 0;
  }

  /** Runs `work` while it owns `bytes`, or all there are if it wants more. @throws the signal's reason when it comes first */
  async use<T>(bytes: number, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const giveBack = await this.take(bytes, signal);
    try {
      return await work();
    } finally {
      giveBack();
    }
  }

  /** As {@link use}, until what this returns is called. */
  async take(bytes: number, signal: AbortSignal | undefined): Promise<() => void> {
    const share = Math.min(bytes, this.#capacityBytes);
    await this.#take(share, signal);
    return () => this.#give(share);
  }

  /** Takes `bytes` if they are free at once; returns what gives them back. */
  tryTake(bytes: number): (() => void) | undefined {
    if (this.#waiting.length > 0 || bytes > this.#freeBytes) return undefined;
    this.#freeBytes -= bytes;
    return () => this.#give(bytes);
  }

  async #take(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#waiting.length === 0 && bytes <= this.#freeBytes) {
      this.#freeBytes -= bytes;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const waiter = {
        bytes,
        admit: () => {
          signal?.removeEventListener("abort", aborted);
          resolve();
        },
      };
      const aborted = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal!.reason);
        this.#give(0);
      };
      signal?.addEventListener("abort", aborted, { once: true });
      this.#waiting.push(waiter);
    });
  }

  #give(bytes: number): void {
    this.#freeBytes += bytes;
    for (let next = this.#waiting[0]; next && next.bytes <= this.#freeBytes; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#freeBytes -= next.bytes;
      next.admit();
    }
  }
}
