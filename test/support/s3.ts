import { randomUUID } from "node:crypto";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { DEFAULTS, type S3Settings } from "../../src/config/settings.ts";

/** An S3 server that tests may fill. */
export interface TestS3 {
  /** Without credentials, e.g. `http://127.0.0.1:7480`. */
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Makes a bucket of a new name. */
  bucket(): Promise<string>;
  /** What a process needs in its environment to use the server. */
  env(): Record<string, string>;
  /** A plain client of the SDK, to look at the bucket from outside. */
  client(): S3Client;
  /** The settings for a store on this server, with the credentials in this process's environment. */
  settings(changes?: Partial<S3Settings>): S3Settings;
}

/**
 * The server that the whole run shares; `global-setup.ts` starts it, or `BALLAST_TEST_S3=http://key:secret@host:port`
 * names another. Undefined where none can be had; then nothing of S3 is tested, which the run's first lines say.
 */
export async function testS3(): Promise<TestS3 | undefined> {
  const url = process.env["BALLAST_TEST_S3"];
  if (!url) return undefined;
  const { origin: endpoint, username, password } = new URL(url);
  const accessKeyId = decodeURIComponent(username);
  const secretAccessKey = decodeURIComponent(password);
  const env = {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_REGION: "us-east-1",
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_EC2_METADATA_DISABLED: "true",
    BALLAST_STORE_ENDPOINT: endpoint,
    BALLAST_STORE_PATH_STYLE: "true",
  };

  function client(): S3Client {
    return new S3Client({
      endpoint,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
      requestChecksumCalculation: "WHEN_REQUIRED",
    });
  }

  return {
    endpoint,
    accessKeyId,
    secretAccessKey,
    env: () => ({ ...env }),
    client,
    async bucket() {
      const s3 = client();
      const Bucket = `ballast-${randomUUID()}`;
      await s3.send(new CreateBucketCommand({ Bucket }));
      s3.destroy();
      return Bucket;
    },
    settings(changes = {}) {
      // Stores find their credentials as they do for a user.
      for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"] as const) process.env[name] = env[name];
      return { ...DEFAULTS.s3, endpoint, pathStyle: true, region: "us-east-1", partSizeBytes: 5 * 1024 * 1024, ...changes };
    },
  };
}
