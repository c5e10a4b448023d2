import { closeSync, writeSync } from "node:fs";
import { systemCode } from "../errors.ts";
import { openUnnamed, readWhole } from "./unnamed-file.ts";

/** Less than this is kept in memory, in bytes. */
const LARGE = 1024 * 1024;

/** Bytes that a process which only waits need not hold. */
export class SetAside {
  #kept: Buffer | number;

  /** @param directory where a file is made for them; where that fails, they stay in memory */
  constructor(bytes: Buffer, directory: string) {
    this.#kept = bytes.length < LARGE ? bytes : written(bytes, directory);
  }

  read(): Buffer {
    return typeof this.#kept === "number" ? readWhole(this.#kept) : this.#kept;
  }

  /** Lets go of them. */
  close(): void {
    if (typeof this.#kept === "number") closeSync(this.#kept);
    this.#kept = Buffer.alloc(0);
  }
}

function written(bytes: Buffer, directory: string): Buffer | number {
  let fd: number | undefined;
  try {
    fd = openUnnamed(directory);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    return fd;
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    if (systemCode(error) === undefined) throw error;
    return bytes;
  }
}
