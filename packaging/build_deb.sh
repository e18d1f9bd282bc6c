#!/usr/bin/env bash
# Builds the Debian packages from a copy of this tree's sources: build_deb.sh FOLDER. They are in
# FOLDER afterwards. STATEWARD_PROGRAMS: a folder with programs that are compiled already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=$(mkdir -p "$1" && cd "$1" && pwd)
if [ -n "${STATEWARD_PROGRAMS-}" ]; then STATEWARD_PROGRAMS=$(cd "$STATEWARD_PROGRAMS" && pwd); export STATEWARD_PROGRAMS; fi
rm -rf "$out"/stateward "$out"/stateward*_*
mkdir "$out/stateward"
tar -c --exclude=./build --exclude=./.git --exclude='*.pyc' . | tar -x -C "$out/stateward"
cp -R packaging/debian "$out/stateward/debian"
cd "$out/stateward"
# Modes and times of a checkout say nothing; those of the packages come from debhelper.
chmod -R u=rwX,go=rX .
# The flags of the make that calls this are not Debian's.
[ -z "${STATEWARD_PROGRAMS-}" ] || export DEB_BUILD_OPTIONS=noautodbgsym
env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u CXX -u CC dpkg-buildpackage -us -uc -b -tc --jobs=auto "${@:2}" \
  >"$out/build.log" 2>&1 || { tail -n 40 "$out/build.log" >&2; exit 1; }
rm -rf "$out/stateward"
cd "$out" && ls stateward*.deb
