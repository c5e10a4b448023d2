import type { Bench, Case, Variant } from "../row.ts";
import type { S3Server } from "../s3-server.ts";
import { nameOf, sourceOf, type Load } from "./many.ts";
import { pushedToS3 } from "./s3-ballast.ts";
import { filesIn } from "./s3-peers.ts";
import { stepOver } from "./s3-traffic.ts";

/** A push with nothing to do over a bucket, and what others do instead; nothing where there is no server. */
export async function* bucketCase(bench: Bench, assets: Load): AsyncIterable<Case> {
  const server = await bench.s3();
  if (server === undefined) return bench.say("there is no S3 server: nothing is measured over a bucket");
  const variants = [
    ballast(bench, server, assets),
    sync(bench, server, assets, "rclone sync", "rclone", (source, place) => ["sync", "--size-only", "--checkers", "16", source, `bench:${place}`]),
    sync(bench, server, assets, "aws s3 sync", "aws", (source, place) => ["s3", "sync", "--only-show-errors", source, `s3://${place}`]),
  ];
  yield { name: `${nameOf(assets)} and a bucket`, reference: "Ballast", rounds: 3, variants };
}

function ballast(bench: Bench, server: S3Server, assets: Load): Variant {
  return { name: "Ballast", run: async (sample) => {
    const repository = await pushedToS3(bench, server, assets);
    await stepOver(sample, server, "push", repository.command("push", "-q", "origin", "main"));
  } };
}

function sync(bench: Bench, server: S3Server, assets: Load, name: string, program: string, args: (source: string, place: string) => string[]): Variant {
  return { name, needs: [program], run: async (sample) => {
    const place = await filesIn(bench, server, assets);
    await stepOver(sample, server, "push", { program, args: args(sourceOf(bench, assets), place), env: server.env });
  } };
}
