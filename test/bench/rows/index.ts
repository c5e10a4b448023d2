import type { Row } from "../row.ts";
import { add } from "./add.ts";
import { cloneDir } from "./clone-dir.ts";
import { deltaLarge } from "./delta-large.ts";
import { delta } from "./delta.ts";
import { edit } from "./edit.ts";
import { noop } from "./noop.ts";
import { pushDir } from "./push-dir.ts";
import { cloneS3, pushS3 } from "./push-s3.ts";
import { rename } from "./rename.ts";
import { start } from "./start.ts";

/** All rows, in the order in which they are measured. */
export const ROWS: readonly Row[] = [start, add, pushDir, cloneDir, pushS3, cloneS3, edit, noop, rename, delta, deltaLarge];
