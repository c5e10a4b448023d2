import type { Context } from "../context.ts";
import type { Diagnosis } from "../store/port.ts";
import { checkClone } from "./doctor/clone.ts";
import { checkMachine } from "./doctor/machine.ts";
import { checkStore } from "./doctor/store.ts";

/**
 * Checks everything that Ballast rests on, one thing after the other: this machine, this clone, the store. A check that
 * cannot be made says so; nothing that it finds is thrown.
 */
export async function doctor(context: Context, { offline }: { offline: boolean }): Promise<Diagnosis[]> {
  const findings = [...(await checkMachine(context)), ...(await checkClone(context))];
  if (!offline) for await (const finding of checkStore(context)) findings.push(finding);
  return findings;
}
