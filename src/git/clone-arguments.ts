/**
 * The directory that `git clone <url>` makes when none is given (`git_url_basename` in Git's dir.c): the last part of
 * the path, or the host of a URL without one, without `.git` or `.bundle`. Undefined when nothing is left.
 */
export function directoryOf(url: string): string | undefined {
  let rest = url.replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\//, "");
  const remote = rest !== url;
  // A user name before a host is no part of a name; an @ further on is.
  rest = rest.replace(/^[^/@]*@/, "").replace(/[/\s]+$/, "").replace(/\/+\.git$/, "").replace(/\/+$/, "");
  if (remote && !rest.includes("/")) rest = rest.replace(/:\d*$/, "");
  const name = rest
    .split(remote ? "/" : /[/:]/)
    .at(-1)!
    .replace(/\.(git|bundle)$/, "")
    .replace(/[\s\u0000-\u001f]+/g, " ")
    .trim();
  return name === "" || name === "." || name === ".." ? undefined : name;
}
