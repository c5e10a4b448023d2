import { execFileSync } from "node:child_process";

/** Whether this process can mount file systems, as root can. */
export function mayMount(): boolean {
  const probe = execFileSync("mktemp", ["-d"]).toString().trim();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", probe], { stdio: "ignore" });
    execFileSync("umount", [probe]);
    return true;
  } catch {
    return false;
  } finally {
    execFileSync("rmdir", [probe]);
  }
}
