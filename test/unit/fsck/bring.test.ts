import { rmSync } from "node:fs";
import { expect, test } from "vitest";
import { bring } from "../../../src/fsck/bring.ts";
import { FurtherStore } from "../../../src/fsck/further-store.ts";
import { ownSource } from "../../../src/fsck/source.ts";
import { oidOf, type Oid } from "../../../src/object/oid.ts";
import { openDirectoryStore, type DirectoryStore } from "../../../src/store/directory.ts";
import { decodeAll } from "../../support/decodable.ts";
import { editions, putChain, putContent, wanted } from "../../support/deltas.ts";
import { oid, put, scene, type Scene } from "../../support/repository.ts";

async function further(it: Scene, name: string, fill: (store: DirectoryStore) => Promise<unknown> = async () => {}): Promise<FurtherStore> {
  const store = openDirectoryStore(it.box.path(name));
  await store.initialise();
  await fill(store);
  return FurtherStore.open(it.context, { url: `file://${store.root}`, settings: it.context.settings });
}

const warnings = ({ events }: Scene): string[] => events.flatMap((event) => (event.kind === "warning" ? [event.message] : []));
const holds = async (store: DirectoryStore, oids: Iterable<Oid>): Promise<number> => (await store.find(oids)).size;

test("a source is asked only for what those before it cannot give", async () => {
  const it = await scene();
  const [first, second, third] = [await put(it.local, "one"), await put(it.local, "two"), oid("three")];
  const asked = new Map<string, Oid[]>();
  const sources = [ownSource("local", it.local), await further(it, "a", (store) => put(store, "three")), await further(it, "b")].map((source) => ({
    ...source,
    find: async (oids: Iterable<Oid>, signal?: AbortSignal) => {
      const all = [...oids];
      asked.set(source.where.split("/").at(-1)!, all);
      return source.find(all, signal);
    },
  }));
  const brought = await bring(it.context, { op: "upload", from: sources, to: it.remote }, [first, second, third].map((each) => ({ oid: each, sizeBytes: 5, path: "p" })));
  expect(brought.map(({ object, from }) => [object.name.oid, from.where]).sort()).toEqual([[first, "local"], [second, "local"], [third, `file://${it.box.path("a")}`]].sort());
  expect(asked.get("a")).toEqual([third]);
  expect(asked.has("b")).toBe(false);
});

test("a chain whose parts lie in turns in several stores comes in one go, bases first", async () => {
  const it = await scene();
  const versions = editions(9, "turns", 5000);
  const put = (mine: number) => async (store: DirectoryStore): Promise<void> => {
    for (const [i, version] of versions.entries()) if (i % 3 === mine) await putContent(store, version, versions[i - 1]);
  };
  await put(0)(it.local);
  const sources = [ownSource("local", it.local), await further(it, "one", put(1)), await further(it, "two", put(2))];
  const order: Oid[] = [];
  const report = (event: Scene["events"][number]): void => void (event.kind === "file" && order.push(event.oid as Oid));
  const brought = await bring({ ...it.context, report }, { op: "upload", from: sources, to: it.remote }, [wanted(versions.at(-1)!)]);
  expect(brought).toHaveLength(9);
  expect(order).toEqual(versions.map(oidOf));
  expect(await decodeAll(it.remote.root)).toEqual(new Set(versions.map(oidOf)));
});

test("a directory that vanishes in the middle is left, what came stays, and the next source gives the rest", async () => {
  for (const small of [true, false]) {
    const it = await scene({ concurrency: 2 });
    const contents = small ? Array.from({ length: 300 }, (_, i) => Buffer.from(`content ${i}`)) : editions(12, "chain", 5000);
    const fill = async (store: DirectoryStore): Promise<unknown> => (small ? Promise.all(contents.map((content) => put(store, content.toString()))) : putChain(store, contents));
    const first = await further(it, "first", fill);
    let arrived = 0;
    const report = (event: Scene["events"][number]): void => {
      it.events.push(event);
      if (event.kind === "file" && ++arrived === 3) rmSync(it.box.path("first"), { recursive: true });
    };
    const lacking = contents.map((content) => wanted(content));
    const alone = await bring({ ...it.context, report }, { op: "upload", from: [first], to: it.remote }, lacking);
    expect(alone.length).toBeGreaterThanOrEqual(3);
    expect(alone.length).toBeLessThan(contents.length);
    expect(await holds(it.remote, lacking.map(({ oid }) => oid))).toBe(alone.length);
    expect(warnings(it).filter((message) => message.includes("nothing more is taken from"))).toHaveLength(1);
    const rest = await bring(it.context, { op: "upload", from: [first, await further(it, "second", fill)], to: it.remote }, lacking);
    expect(alone.length + rest.length).toBe(contents.length);
    expect(new Set(rest.map(({ from }) => from.where))).toEqual(new Set([`file://${it.box.path("second")}`]));
  }
});

test("a store that is being repaired and vanishes ends the run", async () => {
  const it = await scene();
  const one = await put(it.local, "one");
  const gone = { ...ownSource("local", it.local), find: async (oids: Iterable<Oid>) => it.local.find(oids).finally(() => rmSync(it.local.root, { recursive: true })) };
  await expect(bring(it.context, { op: "upload", from: [gone], to: it.remote }, [{ oid: one, sizeBytes: 3, path: "p" }])).rejects.toMatchObject({ code: "STORE_MISSING" });
});
