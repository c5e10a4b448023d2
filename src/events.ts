/** What a long operation reports while it works. Reporters in `cli/` render it; nothing else reads it. */
export type Event =
  /** An operation begins. `totalBytes` may be unknown; sizes are logical (worktree) bytes. */
  | { kind: "start"; op: Operation; totalFiles: number; totalBytes: number | undefined }
  /** Bytes moved since the last event of this operation. */
  | { kind: "bytes"; op: Operation; bytes: number }
  /** One file or object is done. `storedBytes` is what it took in the store or on the wire. */
  | { kind: "file"; op: Operation; path: string; oid: string; bytes: number; storedBytes?: number; how?: FileOutcome }
  /** The operation ended, well or not. */
  | { kind: "end"; op: Operation; ok: boolean }
  /** An attempt failed and is tried again. */
  | { kind: "retry"; what: string; attempt: number; delayMs: number; reason: string }
  | { kind: "warning"; message: string; hint?: string }
  | { kind: "info"; message: string };

export type Operation = "record" | "upload" | "download" | "restore" | "copy" | "scan" | "repack";
export type FileOutcome = "done" | "present" | "kept" | "removed";

/** Receives events; must not throw and must return at once. */
export type Report = (event: Event) => void;

export const silent: Report = () => {};
