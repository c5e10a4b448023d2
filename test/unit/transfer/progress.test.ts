import fc from "fast-check";
import { expect, test } from "vitest";
import type { Event } from "../../../src/events.ts";
import type { StoredObject } from "../../../src/store/port.ts";
import { contentProgress } from "../../../src/transfer/progress.ts";

test("the shares of a transfer add up to the content's size, whatever moves, and never go beyond it", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1 }), fc.integer({ min: 0, max: 1e9 }), fc.boolean(), (chunks, sizeBytes, again) => {
      const object = { sizeBytes: chunks.reduce((a, b) => a + b, 0) } as StoredObject;
      const events: Event[] = [];
      const report = contentProgress((event) => void events.push(event), "upload", object, sizeBytes);
      for (const bytes of again ? [...chunks, ...chunks] : chunks) report({ kind: "bytes", op: "copy", bytes });
      const told = events.map((event) => (event.kind === "bytes" && event.op === "upload" ? event.bytes : NaN));
      expect(told.reduce((a, b) => a + b, 0)).toBe(sizeBytes);
      expect(told.every((bytes) => bytes > 0)).toBe(true);
    }),
  );
});

test("other events pass as they are", () => {
  const events: Event[] = [];
  contentProgress((event) => void events.push(event), "upload", { sizeBytes: 1 } as StoredObject, 1)({ kind: "info", message: "hello" });
  expect(events).toEqual([{ kind: "info", message: "hello" }]);
});
