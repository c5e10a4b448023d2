import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { withLock } from "../../src/util/lock.ts";

/*
 * usage: lock-holder <file> <times> <ms> — adds 1 to the number in the file under its lock, so many times, and takes so long over
 * each. Says "held" each time that it has the lock.
 */
const [file, times, ms] = process.argv.slice(2);
for (let i = 0; i < Number(times); i++) {
  await withLock(file!, async () => {
    const before = Number(readFileSync(file!, "utf8"));
    process.stdout.write("held\n");
    await pause(Number(ms));
    writeFileSync(file!, String(before + 1));
  });
}
