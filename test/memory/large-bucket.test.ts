import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type CompletedPart,
  type S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testS3 } from "../support/s3.ts";
import { random, sandbox, type Sandbox } from "../support/sandbox.ts";
import { damage, editLarge, makeRepository, objectsIn, writeLarge } from "./contents.ts";
import { EXHAUSTIVE, Meter } from "./meter.ts";

/* A large asset in bounded memory, by the commands that carry its content to a bucket and from there. */
const MIB = 1024 ** 2;
/** A server that holds everything in memory, and what is being removed for some seconds more, has no room for more. */
const SIZE_BYTES = EXHAUSTIVE ? 2048 * MIB : 192 * MIB;
/** The least that S3 takes for a part. */
const PART_BYTES = 5 * MIB;
const BOUND_MB = 200;
/** What is damaged in a bucket is kept aside by way of this machine: it comes and goes at the same time (docs/memory.md). */
const REPAIR_BOUND_MB = 260;
const TIMEOUT_MS = EXHAUSTIVE ? 3_600_000 : 240_000;
const s3 = await testS3();

describe.runIf(s3 !== undefined)("a large asset over a bucket takes bounded memory", { timeout: TIMEOUT_MS }, () => {
  let box: Sandbox;
  let meter: Meter;
  let client: S3Client;
  let bucket: string;
  const clone = (name: string, directory: string): Promise<string> => meter.hold(`bucket: ${name}`, BOUND_MB, ".", box.path("bin/git-ballast"), "clone", "-q", box.path("up.git"), directory);
  beforeAll(async () => {
    box = await sandbox({ env: s3!.env() });
    meter = new Meter(box);
    client = s3!.client();
    bucket = await s3!.bucket();
    await makeRepository(box, `s3://${bucket}/store`, "*.mov");
  });
  afterAll(() => client.destroy());

  it("as it is pushed and cloned", async () => {
    await writeLarge(box, "repo/film.mov", SIZE_BYTES);
    await record("film");
    await meter.hold("bucket: git push", BOUND_MB, "repo", "git", "push", "-q", "origin", "main");
    await clone("clone", "clone");
  });

  it("when it has another version", async () => {
    await editLarge(box, "repo/film.mov", SIZE_BYTES, "second");
    await record("second");
    await meter.hold("bucket: git push, another version", BOUND_MB, "repo", "git", "push", "-q", "origin", "main");
    await meter.hold("bucket: git pull", BOUND_MB, "clone", "git", "pull", "-q");
    await clone("clone, two versions", "second");
    if (!EXHAUSTIVE) return;
    await meter.hold("bucket: fetch --all", BOUND_MB, "second", "sh", "-c", "rm -r .git/ballast/objects && git ballast fetch --all");
    await box.git("second", "config", "ballast.cache.dir", box.path("cache"));
    await meter.hold("bucket: fetch --all, into the shared cache", BOUND_MB, "second", "sh", "-c", "rm -r .git/ballast/objects && git ballast fetch --all");
    await meter.hold("bucket: fetch --all, from the shared cache", BOUND_MB, "second", "sh", "-c", "rm -r .git/ballast/objects && git ballast fetch --all");
  });

  it("when the store is looked after", async () => {
    await meter.hold("bucket: fsck --deep", BOUND_MB, "repo", "git", "ballast", "fsck", "--deep");
    if (EXHAUSTIVE) {
      await meter.hold("bucket: repack, to whole objects", BOUND_MB, "clone", "git", "ballast", "--set", "delta.mode=never", "repack");
      await meter.hold("bucket: repack, to deltas", BOUND_MB, "clone", "git", "ballast", "repack");
    }
    await meter.hold("bucket: store set", BOUND_MB, "clone", "git", "ballast", "store", "set", box.path("backup"));
  });

  it.each([
    ["a delta", ".xd3", MIB],
    ["what it stands on", "", SIZE_BYTES / 4],
  ])("when %s is damaged everywhere but in a backup", async (what, suffix, position) => {
    const local = await objectsIn(box.path("repo/.git/ballast"));
    await damage(local.find(({ base }) => (base !== undefined) === (suffix !== ""))!.path, position);
    await damageInBucket(suffix, position);
    const told = await meter.hold(`bucket: fsck --deep --repair --from, ${what}`, REPAIR_BOUND_MB, "repo", "git", "ballast", "fsck", "--deep", "--repair", "--from", box.path("backup"));
    expect(told).toContain("nothing is wrong");
  });

  it.runIf(EXHAUSTIVE)("from a directory to a bucket", async () => {
    await meter.hold("bucket: store set, from a directory", BOUND_MB, "clone", "git", "ballast", "store", "set", `s3://${await s3!.bucket()}/store`);
  });

  async function record(message: string): Promise<void> {
    await box.git("repo", "add", "--all");
    await box.git("repo", "commit", "-q", "-m", message);
    await box.settled("repo");
  }

  /** Writes the object whose name ends so anew, with other bytes at `position`; what is around them in a large one the server copies. */
  async function damageInBucket(suffix: string, position: number): Promise<void> {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: "store/objects/" }));
    const { Key, Size } = Contents.find(({ Key }) => (suffix === "" ? !Key!.includes(".") : Key!.includes(suffix)))!;
    const object = { Bucket: bucket, Key };
    if (Size! < 4 * PART_BYTES) {
      const bytes = await (await client.send(new GetObjectCommand(object))).Body!.transformToByteArray();
      bytes[position]! ^= 1;
      await client.send(new PutObjectCommand({ ...object, Body: bytes }));
      return;
    }
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(object));
    const copied = async (PartNumber: number, start: number, end: number): Promise<CompletedPart> => {
      const { CopyPartResult } = await client.send(new UploadPartCopyCommand({ ...object, UploadId, PartNumber, CopySource: `${bucket}/${Key}`, CopySourceRange: `bytes=${start}-${end - 1}` }));
      return { PartNumber, ETag: CopyPartResult!.ETag };
    };
    const before = await copied(1, 0, position);
    const { ETag } = await client.send(new UploadPartCommand({ ...object, UploadId, PartNumber: 2, Body: random(PART_BYTES, "damage") }));
    const behind = await copied(3, position + PART_BYTES, Size!);
    await client.send(new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload: { Parts: [before, { PartNumber: 2, ETag }, behind] } }));
  }
});
