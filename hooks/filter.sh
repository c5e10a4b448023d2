# Git's clean filter for the manifest, sourced with Node and the program as $1 and $2. Where nothing has changed it takes
# no request at all: a filter without capabilities, whose file Git takes as it is. The same where Ballast has Git note what
# the file looks like, since Git asks again whenever it matters. Node is started for everything else.
unset GIT_INTERNAL_SUPER_PREFIX
dir=${GIT_DIR:-.git}
[ -d "$dir" ] || dir=$(git rev-parse --git-dir)
unchanged() {
  [ -f "$dir/ballast/seal" ] && [ ! -e "$dir/ballast/failed" ] && [ -e "$dir/ballast/stamp" ] && [ -e .ballast/manifest.jsonl ] &&
    [ ! .ballast/manifest.jsonl -ot "$dir/ballast/stamp" ] &&
    # In a shell of its own, which ends when somebody breaks the seal at this moment.
    (sealed=; . "$dir/ballast/seal"; [ "$sealed" = yes ]) 2>/dev/null
}
# Where Git records, Node also puts hooks back that another program has written anew: see docs/decisions/0020.
ours() {
  [ -e "${GIT_INDEX_FILE:-$dir/index}.lock" ] || return 0
  hooks=$(git rev-parse --git-path hooks) &&
    [ -z "$(cd "$hooks" 2>&1 && grep -L '^# >>> ballast$' pre-commit pre-push post-commit post-checkout post-merge post-rewrite post-index-change 2>&1)" ]
}
if [ -n "${BALLAST_SETTLING:-}" ] || { unchanged && ours; }; then
  printf '0016git-filter-server\n000eversion=2\n00000000'
  while read -r _; do :; done
  exit 0
fi
# Where 100,000 assets are recorded, V8 would let 48 MB of garbage gather before it looks, and glibc keep what it gets back.
export MALLOC_MMAP_THRESHOLD_=32768
exec "$1" --max-semi-space-size=4 "$2" filter-process
