// Preloaded by NODE_OPTIONS: appends this process's peak resident memory in KiB, and what it ran, to $PEAK_MEMORY_LOG.
const { appendFileSync } = require("node:fs");
const { isMainThread } = require("node:worker_threads");

if (isMainThread && process.env.PEAK_MEMORY_LOG) {
  process.on("exit", () => {
    appendFileSync(process.env.PEAK_MEMORY_LOG, `${process.resourceUsage().maxRSS} ${process.argv.slice(2, 4).join(" ")}\n`);
  });
}
