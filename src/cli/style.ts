/** Colours, or none: a word about what stands there, never the only sign of it. */
export interface Style {
  error(text: string): string;
  warning(text: string): string;
  good(text: string): string;
  strong(text: string): string;
  faint(text: string): string;
}

const plain = (text: string): string => text;
export const PLAIN: Style = { error: plain, warning: plain, good: plain, strong: plain, faint: plain };

const COLOURED: Style = {
  error: sgr(31, 39),
  warning: sgr(33, 39),
  good: sgr(32, 39),
  strong: sgr(1, 22),
  faint: sgr(2, 22),
};

/** Colours for a terminal, unless https://no-color.org says no. */
export function styleFor(stream: { readonly isTTY?: boolean }, env: Readonly<Record<string, string | undefined>>): Style {
  const wanted = stream.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  return wanted ? COLOURED : PLAIN;
}

function sgr(open: number, close: number): (text: string) => string {
  return (text) => `\u001b[${open}m${text}\u001b[${close}m`;
}
