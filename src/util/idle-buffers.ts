/**
 * Buffers that were used and may be used again. The engine sees little of what buffers take and collects them late, so who
 * made a new one each time would hold many. It may have those that nobody uses: they are held weakly.
 */
export class IdleBuffers {
  #idle: WeakRef<Buffer>[] = [];

  /** One of at least this size, in bytes; with whatever is in it. */
  take(sizeBytes: number): Buffer {
    // What is too small is left to the engine: sizes that are asked for mostly stay the same.
    const there = this.#idle.flatMap((each) => each.deref() ?? []).filter(({ length }) => length >= sizeBytes);
    const taken = there.pop() ?? Buffer.allocUnsafeSlow(sizeBytes);
    this.#idle = there.map((each) => new WeakRef(each));
    return taken;
  }

  /** Nobody looks at it any more. */
  give(buffer: Buffer): void {
    this.#idle.push(new WeakRef(buffer));
  }
}
