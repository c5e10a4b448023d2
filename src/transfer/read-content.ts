import type { Context } from "../context.ts";
import { BallastError, isBallastError } from "../errors.ts";
import { Contents } from "../object/contents.ts";
import { decodeVerified } from "../object/encodings.ts";
import { objectKey } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import { readEncoded } from "../object/read-encoded.ts";
import { locate } from "./download.ts";

/**
 * The content of an oid from whichever store has it. It is verified while it streams, so the last chunk is held back
 * until the whole was found to be right.
 * @throws OBJECT_MISSING, OBJECT_ARCHIVED, OBJECT_CORRUPT, and what the remote store threw
 */
export async function* readContent(context: Context, wanted: { oid: Oid; path: string; sizeBytes?: number }): AsyncGenerator<Uint8Array> {
  for (let look = 1; ; look++) {
    let begun = false;
    try {
      for await (const chunk of readOnce(context, wanted)) {
        begun = true;
        yield chunk;
      }
      return;
    } catch (error) {
      // What was listed may have been replaced by an object of another encoding.
      if (begun || look === LOOKS || !(error instanceof Vanished)) throw error instanceof Vanished ? error.cause : error;
    }
  }
}

/** How often a content is looked for when its object turns out to be gone. */
const LOOKS = 4;

/** An object, or a base of it, that was listed and could not be found. */
class Vanished extends Error {}

async function* readOnce(context: Context, { oid, path, sizeBytes = 0 }: { oid: Oid; path: string; sizeBytes?: number }): AsyncGenerator<Uint8Array> {
  const { local, direct, archived, failure, stores } = await locate(context, [{ oid, path, sizeBytes }]);
  const source = local.get(oid) ?? direct.get(oid);
  if (!source) {
    if (archived.length > 0) throw new BallastError("OBJECT_ARCHIVED", `${path} is archived`, { hint: `git ballast checkout --restore-archived ${path}` });
    if (failure) throw failure;
    throw new BallastError("OBJECT_MISSING", `no store has ${oid}`, { hint: "git ballast fetch --all on a machine that has it, then git ballast push --all" });
  }
  const encoded = readEncoded(source.store, objectKey(source.name), context.signal);
  const contents = new Contents(stores, { signal: context.signal });
  try {
    let held: Uint8Array | undefined;
    for await (const chunk of decodeVerified(source.name, encoded, { openBase: contents.open, signal: context.signal })) {
      if (held) yield held;
      held = Buffer.from(chunk);
    }
    if (held) yield held;
  } catch (error) {
    throw isBallastError(error, "OBJECT_MISSING") ? new Vanished("an object vanished", { cause: error }) : error;
  } finally {
    contents.close();
  }
}
