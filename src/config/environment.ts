/** The environment of this process; read here and in `cli/` only, so that every other module can be given one. */
export type Environment = Readonly<Record<string, string | undefined>>;

export function environment(): Environment {
  return process.env;
}

/** Sets a variable for a library that reads it from this process, unless the user has. */
export function setDefault(name: string, value: string): void {
  process.env[name] ??= value;
}
