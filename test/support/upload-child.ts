/* Run as a process of its own, to be killed: writes a file to a store. Arguments: URL, key, file, settings in JSON. */
import { statSync } from "node:fs";
import type { S3Settings } from "../../src/config/settings.ts";
import { silent } from "../../src/events.ts";
import { fileSource } from "../../src/object/source.ts";
import { openS3Store } from "../../src/store/s3/store.ts";

const [url, key, file, settings] = process.argv.slice(2) as [string, string, string, string];
const store = openS3Store(url, JSON.parse(settings) as S3Settings, silent);
await store.write(key, fileSource(file, statSync(file).size));
