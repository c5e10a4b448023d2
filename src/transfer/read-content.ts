import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { Contents } from "../object/contents.ts";
import { decodeVerified } from "../object/encodings.ts";
import { objectKey } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import { openLocalStore } from "../store/open.ts";
import { locate } from "./download.ts";

/**
 * The content of an oid from whichever store has it. It is verified while it streams, so the last chunk is held back
 * until the whole was found to be right.
 * @throws OBJECT_MISSING, OBJECT_ARCHIVED, OBJECT_CORRUPT, and what the remote store threw
 */
export async function* readContent(context: Context, wanted: { oid: Oid; path: string; sizeBytes?: number }): AsyncGenerator<Uint8Array> {
  const { oid, path } = wanted;
  const { local, direct, archived, failure, stores } = await locate(context, [{ oid, path, sizeBytes: wanted.sizeBytes ?? 0 }]);
  const found = local.get(oid);
  const elsewhere = direct.get(oid);
  const source = found ? { store: openLocalStore(context.repository), object: found } : elsewhere;
  if (!source) {
    if (archived.length > 0) throw new BallastError("OBJECT_ARCHIVED", `${path} is archived`, { hint: `git ballast checkout --restore-archived ${path}` });
    if (failure) throw failure;
    throw new BallastError("OBJECT_MISSING", `no store has ${oid}`, { hint: "git ballast fetch --all on a machine that has it, then git ballast push --all" });
  }
  const encoded = source.store.read(objectKey(source.object.name), undefined, context.signal);
  const contents = new Contents(stores, { signal: context.signal });
  try {
    let held: Uint8Array | undefined;
    for await (const chunk of decodeVerified(source.object.name, encoded, { openBase: contents.open, signal: context.signal })) {
      if (held) yield held;
      held = Buffer.from(chunk);
    }
    if (held) yield held;
  } finally {
    contents.close();
  }
}
