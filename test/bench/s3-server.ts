import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { CreateBucketCommand, DeleteObjectsCommand, paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import { output, type Programs } from "./programs.ts";

/** The npm script runs in the project's directory. */
const SCRIPT = "test/support/s3-server.sh";

/** What a server was asked for since it began; bytes are those of objects. */
export interface Traffic {
  readonly requests: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** An S3 server that the benchmark may fill. */
export interface S3Server {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The environment in which every tool finds it: Ballast, the AWS tools, restic, and rclone as the remote `bench:`. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes a bucket. */
  bucket(): Promise<string>;
  /** Removes all objects of a bucket but those with a key that is to stay. */
  empty(bucket: string, stays?: string): Promise<void>;
  /** Undefined where the server does not tell. */
  traffic(): Promise<Traffic | undefined>;
  stop(): void;
}

/**
 * The server that `BALLAST_TEST_S3=http://key:secret@host:port` names, or else Ceph's gateway on a cluster in memory.
 * @param scratch where it works
 * @returns undefined when there is neither
 */
export function startS3(programs: Programs, scratch: string): S3Server | undefined {
  const named = process.env["BALLAST_TEST_S3"];
  if (named) return server(named);
  if (["ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph"].some((program) => programs.find(program) === undefined)) return undefined;
  const directory = join(scratch, "s3");
  mkdirSync(directory);
  return server(output(SCRIPT, ["start", directory, String(process.pid)]), directory);
}

function server(url: string, directory?: string): S3Server {
  const { origin: endpoint, username, password } = new URL(url);
  const [accessKeyId, secretAccessKey] = [decodeURIComponent(username), decodeURIComponent(password)];
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
  const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
  return {
    endpoint,
    accessKeyId,
    secretAccessKey,
    env: environment(endpoint, accessKeyId, secretAccessKey),
    async bucket() {
      const Bucket = `bench-${randomUUID()}`;
      await client.send(new CreateBucketCommand({ Bucket }));
      return Bucket;
    },
    async empty(Bucket, stays) {
      for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket })) {
        const Objects = Contents.flatMap(({ Key }) => (Key === undefined || Key === stays ? [] : [{ Key }]));
        if (Objects.length > 0) await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
      }
    },
    traffic: async () => (directory === undefined ? undefined : parseTraffic(await askGateway(gatewaySocket(directory), "perf dump"))),
    stop() {
      client.destroy();
      if (directory !== undefined) output(SCRIPT, ["stop", directory]);
    },
  };
}

function environment(endpoint: string, accessKeyId: string, secretAccessKey: string): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_REGION: "us-east-1",
    AWS_DEFAULT_REGION: "us-east-1",
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_EC2_METADATA_DISABLED: "true",
    // The server speaks plain HTTP; rclone fails where a bundle of certificates is named.
    AWS_CA_BUNDLE: "",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    BALLAST_STORE_ENDPOINT: endpoint,
    BALLAST_STORE_PATH_STYLE: "true",
    RCLONE_CONFIG: "/notfound",
    RCLONE_CONFIG_BENCH_TYPE: "s3",
    RCLONE_CONFIG_BENCH_PROVIDER: "Ceph",
    RCLONE_CONFIG_BENCH_ENV_AUTH: "true",
    RCLONE_CONFIG_BENCH_ENDPOINT: endpoint,
    RCLONE_CONFIG_BENCH_FORCE_PATH_STYLE: "true",
    RESTIC_PASSWORD: "nothing to hide",
  };
}

/** Ceph's admin socket: a command ends in a zero byte, and four bytes with the length stand before the answer. */
async function askGateway(path: string, prefix: string): Promise<string> {
  const socket = connect(path);
  socket.write(`${JSON.stringify({ prefix })}\0`);
  const answer: Buffer[] = [];
  for await (const chunk of socket) answer.push(chunk as Buffer);
  return Buffer.concat(answer).toString("utf8", 4);
}

function gatewaySocket(directory: string): string {
  const name = readdirSync(join(directory, "run")).find((file) => /client\.gateway.*\.asok$/.test(file));
  if (name === undefined) throw new Error(`the gateway in ${directory} has no socket to ask`);
  return join(directory, "run", name);
}

/**
 * What Ceph's gateway counts: https://docs.ceph.com/en/latest/dev/perf_counters/. It takes each object that it sends
 * for one byte shorter than it is, and cannot be corrected: it counts a HEAD as a GET of nothing.
 */
export function parseTraffic(dump: string): Traffic {
  const { rgw } = JSON.parse(dump) as { rgw: { req: number; get_b: number; put_b: number } };
  return { requests: rgw.req, sentBytes: rgw.get_b, receivedBytes: rgw.put_b };
}
