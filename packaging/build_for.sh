#!/usr/bin/env bash
# Builds the packages for another release of Debian, inside a root of it: build_for.sh SUITE FOLDER. mmdebstrap makes
# the root once; it is kept in ~/.cache/stateward, with what was compiled in it (ccache). As root.
# DEB_BUILD_OPTIONS=noopt compiles without optimization: for tests, and several times as fast.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
suite=$1
out=$(mkdir -p "$2" && cd "$2" && pwd)
root=${XDG_CACHE_HOME:-$HOME/.cache}/stateward/build-$suite
if [ ! -d "$root" ]; then
  rm -rf "$root.new"
  mkdir -p "${root%/*}"
  mmdebstrap --variant=minbase --skip=cleanup/apt/lists --include=make,ca-certificates,ccache "$suite" "$root.new" \
    "${STATEWARD_MIRROR:-http://deb.debian.org/debian}"
  mv "$root.new" "$root"
fi
rm -rf "$root/src" "$root/out"
mkdir "$root/src" "$root/out"
tar -c --exclude=./build --exclude=./.git . | tar -x -C "$root/src"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
unshare -m bash -euc '
  mount -t proc proc "$1/proc"
  mount --rbind /dev "$1/dev"
  exec chroot "$1" env -i HOME=/root PATH=/usr/lib/ccache:/usr/sbin:/usr/bin:/sbin:/bin \
    DEB_BUILD_OPTIONS="$3" bash -c "$2"
' build "$root" 'cd /src && tools/deps.sh deb && packaging/build_deb.sh /out' "${DEB_BUILD_OPTIONS-}" </dev/null
cp "$root"/out/stateward*.deb "$out"
rm -rf "$root/src" "$root/out"
