  # Only what costs nothing runs before it is known that there is work: no process, a few stats.
  [ -z "${BALLAST_SKIP:-}${BALLAST_SETTLING:-}" ] || exit 0
  unset GIT_INTERNAL_SUPER_PREFIX
  dir=${GIT_DIR:-.git}
  [ -d "$dir" ] || dir=$(git rev-parse --git-dir) || exit 0
  manifest=.ballast/manifest.jsonl
  # Git rewrote the manifest (it lost its stamp), or what was recorded has to be written into it.
  unsettled() {
    if [ -e "$dir/ballast/stamp" ]; then
      [ ! -e "$manifest" ] || [ "$manifest" -ot "$dir/ballast/stamp" ] || [ -e "$dir/ballast/follow" ]
    else
      [ -e "$manifest" ]
    fi
  }
  ballast() {
    if [ -x @NODE@ ] && [ -f @MAIN@ ]; then exec @NODE@ @MAIN@ "$@"; fi
    if command -v git-ballast >/dev/null 2>&1; then exec git-ballast "$@"; fi
    echo "ballast: git-ballast was not found, so assets are neither checked nor restored" >&2
    echo "  -> npm install -g git-ballast, or BALLAST_SKIP=1 to go on without it" >&2
    return 127
  }
