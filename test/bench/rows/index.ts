import type { Row } from "../row.ts";
import { deltaLarge } from "./delta-large.ts";
import { delta } from "./delta.ts";

/** All rows, in the order in which they are measured. */
export const ROWS: readonly Row[] = [delta, deltaLarge];
