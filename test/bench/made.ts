import type { Bench } from "./row.ts";

/** What rows make ready for each other in one run, by name. */
export function made(): Pick<Bench, "once" | "anew"> {
  const known = new Map<string, Promise<unknown>>();
  const anew = <T>(name: string, make: () => Promise<T>): Promise<T> => {
    const making = make();
    known.set(name, making);
    return making;
  };
  return { anew, once: <T>(name: string, make: () => Promise<T>) => (known.get(name) as Promise<T> | undefined) ?? anew(name, make) };
}
