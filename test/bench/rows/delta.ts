import { join } from "node:path";
import { fetchHistory, HISTORIES } from "../histories.ts";
import type { CaseResult, Goal, Row } from "../row.ts";
import { codec, product } from "./delta-ballast.ts";
import { gzipEach, restic, xdelta3, zstd } from "./delta-peers.ts";
import { CODEC, PRODUCT, withGzip, XDELTA3 } from "./delta-versions.ts";

/** Histories that take no longer than a minute. */
const QUICK = ["esbuild", "typescript"];

export const delta: Row = {
  name: "delta",
  budgetSeconds: 75,
  slow: true,
  work:
    "Versions of real files, as npm has them, stored one after the other. The first version is stored whole, by gzip -6 unless the tool knows better, and counts as bytes; " +
    "the others are what is timed. Decoding ends in a SHA-256, which is held against the version's. " +
    "A repository restores by `git checkout` and records by `git add` and `git commit`; its codec works within the policy's bounds, the others take any base.",
  diskBytes: 2e9,
  // Each step is made of many processes, which evens out, and takes a minute.
  rounds: 1,
  async *cases({ cache, programs, say, thorough, wants }) {
    for (const history of HISTORIES.filter(({ name }) => wants(name) && (thorough || QUICK.includes(name)))) {
      const versions = fetchHistory(history, join(cache, "histories"), programs, say).map(withGzip);
      const timed = versions.slice(1).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      yield {
        name: `${history.name}: ${history.file} of ${history.package} ${history.versions.join(", ")}`,
        bytes: timed,
        reference: CODEC,
        variants: [codec(versions), product(versions), gzipEach(versions), xdelta3(versions, "previous"), xdelta3(versions, "first"), zstd(versions), restic(versions, "auto"), restic(versions, "max")],
      };
    }
  },
  goals,
};

function goals(cases: readonly CaseResult[]): Goal[] {
  const stored = (some: readonly CaseResult[], name: string): number[] => some.flatMap(({ variants }) => variants.find((variant) => variant.name === name)?.figures["stored"] ?? []);
  const total = (name: string): number => stored(cases, name).reduce((sum, bytes) => sum + bytes, 0);
  const found: Goal[] = [];
  if (stored(cases, XDELTA3).length === cases.length) {
    for (const name of [CODEC, PRODUCT]) found.push({ what: `${name}: bytes of all histories in ratio to ${XDELTA3}`, value: total(name) / total(XDELTA3), unit: "×", bound: { atMost: 1 } });
  }
  const esbuild = cases.filter(({ name }) => name.startsWith("esbuild"));
  for (const name of [CODEC, PRODUCT]) for (const bytes of stored(esbuild, name)) found.push({ what: `${name}: ten esbuild binaries`, value: bytes / 1e6, unit: "MB", bound: { atMost: 12.1 } });
  const ratios = cases.flatMap(({ variants }) => variants.filter(({ name }) => name === PRODUCT).flatMap(({ items }) => Object.values(items).map(({ fetch }) => Number(fetch))));
  if (ratios.length > 0) found.push({ what: `${PRODUCT}: what a clone fetches for one version, in ratio to its full encoding, at most`, value: Math.max(...ratios), unit: "×", bound: { atMost: 2 } });
  return found;
}
