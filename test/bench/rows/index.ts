import type { Row } from "../row.ts";
import { add } from "./add.ts";
import { big } from "./big.ts";
import { cloneDir } from "./clone-dir.ts";
import { deltaLarge } from "./delta-large.ts";
import { delta } from "./delta.ts";
import { edit } from "./edit.ts";
import { growth } from "./growth.ts";
import { history } from "./history.ts";
import { noop } from "./noop.ts";
import { overhead } from "./overhead.ts";
import { pushDir } from "./push-dir.ts";
import { cloneS3, pushS3 } from "./push-s3.ts";
import { rename } from "./rename.ts";
import { scale } from "./scale.ts";
import { start } from "./start.ts";
import { text } from "./text.ts";

/** All rows, in the order in which they are measured. */
export const ROWS: readonly Row[] = [start, add, pushDir, cloneDir, pushS3, cloneS3, text, edit, rename, history, scale, noop, overhead, big, growth, delta, deltaLarge];
