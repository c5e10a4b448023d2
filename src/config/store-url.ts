import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { BallastError } from "../errors.ts";

/** The store inside the Git directory, for a repository that has no other yet. */
export const EMBEDDED = "embedded";

const EXAMPLES = "s3://bucket/prefix, file:///directory, or the path of a directory";

/**
 * What the user wrote for a store as the one URL that stands for it: `s3://bucket/prefix`, `file:///directory` or
 * `embedded`. Understands the two words `bucket prefix` and plain paths too, relative ones from `cwd`. Without `cwd`,
 * paths must be absolute.
 * @throws USAGE; a URL with credentials is not repeated in the message
 */
export function parseStoreUrl(words: string | readonly [string, string?], cwd?: string): string {
  const [text, prefix] = typeof words === "string" ? [words] : words;
  if (prefix !== undefined) return s3Url(text, prefix);
  if (text === EMBEDDED) return EMBEDDED;
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):/.exec(text)?.[1]?.toLowerCase();
  if (scheme === "s3") {
    const match = /^s3:\/\/([^/]*)\/?(.*)$/is.exec(text);
    if (!match) throw unusable(`not a store: ${show(text)}`, `write s3://bucket/prefix`);
    return s3Url(match[1]!, match[2]!);
  }
  if (scheme === "file") return fileUrl(text);
  if (scheme !== undefined && /^[A-Za-z][A-Za-z0-9+.-]+:\/\//.test(text)) {
    const hint = /^https?$/.test(scheme)
      ? "write s3://bucket/prefix, and --endpoint for a provider other than AWS"
      : `a store is ${EXAMPLES}`;
    throw unusable(`not a store: ${scheme} URLs are not supported`, hint);
  }
  return pathUrl(text, cwd);
}

/** The directory that a `file:` URL of {@link parseStoreUrl} names. */
export function directoryOf(url: string): string {
  return fileURLToPath(url);
}

function s3Url(bucket: string, prefix: string): string {
  if (bucket.includes("@")) throw unusable("an S3 URL must not hold credentials", "use a profile, AWS_* variables or aws configure, and write s3://bucket/prefix");
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/.test(bucket) || bucket.includes("..")) {
    throw unusable(`not the name of a bucket: ${show(bucket)}`, `a store is ${EXAMPLES}`);
  }
  const path = prefix.replace(/^\/+|\/+$/g, "");
  const components = path === "" ? [] : path.split("/");
  if (/[\u0000-\u001f\u007f?#\\]/.test(path) || components.some((part) => part === "" || part === "." || part === "..") || Buffer.byteLength(path) > 512) {
    throw unusable(`not a prefix in a bucket: ${show(prefix)}`, "a prefix is names with / between them, without . or .. and without ? and #");
  }
  return `s3://${[bucket, ...components].join("/")}`;
}

function fileUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw unusable(`not a file URL: ${show(text)}`, "write file:///directory");
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw unusable("a file URL of a store has a path only", "write file:///directory, with %23 for # and %3F for ?");
  }
  if (url.hostname !== "" && url.hostname !== "localhost") {
    throw unusable(`a file URL names a directory of this machine, not of ${show(url.hostname)}`, "write file:///directory, with three slashes");
  }
  // "file:name" is relative, which a committed URL cannot be.
  if (!/^file:\/\/(localhost)?\//i.test(text)) throw unusable(`not an absolute file URL: ${show(text)}`, "write file:///directory, with three slashes");
  try {
    url.hostname = "";
    return pathUrl(fileURLToPath(url), undefined);
  } catch {
    throw unusable(`not a file URL: ${show(text)}`, "write file:///directory");
  }
}

function pathUrl(text: string, cwd: string | undefined): string {
  if (text.trim() === "" || text.includes("\0")) throw unusable("the store's name is empty", `a store is ${EXAMPLES}`);
  const expanded = /^~(?=\/|$)/.test(text) ? join(homedir(), text.slice(1)) : text;
  const absolute = cwd === undefined ? resolve(expanded) : resolve(cwd, expanded);
  if (cwd === undefined && resolve("/", expanded) !== absolute) {
    throw unusable(`not a store: ${show(text)}`, `a store is s3://bucket/prefix, file:///directory, an absolute path, or ${EMBEDDED}`);
  }
  return pathToFileURL(absolute).href.replace(/(?<=.)\/+$/, (slashes, at: number) => (at <= "file://".length ? slashes : ""));
}

function unusable(message: string, hint: string): BallastError {
  return new BallastError("USAGE", message, { hint });
}

function show(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}
