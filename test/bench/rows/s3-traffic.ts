import type { Command } from "../measure.ts";
import type { S3Server, Traffic } from "../s3-server.ts";
import type { Sample } from "../sample.ts";

/**
 * Measures a command as a step, and notes what the server was asked for meanwhile: requests, and bytes of objects that
 * it got or gave.
 * @returns undefined where the server does not tell
 */
export async function stepOver(sample: Sample, server: S3Server, step: string, command: Command): Promise<Traffic | undefined> {
  const before = await server.traffic();
  await sample.step(step, command);
  const after = await server.traffic();
  if (before === undefined || after === undefined) return undefined;
  const traffic = {
    requests: after.requests - before.requests,
    receivedBytes: after.receivedBytes - before.receivedBytes,
    sentBytes: after.sentBytes - before.sentBytes,
  };
  sample.add("requests", traffic.requests);
  sample.add("bytes sent", traffic.receivedBytes);
  sample.add("bytes fetched", traffic.sentBytes);
  return traffic;
}
