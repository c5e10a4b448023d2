import { openS3Store } from "../../src/store/s3/store.ts";
import { silent } from "../../src/events.ts";
import { testS3 } from "../support/s3.ts";
import { storeContract } from "./contract.ts";

const s3 = await testS3();

if (s3) {
  storeContract("a bucket", async () => openS3Store(`s3://${await s3.bucket()}`, s3.settings(), silent));
  storeContract("a prefix of a bucket", async () => openS3Store(`s3://${await s3.bucket()}/some/prefix`, s3.settings(), silent));
}
