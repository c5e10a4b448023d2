import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { promisify } from "node:util";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { faultProxy } from "../support/fault-proxy.ts";
import { testS3 } from "../support/s3.ts";

const s3 = await testS3();
const run = promisify(execFile);

/** Writes and reads objects, and says what became of it. */
const PROGRAM = `
  import { verifiedSource } from "./src/object/source.ts";
  import { oidOf } from "./src/object/oid.ts";
  import { openS3Store } from "./src/store/s3/store.ts";
  const store = openS3Store(process.argv[2], JSON.parse(process.argv[3]), () => {});
  try {
    for (let i = 0; i < 3; i++) {
      const bytes = Buffer.alloc(200_000, i);
      await store.write("objects/aa/" + i, verifiedSource(bytes, oidOf(bytes)));
      if (!bytes.equals(await store.readWhole("objects/aa/" + i, bytes.length))) throw new Error("other bytes");
    }
    console.log("right");
  } catch (error) {
    console.log(error.code, error.hint);
  } finally {
    store.close();
  }`;

if (s3) {
  describe("a bucket behind TLS", () => {
    it("is used over connections whose certificate is trusted, and no others", async () => {
      const directory = await mkdtemp(join(tmpdir(), "ballast-tls-"));
      const proxy = await faultProxy(s3.endpoint);
      const [key, cert, program] = ["key.pem", "cert.pem", "program.mjs"].map((name) => join(directory, name)) as [string, string, string];
      await run("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
      const banner = { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" };
      await build({ stdin: { contents: PROGRAM, resolveDir: join(import.meta.dirname, "../.."), loader: "ts" }, outfile: program, bundle: true, platform: "node", format: "esm", banner });
      const server = createServer({ key: await readFile(key), cert: await readFile(cert) }, (socket) => {
        const onward = connect(Number(new URL(proxy.endpoint).port), "127.0.0.1");
        socket.pipe(onward).pipe(socket);
        socket.on("error", () => onward.destroy());
        onward.on("error", () => socket.destroy());
      });
      server.on("tlsClientError", () => {});
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      try {
        const settings = s3.settings({ endpoint: `https://localhost:${(server.address() as AddressInfo).port}`, attempts: 1 });
        const child = async (env: Record<string, string>): Promise<string> =>
          (await run(process.execPath, [program, `s3://${await s3.bucket()}`, JSON.stringify(settings)], { env: { ...process.env, ...env } })).stdout;
        expect(await child({})).toContain("NODE_EXTRA_CA_CERTS");
        expect(proxy.requests).toHaveLength(0);
        expect(await child({ NODE_EXTRA_CA_CERTS: cert })).toBe("right\n");
        const straight = proxy.requests.filter(({ headers }) => headers["amz-sdk-request"] === undefined);
        expect(straight.map(({ method }) => method)).toEqual(expect.arrayContaining(["PUT", "GET"]));
        expect(straight.length).toBeGreaterThanOrEqual(5);
      } finally {
        server.close();
        await proxy.close();
        await rm(directory, { recursive: true, force: true });
      }
    });
  });
}
