/*
 * What Git tells its pre-push hook (githooks(5)): arguments <remote name, or the URL when it has none> <URL>, and on
 * standard input one line for each ref that it is about to update:
 *
 *   <local ref> SP <local oid> SP <remote ref> SP <remote oid> LF
 *
 * The local ref is "(delete)" and its oid all zeros when the remote ref is deleted; the remote oid is all zeros when
 * the remote ref is new. These oids name Git objects, in SHA-1 or SHA-256, and not assets.
 */
export interface RefUpdate {
  /** What is pushed, as the user or the refspec named it: `refs/heads/main`, `HEAD~`, `(delete)`. */
  readonly localRef: string;
  /** The Git object that the remote ref is to have; undefined when it is deleted. */
  readonly localId: string | undefined;
  readonly remoteRef: string;
  /** The Git object that the remote ref has now, which need not exist here; undefined when the ref is new. */
  readonly remoteId: string | undefined;
}

const LINE = /^(.+) ([0-9a-f]{40,64}) (\S+) ([0-9a-f]{40,64})$/;

/** Parses the standard input of the hook. @throws Error for a line that no Git writes */
export function parseRefUpdates(input: string): RefUpdate[] {
  return input
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const match = LINE.exec(line);
      if (!match) throw new Error(`not a line of a pre-push hook: ${JSON.stringify(line)}`);
      const [, localRef, localId, remoteRef, remoteId] = match;
      return { localRef: localRef!, localId: unlessZero(localId!), remoteRef: remoteRef!, remoteId: unlessZero(remoteId!) };
    });
}

function unlessZero(id: string): string | undefined {
  return /^0+$/.test(id) ? undefined : id;
}
