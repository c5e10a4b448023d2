import type { Verb } from "../verb.ts";
import { add } from "./add.ts";
import { checkout } from "./checkout.ts";
import { cleanup } from "./cleanup.ts";
import { clone } from "./clone.ts";
import { config } from "./config.ts";
import { diff } from "./diff.ts";
import { doctor } from "./doctor.ts";
import { fetch } from "./fetch.ts";
import { fsck } from "./fsck.ts";
import { init } from "./init.ts";
import { install, uninstall } from "./install.ts";
import { lock } from "./lock.ts";
import { locks } from "./locks.ts";
import { log } from "./log.ts";
import { ls } from "./ls.ts";
import { prune } from "./prune.ts";
import { pull } from "./pull.ts";
import { push } from "./push.ts";
import { remove } from "./remove.ts";
import { repack } from "./repack.ts";
import { resolve } from "./resolve.ts";
import { show } from "./show.ts";
import { stats } from "./stats.ts";
import { status } from "./status.ts";
import { store } from "./store.ts";
import { track } from "./track.ts";
import { trust } from "./trust.ts";
import { unlock } from "./unlock.ts";
import { verify } from "./verify.ts";

/** Every verb, in the order of the help. */
export const VERBS = [
  init, clone, track, add, remove, status, diff, log, ls, stats, checkout, push, fetch, pull, resolve, show, lock, unlock, locks,
  store, repack, prune, cleanup, fsck, verify, trust, config, install, uninstall, doctor,
] as unknown as readonly Verb<never>[];
