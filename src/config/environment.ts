/** The environment of this process; read here and in `cli/` only, so that every other module can be given one. */
export type Environment = Readonly<Record<string, string | undefined>>;

export function environment(): Environment {
  return process.env;
}
