/** Numbers and names as people read them; the same everywhere, whatever the locale. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** `1.4 MiB`: three digits at most, binary units. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 would be shown as "1000": it belongs to the next unit.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${unit === 0 ? value : trimZeros(value.toFixed(digits))} ${UNITS[unit]}`;
}

/** `350 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 59_950) return `${trimZeros((durationMs / 1000).toFixed(durationMs < 9950 ? 1 : 0))} s`;
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 3600) return pair(seconds, 60, "min", "s");
  if (seconds < 86_400) return pair(Math.round(seconds / 60), 60, "h", "min");
  return pair(Math.round(seconds / 3600), 24, "d", "h");
}

/** `1 object`, `2 objects`; `plural` where an s does not do. */
export function count(number: number, singular: string, plural = `${singular}s`): string {
  return `${number} ${number === 1 ? singular : plural}`;
}

/** A path as one line shows it: quoted, with escapes as in JSON, when it holds control characters or quotes. */
export function formatPath(path: string): string {
  return /[\u0000-\u001f\u007f-\u009f"\\\u2028\u2029\u202a-\u202e\u2066-\u2069]/.test(path) ? quote(path) : path;
}

/** Text of unknown origin made harmless for a terminal: control characters other than a line feed become escapes. */
export function plainText(text: string): string {
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, escapeCharacter);
}

function quote(path: string): string {
  return JSON.stringify(path).replace(/[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, escapeCharacter);
}

function escapeCharacter(character: string): string {
  if (character === "\t") return "\\t";
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function pair(total: number, base: number, large: string, small: string): string {
  const rest = total % base;
  return `${Math.floor(total / base)} ${large}${rest === 0 ? "" : ` ${rest} ${small}`}`;
}

function trimZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
