#!/usr/bin/env bash
# Prints a folder for PYTHONPATH with the published schemas of OCSF (PyPI: ocsf-json-schema), which
# the tests check exported events with. What is in the cache already costs nothing.
set -euo pipefail

VERSION=1.2.0
CACHE=${STATEWARD_CACHE:-$HOME/.cache/stateward}
OUT=$CACHE/python/ocsf-json-schema-$VERSION

if [ ! -d "$OUT" ]; then
  mkdir -p "$CACHE/python"
  (
    flock 9
    if [ -d "$OUT" ]; then exit; fi
    rm -rf "$OUT.new"
    /usr/bin/python3 -m pip install -q --disable-pip-version-check --no-deps --only-binary=:all: \
      --target "$OUT.new" "ocsf-json-schema==$VERSION" >&2
    mv "$OUT.new" "$OUT"
  ) 9>"$CACHE/python/ocsf.lock"
fi
printf '%s\n' "$OUT"
