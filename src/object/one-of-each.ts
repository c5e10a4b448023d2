/** Of keys, one for each directory: to make a name durable is to sync its directory. */
export class OneOfEach {
  readonly #keys = new Map<string, string>();

  add(key: string): void {
    this.#keys.set(key.slice(0, key.lastIndexOf("/")), key);
  }

  keys(): Iterable<string> {
    return this.#keys.values();
  }
}
