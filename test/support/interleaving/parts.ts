import type { Knowledge } from "../../../src/cleanup/knowledge.ts";
import { BallastError } from "../../../src/errors.ts";
import { decodeWhole } from "../../../src/object/encodings.ts";
import { objectKey, type ObjectName } from "../../../src/object/name.ts";
import type { Oid } from "../../../src/object/oid.ts";
import { bufferSource } from "../../../src/object/source.ts";
import type { DirectoryStore } from "../../../src/store/directory.ts";
import type { Store, StoredObject } from "../../../src/store/port.ts";
import type { Draft, Workshop } from "../../../src/transfer/repack/workshop.ts";
import { memoryAccess, type RandomAccess } from "../../../src/util/random-access.ts";
import { oneOf } from "../chance.ts";
import { idOf } from "./actors.ts";
import type { Contents } from "./contents.ts";
import { storeOver, type Files } from "./objects.ts";
import type { Actor } from "./scheduler.ts";
import type { World } from "./world.ts";

/** What a clone knows: the refs of the Git remote, as they are when it fetches. */
export function knowledgeFor(world: World, actor: Actor, repository: string): Knowledge {
  const it = { id: idOf(repository), label: repository };
  return {
    requireWhole: async () => {},
    speaksFor: async () => ({ own: [it], listed: [it] }),
    needs: () => world.scheduler.request(actor, "fetch all refs", () => world.needsOf(repository)),
    lastUses: async () => new Map(),
  };
}

/** The store of one clone: nobody else sees it. With contents, it has each: whole, or as a chain of deltas in one direction or the other. */
export function localStoreOf(contents: Contents | undefined, random: () => number): DirectoryStore {
  const files: Files = new Map();
  const order = oneOf(random, [[], contents?.oids ?? [], contents?.oids.toReversed() ?? []]);
  for (const oid of contents?.oids ?? []) {
    const base = order[order.indexOf(oid) - 1];
    const name: ObjectName = base === undefined ? { oid, encoding: "raw" } : { oid, encoding: "delta", base };
    files.set(objectKey(name), { bytes: contents!.encoded(name), modifiedMs: 0 });
  }
  // It is no directory, and what is asked of it is what any store can do.
  return storeOver(files, { request: async (_what, act) => act(), nowMs: () => 0, cutAt: (count) => count }) as DirectoryStore;
}

/** A workshop whose encoder looks up what was encoded before; it reads from the store and writes to it, as the other does. */
export function memoryWorkshop(contents: Contents, store: Store): Workshop {
  const named = (name: ObjectName): StoredObject => ({ name, key: objectKey(name), sizeBytes: contents.encoded(name).length, modifiedMs: 0 });
  const draft = (name: ObjectName): Draft => ({ name, storedBytes: contents.encoded(name).length, file: { discard() {} } }) as unknown as Draft;
  const workshop: Pick<Workshop, "withContents" | "verify" | "wouldShrink" | "draftDelta" | "draftWhole" | "describe" | "publish" | "close"> = {
    verify: async ({ key }) => {
      // Nothing rots here, but what is kept must be there.
      for await (const _chunk of store.read(key)) continue;
    },
    wouldShrink: async () => false,
    withContents: (chainOf, work) => work((oid) => open(store, oid, chainOf(oid))),
    draftDelta: async ({ oid, fullBytes }, candidates) => {
      const names = candidates.map(({ oid: base }): ObjectName => ({ oid, encoding: "delta", base }));
      const name = names.find((one) => contents.encoded(one).length <= fullBytes / 2);
      return name && draft(name);
    },
    draftWhole: async (oid) => draft({ oid, encoding: "raw" }),
    describe: ({ name }) => named(name),
    publish: async ({ name }) => {
      const object = named(name);
      await store.write(object.key, bufferSource(contents.encoded(name)));
      return object;
    },
    close() {},
  };
  return workshop as Workshop;
}

async function open(store: Store, oid: Oid, chain: readonly StoredObject[] | undefined): Promise<RandomAccess> {
  if (!chain) throw new BallastError("OBJECT_MISSING", oid);
  let content: Buffer | undefined;
  for (const { name, key } of chain.toReversed()) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.read(key)) chunks.push(chunk);
    content = decodeWhole(name, Buffer.concat(chunks), content ? { base: memoryAccess(content) } : {});
  }
  return memoryAccess(content!);
}
