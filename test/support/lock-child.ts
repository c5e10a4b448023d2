import { DEFAULTS, type S3Settings } from "../../src/config/settings.ts";
import { BallastError } from "../../src/errors.ts";
import { silent } from "../../src/events.ts";
import { releaseLock } from "../../src/locks/release.ts";
import { takeLock, type LockRequest } from "../../src/locks/take.ts";
import { openStore } from "../../src/store/open.ts";

/*
 * One process that takes and releases locks as it is told: `lock-child.js <store URL> <S3 settings as JSON>`. Each message
 * is an order, each answer its outcome. It does nothing by itself and ends with its parent.
 */
export type Order = { readonly id: number; readonly do: "take" | "release" | "force"; readonly request: LockRequest };
export type Answer = { readonly id: number; readonly outcome: string; readonly holder?: string | undefined };

const [url, s3] = process.argv.slice(2) as [string, string];
const store = await openStore(url, { ...DEFAULTS, s3: JSON.parse(s3) as S3Settings }, silent, { commonDir: "/nowhere" });

process.on("message", async ({ id, do: what, request }: Order) => {
  try {
    const done = what === "take" ? await takeLock(store, request) : await releaseLock(store, request, { force: what === "force" });
    answer({ id, outcome: done.outcome, holder: done.lock?.readable ? done.lock.owner.name : undefined });
  } catch (error) {
    answer({ id, outcome: error instanceof BallastError ? error.code : String(error) });
  }
});
process.on("disconnect", () => process.exit(0));
answer({ id: 0, outcome: "ready" });

function answer(message: Answer): void {
  process.send!(message);
}
