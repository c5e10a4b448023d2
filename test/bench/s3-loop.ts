/*
 * The least that there is to do for a bucket: requests over connections that stay open, several at once, and nothing
 * else. A process that is measured:
 *   put <directory> <bucket/prefix> <requests at once>
 *   get <directory> <bucket/prefix> <requests at once> <target>     what `directory` lists, into `target`
 * The server and the credentials are in the environment. Requests are signed (AWS Signature Version 4) without a hash of
 * the body, and answers are written as they come.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
import { createHash, createHmac } from "node:crypto";
import { readdirSync, mkdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { dirname, join } from "node:path";

const { AWS_ACCESS_KEY_ID: id = "", AWS_SECRET_ACCESS_KEY: secret = "", AWS_REGION: region = "", AWS_ENDPOINT_URL_S3: endpoint = "" } = process.env;
const PAYLOAD = "UNSIGNED-PAYLOAD";
const [mode, directory = "", prefix = "", jobs = "", target = ""] = process.argv.slice(2);
const { host, hostname, port } = new URL(endpoint);
const agent = new Agent({ keepAlive: true, maxSockets: Number(jobs) });
const date = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
const scope = `${date.slice(0, 8)}/${region}/s3/aws4_request`;
const key = scope.split("/").reduce<Buffer | string>((secretOrKey, part) => hmac(secretOrKey, part), `AWS4${secret}`);

const names = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
let next = 0;
await Promise.all(Array.from({ length: Number(jobs) }, work));
agent.destroy();

async function work(): Promise<void> {
  while (next < names.length) {
    const name = names[next++]!;
    if (mode === "put") {
      await ask("PUT", name, await readFile(join(directory, name)));
    } else {
      const path = join(target, name);
      const body = await ask("GET", name);
      mkdirSync(dirname(path), { recursive: true });
      await writeFile(path, body);
    }
  }
}

function ask(method: string, name: string, body?: Buffer): Promise<Buffer> {
  const path = `/${prefix}/${name}`;
  const canonical = `${method}\n${path}\n\nhost:${host}\nx-amz-content-sha256:${PAYLOAD}\nx-amz-date:${date}\n\nhost;x-amz-content-sha256;x-amz-date\n${PAYLOAD}`;
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${createHash("sha256").update(canonical).digest("hex")}`).toString("hex");
  const authorization = `AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${signature}`;
  return new Promise((resolve, reject) => {
    const headers = { host, "x-amz-content-sha256": PAYLOAD, "x-amz-date": date, authorization, ...(body && { "content-length": body.length }) };
    const sent = request({ agent, hostname, port, method, path, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => void chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => (answer.statusCode === 200 ? resolve(Buffer.concat(chunks)) : reject(new Error(`${method} ${path}: ${answer.statusCode} ${Buffer.concat(chunks).toString()}`))));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

function hmac(by: Buffer | string, text: string): Buffer {
  return createHmac("sha256", by).update(text).digest();
}
