"use strict";
/*
 * A preload (NODE_OPTIONS=--require) that kills a process with SIGKILL in the middle of one of its file system writes.
 *
 *   BALLAST_CRASH_COUNTER  a file that grows by one byte with each write of any process and thread that has it
 *   BALLAST_CRASH_AT       the number of the write at which that process dies; none dies when it is 0
 *   BALLAST_CRASH_GROUP    when it is 1, everything dies that runs in the process group, Git and the hook's shell too, if
 *                          the group's leader was started with these variables (by setsid); and the start of a process counts as
 *                          a write
 *
 * A write of bytes dies when half of them are written; anything else dies just before it happens. One process dies in
 * a run, and `<counter>.crashed` then says where; the others go on. What changes nothing is not counted: making a
 * directory that is there, removing a file that is not, and syncs (which matter to a power cut, not to a kill). Nor is
 * the opening of a file, since whoever dies at the first write to it leaves it behind as good as empty.
 */
const fs = require("node:fs");
const { syncBuiltinESMExports } = require("node:module");

const COUNTER = process.env.BALLAST_CRASH_COUNTER;
const AT = Number(process.env.BALLAST_CRASH_AT || 0);
const GROUP = process.env.BALLAST_CRASH_GROUP === "1";

if (COUNTER) install();

function install() {
  const { readFileSync } = fs;
  /** Never the group of whoever runs the tests. A process that left the group dies alone. */
  function isOurGroup() {
    const stat = readFileSync("/proc/self/stat", "utf8");
    const leader = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2];
    return readFileSync(`/proc/${leader}/environ`, "utf8").split("\0").includes(`BALLAST_CRASH_COUNTER=${COUNTER}`);
  }

  const real = { appendFileSync: fs.appendFileSync, openSync: fs.openSync, closeSync: fs.closeSync, statSync: fs.statSync, writeSync: fs.writeSync, writeFileSync: fs.writeFileSync };

  /** Counts one write; dies when it is the one, after `half` has done a part of it. */
  function count(what, half) {
    const fd = real.openSync(COUNTER, "a");
    real.writeSync(fd, ".");
    real.closeSync(fd);
    if (AT === 0 || real.statSync(COUNTER).size < AT) return;
    try {
      real.closeSync(real.openSync(`${COUNTER}.crashed`, "wx"));
    } catch {
      return;
    }
    real.writeFileSync(`${COUNTER}.crashed`, `${what} in ${process.argv.slice(2).join(" ")}\n`);
    try {
      half?.();
    } catch {}
    process.kill(GROUP && isOurGroup() ? 0 : process.pid, "SIGKILL");
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  }

  const name = (target) => (typeof target === "number" ? `descriptor ${target}` : String(target));
  const bytes = (data) => (typeof data === "string" ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  const firstHalf = (data, offset = 0, length = bytes(data).length - offset) => bytes(data).subarray(offset, offset + Math.floor(length / 2));
  /** The descriptor of a number or a FileHandle. */
  const fdOf = (target) => (typeof target === "number" ? target : target.fd);

  const isPosition = (value) => typeof value === "number" || typeof value === "bigint";
  function halfOfWrite(target, data, offset, length, position) {
    if (typeof data === "string") return () => real.writeSync(fdOf(target), firstHalf(data), 0, undefined, isPosition(offset) ? offset : null);
    if (!ArrayBuffer.isView(data)) return undefined;
    if (offset !== null && typeof offset === "object") ({ offset = 0, length, position } = offset);
    const half = firstHalf(data, offset ?? 0, length ?? undefined);
    return () => real.writeSync(fdOf(target), half, 0, half.length, isPosition(position) ? position : null);
  }
  const halfOfWhole = (flag) => (target, data) => () => {
    const half = firstHalf(data);
    if (typeof target === "object" && target !== null && "fd" in target) real.writeSync(target.fd, half);
    else real.writeFileSync(target, half, { flag });
  };

  const plain = ["rename", "link", "symlink", "unlink", "rm", "rmdir", "mkdir", "truncate", "ftruncate", "utimes", "futimes", "lutimes", "chmod", "fchmod", "copyFile"];
  const writes = { write: halfOfWrite, writeFile: halfOfWhole("w"), appendFile: halfOfWhole("a") };

  function wrap(object, method, half) {
    const original = object[method];
    if (typeof original !== "function") return;
    object[method] = function (...args) {
      if (!inside && !isIdle(method, args[0])) count(`${method} ${name(args[0])}`, half?.(...args));
      return inside || !isSync(method) ? original.apply(this, args) : shielded(() => original.apply(this, args));
    };
    // util.promisify finds its own version of write() by a symbol.
    for (const key of Object.getOwnPropertySymbols(original)) {
      const custom = original[key];
      object[method][key] = typeof custom === "function" ? (...args) => (count(`${method} ${name(args[0])}`, half?.(...args)), custom(...args)) : custom;
    }
  }

  function isIdle(method, path) {
    if (typeof path !== "string" || !/^(mkdir|rm|unlink)(Sync)?$/.test(method)) return false;
    return (real.statSync(path, { throwIfNoEntry: false }) !== undefined) === method.startsWith("mkdir");
  }

  /** writeFileSync and rmSync call other functions that are wrapped too: one call is one write. */
  let inside = false;
  const isSync = (method) => method.endsWith("Sync");
  function shielded(action) {
    inside = true;
    try {
      return action();
    } finally {
      inside = false;
    }
  }

  for (const method of plain) {
    wrap(fs, method);
    wrap(fs, `${method}Sync`);
    wrap(fs.promises, method);
  }
  for (const [method, half] of Object.entries(writes)) {
    wrap(fs, method, half);
    wrap(fs, `${method}Sync`, half);
    if (method !== "write") wrap(fs.promises, method, half);
  }
  wrap(fs, "writevSync");
  wrap(fs, "writev");
  wrapHandles();
  syncBuiltinESMExports();
  if (GROUP && require("node:worker_threads").isMainThread) count("start");

  /** The methods of FileHandle, which is reached through a handle only. */
  function wrapHandles() {
    const open = fs.promises.open;
    let done = false;
    fs.promises.open = async function (...args) {
      const handle = await open.apply(this, args);
      if (done) return handle;
      done = true;
      const prototype = Object.getPrototypeOf(handle);
      for (const method of ["write", "writeFile", "appendFile", "writev", "truncate", "utimes", "chmod"]) {
        const original = prototype[method];
        prototype[method] = function (...rest) {
          count(`FileHandle.${method}`, method === "write" ? halfOfWrite(this, ...rest) : method.endsWith("File") ? () => real.writeSync(this.fd, firstHalf(rest[0])) : undefined);
          return original.apply(this, rest);
        };
      }
      return handle;
    };
  }
}
