// Preloaded by NODE_OPTIONS: appends this process's peak resident memory in KiB, and what it ran, to $PEAK_MEMORY_LOG.
const { appendFileSync, readFileSync } = require("node:fs");
const { isMainThread } = require("node:worker_threads");

if (isMainThread && process.env.PEAK_MEMORY_LOG) {
  process.on("exit", () => {
    appendFileSync(process.env.PEAK_MEMORY_LOG, `${peakKib()} ${process.argv.slice(2, 4).join(" ")}\n`);
  });
}

/** proc(5), where there is one: getrusage(2) also tells what whoever started this process held at that moment. */
function peakKib() {
  try {
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "latin1"))[1]);
  } catch {
    return process.resourceUsage().maxRSS;
  }
}
