"use strict";
/*
 * A preload (NODE_OPTIONS=--require) of a disk with a bad place: whoever reads a file whose path contains BALLAST_BAD_DISK
 * gets EIO, as the kernel says it. Names, sizes, writes and renames work.
 */
const fs = require("node:fs");
const { syncBuiltinESMExports } = require("node:module");

const BAD = process.env.BALLAST_BAD_DISK;

if (BAD) install();

function install() {
  const bad = new Set();
  const isBad = (path) => String(path).includes(BAD);
  const failure = (call) => Object.assign(new Error(`EIO: i/o error, ${call}`), { code: "EIO", errno: -5, syscall: call });
  const { openSync, closeSync, readSync, read, readFileSync, createReadStream } = fs;
  const { open } = fs.promises;

  fs.openSync = (path, ...rest) => {
    const fd = openSync(path, ...rest);
    if (isBad(path)) bad.add(fd);
    return fd;
  };
  fs.closeSync = (fd) => {
    bad.delete(fd);
    return closeSync(fd);
  };
  fs.readSync = (fd, ...rest) => {
    if (bad.has(fd)) throw failure("read");
    return readSync(fd, ...rest);
  };
  fs.read = (fd, ...rest) => (bad.has(fd) ? process.nextTick(rest.at(-1), failure("read")) : read(fd, ...rest));
  fs.readFileSync = (path, ...rest) => {
    if (typeof path === "number" ? bad.has(path) : isBad(path)) throw failure("read");
    return readFileSync(path, ...rest);
  };
  fs.createReadStream = (path, ...rest) => {
    const stream = createReadStream(path, ...rest);
    if (isBad(path)) stream.destroy(failure("read"));
    return stream;
  };
  fs.promises.open = async (path, ...rest) => {
    const file = await open(path, ...rest);
    if (isBad(path)) file.read = async () => Promise.reject(failure("read"));
    return file;
  };
  syncBuiltinESMExports();
}
