#!/usr/bin/env bash
# Builds outside programs that the tests use, each pinned by tests/tools/TOOL/go.mod and go.sum,
# and prints the path of each. What is in the cache already costs nothing.
# Usage: tests/tools/build.sh TOOL...
#
# A new tool is a folder: go mod init stateward.example/tests/tools/TOOL, go get -tool
# PACKAGE@VERSION, go mod tidy. Each has a module of its own, so that it is built with exactly
# the dependencies that its authors chose and not rebuilt when another one changes.
set -euo pipefail

HERE=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
CACHE=${STATEWARD_CACHE:-$HOME/.cache/stateward}

# Flags of the linker, so that the program calls itself what its released build does.
ldflags() {
  case $1 in
    tofu) echo '-s -w -X github.com/opentofu/opentofu/version.dev=no' ;;
    *) echo '-s -w' ;;
  esac
}

build() {
  local tool=$1 dir=$HERE/$1 out=$2 go package
  package=$(sed -n 's/^tool //p' "$dir/go.mod")
  go=$("$HERE/go.sh" "$(sed -n 's/^go //p' "$dir/go.mod")")
  echo "build.sh: building $tool (once; some minutes), $package" >&2
  # GOVCS: only what the module proxy serves; readonly: only what go.sum names.
  (cd "$dir" && CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly GOWORK=off GOVCS='*:off' \
    nice "$go" build -trimpath -ldflags "$(ldflags "$tool")" -o "$out.new" "$package" >&2)
  mv -f "$out.new" "$out"
}

provide() {
  local tool=$1 dir=$HERE/$1 key out
  if [ ! -f "$dir/go.mod" ]; then
    echo "build.sh: no tool '$tool': tests/tools/$tool/go.mod is missing" >&2
    return 2
  fi
  key=$({ cat "$dir/go.mod" "$dir/go.sum"; ldflags "$tool"; } | sha256sum | cut -c1-12)
  out=$CACHE/bin/$tool-$key
  if [ ! -x "$out" ]; then
    mkdir -p "$CACHE/bin"
    (
      flock 9
      if [ ! -x "$out" ]; then build "$tool" "$out"; fi
    ) 9>"$CACHE/bin/$tool.lock"
  fi
  printf '%s\n' "$out"
}

if [ $# = 0 ]; then echo 'usage: tests/tools/build.sh TOOL...' >&2; exit 2; fi
for tool in "$@"; do provide "$tool"; done
