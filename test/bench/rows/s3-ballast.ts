import { join } from "node:path";
import type { Repository } from "../repository.ts";
import type { Bench, Variant } from "../row.ts";
import type { S3Server } from "../s3-server.ts";
import { assetBytesIn, bytesOf, committedRepository, requireBytes, type Load } from "./many.ts";
import { stepOver } from "./s3-traffic.ts";

/** Ballast with a store in a bucket of its own; every push is the first. */
export function s3Push(bench: Bench, server: S3Server, assets: Load): Variant {
  return { name: "Ballast", run: async (sample) => {
    const { repository, bucket } = await s3Repository(bench, server, assets);
    await server.empty(bucket, "store/ballast.json");
    repository.renewUpstream();
    const traffic = await stepOver(sample, server, "push", repository.command("push", "-q", "origin", "main"));
    if (traffic !== undefined) requireBytes(bucket, traffic.receivedBytes, bytesOf(assets));
  } };
}

/** A clone of what was pushed. */
export function s3Clone(bench: Bench, server: S3Server, assets: Load): Variant {
  return { name: "Ballast", run: async (sample) => {
    const repository = await pushedToS3(bench, server, assets);
    const target = join(sample.directory, "clone");
    await stepOver(sample, server, "clone", repository.clone(target));
    requireBytes(target, assetBytesIn(target), bytesOf(assets));
  } };
}

/** A repository whose assets are all in its bucket. */
export async function pushedToS3(bench: Bench, server: S3Server, assets: Load): Promise<Repository> {
  const { repository } = await s3Repository(bench, server, assets);
  repository.git("push", "-q", "origin", "main");
  return repository;
}

/** Made for the first row that wants it. */
function s3Repository(bench: Bench, server: S3Server, assets: Load): Promise<{ repository: Repository; bucket: string }> {
  const name = `s3-${assets.count}-${assets.sizeBytes}`;
  return bench.once(name, async () => {
    const bucket = await server.bucket();
    const directory = join(bench.scratch, name);
    const upstream = { directory: join(directory, "pushed"), store: { url: `s3://${bucket}/store`, env: server.env } };
    return { repository: await committedRepository(bench, directory, "Ballast", assets, upstream), bucket };
  });
}
