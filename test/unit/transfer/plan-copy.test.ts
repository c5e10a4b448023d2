import { expect, test } from "vitest";
import { formatName } from "../../../src/object/name.ts";
import { parseOid, type Oid } from "../../../src/object/oid.ts";
import { planCopy, type CopyPlan } from "../../../src/transfer/plan-copy.ts";
import { listingOf } from "../../support/memory-store.ts";

const oid = (digit: string): Oid => parseOid(digit.repeat(64));
const [a, b, c, d] = [oid("a"), oid("b"), oid("c"), oid("d")];

function plan(names: Record<string, number | "archived">, wanted: Oid[], there: Oid[] = []): Promise<CopyPlan> {
  return planCopy(listingOf(names), wanted, async (oids) => new Set([...oids].filter((one) => there.includes(one))));
}

const names = ({ steps }: CopyPlan): string[][] => steps.map((step) => step.map(({ name }) => formatName(name)));

test("takes the smallest of several encodings", async () => {
  expect(names(await plan({ [a]: 100, [`${a}.gz`]: 60 }, [a]))).toEqual([[`${a}.gz`]]);
  expect(names(await plan({ [a]: 100, [`${a}.gz`]: 160 }, [a]))).toEqual([[a]]);
});

test("copies the bases of a delta in earlier steps, unless they are there", async () => {
  const chain = { [a]: 100, [`${b}.${a}.xd3`]: 5, [`${c}.${b}.xd3.gz`]: 5, [d]: 7 };
  expect(names(await plan(chain, [c, d]))).toEqual([[a, d], [`${b}.${a}.xd3`], [`${c}.${b}.xd3.gz`]]);
  expect(names(await plan(chain, [c], [b]))).toEqual([[`${c}.${b}.xd3.gz`]]);
});

test("takes a larger encoding when the base of the smaller is nowhere", async () => {
  expect(names(await plan({ [a]: 100, [`${a}.${b}.xd3`]: 5 }, [a]))).toEqual([[a]]);
  const alone = await plan({ [`${a}.${b}.xd3`]: 5 }, [a]);
  expect(alone).toEqual({ steps: [], unavailable: [a], archived: [] });
});

test("never ends in a circle of deltas", async () => {
  expect((await plan({ [`${a}.${b}.xd3`]: 5, [`${b}.${a}.xd3`]: 5 }, [a, b])).unavailable).toEqual([a, b]);
  const broken = { [`${a}.${b}.xd3`]: 5, [a]: 50, [`${b}.${a}.xd3`]: 5 };
  expect(names(await plan(broken, [a, b]))).toEqual([[a], [`${b}.${a}.xd3`]]);
});

test("tells an archived object from one that is nowhere", async () => {
  const { steps, unavailable, archived } = await plan({ [a]: "archived" }, [a, b]);
  expect({ steps, unavailable, archived }).toEqual({ steps: [], unavailable: [b], archived: [a] });
  expect(names(await plan({ [`${a}.gz`]: "archived", [a]: 9 }, [a]))).toEqual([[a]]);
});
