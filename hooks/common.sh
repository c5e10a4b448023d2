  # Only what costs nothing runs before it is known that there is work: no process, a few stats.
  [ -z "${BALLAST_SKIP:-}${BALLAST_SETTLING:-}" ] || exit 0
  unset GIT_INTERNAL_SUPER_PREFIX
  dir=${GIT_DIR:-.git}
  [ -d "$dir" ] || dir=$(git rev-parse --git-dir) || exit 0
  manifest=.ballast/manifest.jsonl
  # Git rewrote the manifest (it lost its stamp), or what was recorded has to be written into it.
  unsettled() {
    if [ -e "$dir/ballast/stamp" ]; then
      # In a copy of a repository the stamp may have lost its time, which is always later than that of Git's index.
      [ ! -e "$manifest" ] || [ "$manifest" -ot "$dir/ballast/stamp" ] || [ "$dir/index" -nt "$dir/ballast/stamp" ] || { [ -e "$dir/ballast/follow" ] && ! follow; }
    else
      [ -e "$manifest" ]
    fi
  }
  # Writes what the filter has put ready into the manifest file, if that is what is staged and nothing else is due. The
  # steps are those of "Follow" in docs/live-manifest.md.
  follow() {
    [ ! -e "$dir/ballast/conflicts.json" ] || return 1
    # Git is at work; a later hook follows.
    [ ! -e "$dir/index.lock" ] || return 0
    [ "${GIT_INDEX_FILE:-$dir/index}" = "$dir/index" ] || return 1
    read -r blob <"$dir/ballast/follow" && [ -f "$dir/ballast/next/$blob" ] || return 1
    [ "$(git ls-files --stage -- "$manifest")" = "100644 $blob 0	$manifest" ] || return 1
    BALLAST_SETTLING=1 git update-index -q --cacheinfo "100644,$blob,$manifest" 2>/dev/null || return 1
    mv -f "$dir/ballast/next/$blob" "$manifest" 2>/dev/null || return 1
    BALLAST_SETTLING=1 git update-index -q --cacheinfo "100644,$blob,$manifest" --refresh >/dev/null 2>&1
    [ $? -lt 128 ] && read -r again <"$dir/ballast/follow" && [ "$again" = "$blob" ] && rm -f "$dir/ballast/follow"
  }
  ballast() {
    # As in filter.sh.
    export MALLOC_MMAP_THRESHOLD_=32768
    if [ -x @NODE@ ] && [ -f @MAIN@ ]; then exec @NODE@ --max-semi-space-size=2 @MAIN@ "$@"; fi
    if command -v git-ballast >/dev/null 2>&1; then exec git-ballast "$@"; fi
    echo "ballast: git-ballast was not found, so assets are neither checked nor restored" >&2
    echo "  -> npm install -g git-ballast, or BALLAST_SKIP=1 to go on without it" >&2
    return 127
  }
