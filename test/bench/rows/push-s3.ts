import type { Bench, Case, CaseResult, Goal, Row, Variant } from "../row.ts";
import type { S3Server } from "../s3-server.ts";
import { bytesOf, loadsOf, nameOf, timeGoals, type Load } from "./many.ts";
import { s3Clone, s3Push } from "./s3-ballast.ts";
import { LOOP, s3Clones, s3Pushes } from "./s3-peers.ts";

const SERVER = "The server is Ceph's gateway with its data in memory, on the same machine: what it takes comes on top of each tool, and counts neither as CPU time nor as memory.";

export const pushS3: Row = {
  name: "push-s3",
  budgetSeconds: 95,
  work: `\`git push\` of committed assets to an empty bucket. ${SERVER} The loop sends signed requests over connections that stay open, 16 at once, and hashes nothing.`,
  diskBytes: 3e9,
  cases: (bench) => s3Cases(bench, (server, assets) => [s3Push(bench, server, assets), ...s3Pushes(bench, server, assets)]),
  goals: (cases) => cases.flatMap(s3Goals),
};

export const cloneS3: Row = {
  name: "clone-s3",
  budgetSeconds: 100,
  work: `A clone, with all assets in the worktree, of what was pushed to a bucket. ${SERVER}`,
  diskBytes: 3e9,
  cases: (bench) => s3Cases(bench, (server, assets) => [s3Clone(bench, server, assets), ...s3Clones(bench, server, assets)]),
  goals: (cases) => cases.flatMap(s3Goals),
};

async function* s3Cases(bench: Bench, variants: (server: S3Server, assets: Load) => Variant[]): AsyncIterable<Case> {
  const server = await bench.s3();
  if (server === undefined) return bench.say("there is no S3 server: set BALLAST_TEST_S3, or install ceph-mon, ceph-osd, radosgw and ceph-common");
  for (const { assets, rounds } of loadsOf(bench)) {
    yield { name: nameOf(assets), bytes: bytesOf(assets), reference: "Ballast", rounds, variants: variants(server, assets) };
  }
}

/** Not slower than any tool, and hardly slower than requests alone. */
function s3Goals(result: CaseResult): Goal[] {
  return result.variants.filter(({ name }) => name !== "Ballast").flatMap(({ name }) => timeGoals(result, "Ballast", name, name === LOOP ? 1.2 : 1));
}
