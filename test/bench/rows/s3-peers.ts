import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { bytesIn } from "../files.ts";
import type { Command } from "../measure.ts";
import { output } from "../programs.ts";
import type { Bench, Variant } from "../row.ts";
import type { S3Server } from "../s3-server.ts";
import { shell } from "../shell.ts";
import { bytesOf, nameOf, requireBytes, sourceOf, type Load } from "./many.ts";
import { stepOver } from "./s3-traffic.ts";

/** Requests at once, for those that can be told: what is fastest where the server shares two cores with its client. */
const AT_ONCE = 16;
export const LOOP = "PUT or GET loop";

/** Another program that carries a directory to a bucket and back. */
interface Peer {
  readonly name: string;
  readonly needs: readonly string[];
  /** With more assets it takes half a minute and longer, and is measured only when everything is. */
  readonly mostAssets?: number;
  /** Far from the others: one round is enough. */
  readonly once?: boolean;
  /** What comes before, and is not measured. */
  prepare?(source: string, place: string): Command;
  push(source: string, place: string): Command;
  clone(source: string, place: string, target: string): Command;
}

const program = (name: string, ...args: string[]): Command => ({ program: name, args });

const RCLONE = ["--transfers", String(AT_ONCE), "--checkers", String(AT_ONCE)];

const PEERS: readonly Peer[] = [
  {
    name: LOOP,
    needs: [],
    push: (source, place) => loop("put", source, place),
    clone: (source, place, target) => loop("get", source, place, target),
  },
  {
    name: "rclone copy",
    needs: ["rclone"],
    push: (source, place) => program("rclone", "copy", ...RCLONE, source, `bench:${place}`),
    clone: (_, place, target) => program("rclone", "copy", ...RCLONE, `bench:${place}`, target),
  },
  {
    name: "aws s3 cp",
    needs: ["aws"],
    mostAssets: 1000,
    once: true,
    push: (source, place) => program("aws", "s3", "cp", "--recursive", "--only-show-errors", source, `s3://${place}`),
    clone: (_, place, target) => program("aws", "s3", "cp", "--recursive", "--only-show-errors", `s3://${place}`, target),
  },
  {
    name: "restic",
    needs: ["restic"],
    prepare: (_, place) => shell('restic init -q -r "s3:$AWS_ENDPOINT_URL_S3/$1"', place),
    push: (source, place) => shell('cd "$1"; restic backup -q --no-cache -r "s3:$AWS_ENDPOINT_URL_S3/$2" .', source, place),
    clone: (_, place, target) => shell('restic restore -q --no-cache -r "s3:$AWS_ENDPOINT_URL_S3/$1" latest --target "$2"', place, target),
  },
];

/** By peer and load, what was pushed last: clones need not push again. */
const pushed = new Map<string, string>();
const keyOf = (peer: Peer, assets: Load): string => `${peer.name}: ${nameOf(assets)}`;

function variantOf({ name, needs, mostAssets = Infinity, once = false }: Peer, { count }: Load): Pick<Variant, "name" | "needs" | "slow" | "once"> {
  return { name, needs, once, slow: count > mostAssets };
}

/** The peers, as variants that push into an empty bucket. */
export function s3Pushes(bench: Bench, server: S3Server, assets: Load): Variant[] {
  return PEERS.map((peer) => ({ ...variantOf(peer, assets), run: async (sample) => {
    const last = pushed.get(keyOf(peer, assets));
    if (last !== undefined) await server.empty(last.split("/")[0]!);
    const bucket = await server.bucket();
    const [source, place] = [sourceOf(bench, assets), `${bucket}/assets`];
    await runUnmeasured(peer.prepare?.(source, place), server);
    const traffic = await stepOver(sample, server, "push", { ...peer.push(source, place), env: server.env });
    if (traffic !== undefined) requireBytes(bucket, traffic.receivedBytes, bytesOf(assets));
    pushed.set(keyOf(peer, assets), place);
  } }));
}

/** The peers, as variants that fetch what they have pushed before. */
export function s3Clones(bench: Bench, server: S3Server, assets: Load): Variant[] {
  return PEERS.map((peer) => ({ ...variantOf(peer, assets), run: async (sample) => {
    const place = await pushedBy(peer, bench, server, assets);
    const target = join(sample.directory, "clone");
    mkdirSync(target);
    await stepOver(sample, server, "clone", { ...peer.clone(sourceOf(bench, assets), place, target), env: server.env });
    requireBytes(target, bytesIn(target), bytesOf(assets));
  } }));
}

/** Where in the server the assets lie as they are, a file an object; put there for the first row that wants it. */
export function filesIn(bench: Bench, server: S3Server, assets: Load): Promise<string> {
  return pushedBy(PEERS[0]!, bench, server, assets);
}

async function pushedBy(peer: Peer, bench: Bench, server: S3Server, assets: Load): Promise<string> {
  const known = pushed.get(keyOf(peer, assets));
  if (known !== undefined) return known;
  const [source, place] = [sourceOf(bench, assets), `${await server.bucket()}/assets`];
  await runUnmeasured(peer.prepare?.(source, place), server);
  await runUnmeasured(peer.push(source, place), server);
  pushed.set(keyOf(peer, assets), place);
  return place;
}

/** Runs a command that finds the server, outside of any measurement. */
async function runUnmeasured(command: Command | undefined, { env }: S3Server): Promise<void> {
  if (command !== undefined) output(command.program, command.args, { env: { ...process.env, ...env } });
}

/** The program `s3-loop.ts`. */
function loop(mode: "put" | "get", source: string, place: string, ...target: string[]): Command {
  return program(process.execPath, join(import.meta.dirname, "s3-loop.mjs"), mode, source, place, String(AT_ONCE), ...target);
}
