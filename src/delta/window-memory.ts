import { Budget } from "../util/budget.ts";
import { IdleBuffers } from "../util/idle-buffers.ts";

const MIB = 1024 * 1024;
/** Windows of more than this share memory. */
export const LARGE_WINDOW_BYTES = MIB;
/** What large windows take together, of all decoders of a thread: one is made while another is written. */
const SHARED_BYTES = 16 * MIB;

const budget = new Budget(SHARED_BYTES);
const idle = new IdleBuffers();

/** Memory for one window. */
export interface WindowMemory {
  readonly bytes: Uint8Array;
  /** Gives it back; once, and nobody looks at the bytes any more. */
  release(): void;
}

/**
 * Room for the target of a large window. A thread has it for a few: who wants one waits until others have done with theirs,
 * so nobody may wait for a window of one delta while holding that of another.
 * @throws the signal's reason
 */
export async function windowMemory(sizeBytes: number, signal: AbortSignal | undefined): Promise<WindowMemory> {
  const giveBack = await budget.take(sizeBytes, signal);
  const bytes = idle.take(sizeBytes);
  return {
    bytes,
    release: () => {
      idle.give(bytes);
      giveBack();
    },
  };
}
