import { expect, it } from "vitest";
import { parseTraffic } from "../../bench/s3-server.ts";

it("what the gateway was asked for is read from its counters", () => {
  expect(parseTraffic('{"rgw": {"req": 5, "failed_req": 0, "get": 1, "get_b": 100, "put": 2, "put_b": 300}, "objecter": {}}')).toEqual({ requests: 5, sentBytes: 100, receivedBytes: 300 });
});
