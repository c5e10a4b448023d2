import type { Sandbox } from "./sandbox.ts";

/** A directory `lane` with `repo`, its upstream `up.git` and `store`, to be copied as a whole to where it was made. `*.bin` is tracked. */
export async function makeLane(box: Sandbox): Promise<void> {
  await box.git(".", "init", "-q", "--bare", "lane/up.git");
  await box.git(".", "init", "-q", "lane/repo");
  await box.git("lane/repo", "remote", "add", "origin", "../up.git");
  await box.mustBallast("lane/repo", "init", "../store");
  await box.mustBallast("lane/repo", "track", "*.bin");
}
