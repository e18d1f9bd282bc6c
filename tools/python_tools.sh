#!/usr/bin/env bash
# Installs the programs and libraries of PyPI that tests use, each in a folder of its own below ~/.cache/stateward/python; prints
# nothing when they are there. Versions are fixed, so that a test means the same everywhere.
set -euo pipefail

# program=version
TOOLS=(schemathesis=4.32.5 standardwebhooks=1.1.0)
CACHE=${STATEWARD_CACHE:-$HOME/.cache/stateward}/python

mkdir -p "$CACHE"
exec 9>"$CACHE/lock"
flock 9
for tool in "${TOOLS[@]}"; do
  name=${tool%%=*} version=${tool#*=}
  place=$CACHE/$name-$version
  [ -e "$place/installed" ] && continue
  printf 'deps: installing %s %s\n' "$name" "$version" >&2
  rm -rf "$place"
  python3 -m venv "$place"
  "$place/bin/pip" install -q --disable-pip-version-check "$name==$version" >&2
  touch "$place/installed"
done
