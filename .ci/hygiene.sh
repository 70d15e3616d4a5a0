#!/usr/bin/env bash
# Is anything in the tree, or in what commits say, that belongs to one machine or to nobody?
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Absolute paths of somebody's machine. What a host or the lab's guests have is not meant.
paths='(^|[^A-Za-z0-9_.$}/-])/(home|root|work|workspace|Users|mnt)/'
scratch='(^|[^A-Za-z0-9_.$}/-])/tmp/'
# Words that promise work instead of doing it, and leftovers of a merge.
words='\b(TODO|FIXME|XXX|HACK)\b|^(<<<<<<<|>>>>>>>) '

found=0
look() { # what, pattern
  if git grep -nIE -e "$2" -- . ':!.ci/hygiene.sh' ':!Cargo.lock' ':!LICENSE'; then
    printf 'hygiene: the tree has %s\n' "$1" >&2
    found=1
  fi
  if git log --format='%h %B' | grep -nE -e "$2"; then
    printf 'hygiene: a commit message has %s\n' "$1" >&2
    found=1
  fi
}
look "a path of somebody's machine" "$paths"
look "a path of a scratch folder" "$scratch"
look "a word that promises work" "$words"

# Files that no review can read.
large=$(git ls-files -z | while IFS= read -r -d '' file; do
  if [ -f "$file" ] && [ "$(stat -c %s -- "$file")" -gt 1048576 ]; then echo "$file"; fi
done)
if [ -n "$large" ]; then
  printf '%s\nhygiene: files larger than 1 MiB\n' "$large" >&2
  found=1
fi
[ "$found" = 0 ] || exit 1
echo "the tree and its history name no machine and promise nothing"
