import { expect, test } from "vitest";
import { BallastError } from "../../../src/errors.ts";
import { objectKey } from "../../../src/object/name.ts";
import { takeRemoval } from "../../../src/transfer/removal.ts";
import { thisProcess } from "../../../src/transfer/this-process.ts";
import { ballastError } from "../../support/errors.ts";
import { storeOver, type Files } from "../../support/interleaving/objects.ts";
import { oid } from "../../support/repository.ts";

test.each([true, false])("what was asked to be removed stays published when the right is given back, as long as nobody has answered (lost: %s)", async (lost) => {
  const files: Files = new Map();
  const memory = storeOver(files, { request: async (_what, act) => act(), nowMs: () => 0, cutAt: (count) => count });
  const key = objectKey({ oid: oid("x"), encoding: "raw" });
  const remove = async (removed: string): Promise<void> => {
    if (lost && removed === key) throw new BallastError("STORE_UNREACHABLE", "no answer");
    await memory.remove(removed);
  };
  const removal = await takeRemoval({ ...memory, remove }, { ...thisProcess("repack"), concurrency: 1, signal: new AbortController().signal });
  const outcome = removal.remove([key]);
  await (lost ? expect(outcome).rejects.toThrow(ballastError("STORE_UNREACHABLE")) : outcome);
  await removal.release();
  expect(JSON.parse(files.get("gc/removal.1.json")!.bytes.toString())).toMatchObject({ released: true, pending: lost ? [key] : [] });
});
