#!/usr/bin/env bash
# Builds a container's image in FOLDER (an OCI layout, tag "latest") from the packages in build/deb: build.sh
# FOLDER. A fresh Debian 12 by mmdebstrap, the packages, nginx; no registry is asked. As root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=$(mkdir -p "$1" && cd "$1" && pwd)
mirror=${STATEWARD_MIRROR:-http://deb.debian.org/debian}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/stateward-container-XXXXXX")
trap 'rm -rf "$work"' EXIT

# What the packages bring along comes by apt, which knows their dependencies.
mkdir "$work/debs"
cp build/deb/stateward_*.deb build/deb/stateward-nginx_*.deb "$work/debs"
cat >"$work/hook" <<'HOOK'
#!/bin/sh
set -eu
cp -r "$DEBS" "$1/debs"
printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"  # nothing is started while it is built
chmod 0755 "$1/usr/sbin/policy-rc.d"
[ -e "$1/etc/resolv.conf" ] || cp /etc/resolv.conf "$1/etc/resolv.conf"
DEBIAN_FRONTEND=noninteractive chroot "$1" sh -c 'apt-get install -y -qq --no-install-recommends /debs/*.deb'
HOOK
chmod 0755 "$work/hook"
DEBS="$work/debs" mmdebstrap --quiet --variant=minbase \
  --include=systemd-standalone-sysusers,ca-certificates,curl,nginx-light \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook="$work/hook" bookworm "$work/root" "$mirror"

# Without systemd there are no units to read. The key, the settings and the certificate of this build are
# nobody's: each host brings its own.
rm -rf "$work/root/debs" "$work/root/usr/sbin/policy-rc.d" "$work"/root/lib/systemd/system/stateward* \
  "$work"/root/etc/stateward/kms.key "$work"/root/etc/stateward/stateward.env \
  "$work"/root/etc/ssl/private/ssl-cert-snakeoil.key "$work"/root/etc/ssl/certs/ssl-cert-snakeoil.pem \
  "$work"/root/etc/nginx/sites-enabled/default "$work"/root/var/lib/apt/lists "$work"/root/var/cache/apt
for log in access.log error.log stateward.log; do ln -sf /dev/stderr "$work/root/var/log/nginx/$log"; done
install -m 0755 packaging/container/start "$work/root/usr/local/bin/stateward-container"
install -m 0644 packaging/container/site.conf "$work/root/etc/nginx/sites-enabled/stateward"

rm -rf "$out"
umoci init --layout "$out"
umoci new --image "$out:latest"
umoci unpack --image "$out:latest" "$work/bundle"
cp -a "$work/root/." "$work/bundle/rootfs"
umoci repack --image "$out:latest" "$work/bundle"
umoci config --image "$out:latest" --config.entrypoint stateward-container --config.volume /var/lib/stateward \
  --config.exposedports 8080/tcp --config.exposedports 8443/tcp --config.workingdir /var/lib/stateward \
  --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  --config.label org.opencontainers.image.title=stateward
umoci gc --layout "$out"
echo "$out"
