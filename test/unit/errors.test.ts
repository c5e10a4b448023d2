import { expect, it } from "vitest";
import { BallastError, isBallastError } from "../../src/errors.ts";

it("an error of another bundle's class is one of ours, with its code", async () => {
  // What the driver loads when it needs it, such as the S3 adapter, is bundled with a class of its own.
  const apart = (await import("../../src/errors.ts?apart" as string)) as typeof import("../../src/errors.ts");
  expect(apart.BallastError).not.toBe(BallastError);
  const error: unknown = new apart.BallastError("LOCKED", "held", { hint: "wait" });
  expect(error instanceof BallastError).toBe(true);
  expect(isBallastError(error, "LOCKED")).toBe(true);
  expect(isBallastError(error, "USAGE")).toBe(false);
});

it("no other error and no look-alike is", () => {
  for (const other of [new Error("held"), { name: "BallastError", code: "LOCKED", message: "held" }, Object.assign(new Error("held"), { name: "BallastError", code: "LOCKED" }), undefined, null, "held"]) {
    expect(other instanceof BallastError).toBe(false);
    expect(isBallastError(other)).toBe(false);
  }
});
