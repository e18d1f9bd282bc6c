#!/usr/bin/env bash
# Installs the Debian 12 packages that are missing, and prints nothing when there are none.
#
#   tools/deps.sh run    what `make run` needs
#   tools/deps.sh deb    what `make deb` needs
#   tools/deps.sh test   what `make test` needs besides
#   tools/deps.sh container  what `make container` and `make test-container` need
#
# Works as root, or with sudo. No service of this host is started, stopped, reloaded or enabled.
set -euo pipefail

# "a|b" is satisfied by either; the first one is installed.
BUILD=(g++ make pkg-config libfcgi-dev libssl-dev libcjson-dev libzstd-dev libmicrohttpd-dev libcurl4-openssl-dev
       libpq-dev libhiredis-dev libjwt-dev libtomlplusplus-dev libcrypt-dev python3)
RUN=("${BUILD[@]}" 'nginx|nginx-light|nginx-full|nginx-extras' openssl ca-certificates)
DEB=(build-essential debhelper dh-apparmor po-debconf)
TEST=(apache2 spawn-fcgi multiwatch logrotate postgresql-15 postgresql-client-15 pgbouncer redis-server redis-sentinel
      redis-tools stunnel4 prometheus cpputest libcpputest-dev mandoc zsh
      clang clang-format clang-tidy libclang-rt-14-dev
      python3-cryptography python3-jsonschema python3-yaml python3-zstandard python3-pip python3-venv curl git
      "${DEB[@]}" lintian apparmor mmdebstrap systemd-container umoci skopeo age)
CONTAINER=("${BUILD[@]}" "${DEB[@]}" mmdebstrap umoci skopeo podman podman-compose crun
           containernetworking-plugins golang-github-containernetworking-plugin-dnsname iptables openssl curl
           python3 python3-yaml)
# Packages that put a service in place: one that comes by this script stays off at boot, too.
SERVICES=(nginx apache2 postgresql pgbouncer redis-server redis-sentinel stunnel4 prometheus
          prometheus-node-exporter podman)
PODMAN=(podman.socket podman.service podman-restart.service podman-auto-update.service
        podman-auto-update.timer)

POLICY=/usr/sbin/policy-rc.d
SAVED=$POLICY.before-stateward
MARK='put here by tools/deps.sh of Stateward while it installs packages'
LOCK=/run/lock/stateward-deps.lock
# Debian's postgresql-15 makes a cluster of the host when it comes for the first time, unless told.
CLUSTERS=/etc/postgresql-common/createcluster.d
NO_CLUSTER=$CLUSTERS/stateward-tests.conf
SELF=$(readlink -f "${BASH_SOURCE[0]}")

say() { printf 'deps: %s\n' "$*" >&2; }

# Prints the packages, out of those named, that are not installed.
missing() {
  local installed want name found
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' 2>/dev/null |
              sed -n 's/ installed$//p')
  for want in "$@"; do
    found=no
    for name in ${want//|/ }; do
      if grep -qxF -- "$name" <<<"$installed"; then found=yes; fi
    done
    if [ $found = no ]; then printf '%s\n' "${want%%|*}"; fi
  done
}

# True when a run that was killed left something behind (or another run is at work).
left_behind() {
  [ -e $SAVED ] || [ -L $SAVED ] || [ -e $NO_CLUSTER ] || grep -qsF "$MARK" $POLICY
}

restore() {
  if [ -e $NO_CLUSTER ]; then
    rm -f $NO_CLUSTER
    rmdir --ignore-fail-on-non-empty $CLUSTERS
  fi
  if [ -e $SAVED ] || [ -L $SAVED ]; then
    mv -fT $SAVED $POLICY
  elif grep -qsF "$MARK" $POLICY; then
    rm -f $POLICY
  fi
}

# 101 means "action forbidden": maintainer scripts then neither start nor restart anything.
forbid_services() {
  printf '#!/bin/sh\n# %s\nexit 101\n' "$MARK" >$POLICY.new
  chmod 755 $POLICY.new
  if [ -e $POLICY ] || [ -L $POLICY ]; then mv -T $POLICY $SAVED; fi
  mv -T $POLICY.new $POLICY
}

# The tests make clusters of their own; one that is there is not touched by this.
forbid_cluster() {
  mkdir -p $CLUSTERS
  printf '# %s\ncreate_main_cluster = off\n' "$MARK" >$NO_CLUSTER
}

apt() {
  # --no-remove: nothing of the host goes away for our sake. 300 s: another apt may be at work.
  # needrestart only lists; questions about configuration files keep what is there.
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l NEEDRESTART_SUSPEND=1 \
    apt-get -q -y --no-remove --no-install-recommends -o DPkg::Lock::Timeout=300 \
    -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
    -o Acquire::Retries=3 "$@" </dev/null >&2
}

# systemctl does the links of System V, too.
disable() {
  if [ "$1" = podman ]; then
    systemctl disable "${PODMAN[@]}"
  elif command -v systemctl >/dev/null; then
    systemctl disable "$1.service"
  else
    update-rc.d "$1" disable
  fi
}

# A package that was already there keeps its boot setting.
keep_off_at_boot() {
  local name
  for name in "${SERVICES[@]}"; do
    case " $* " in *" $name "*) ;; *) continue ;; esac
    if disable "$name" >/dev/null 2>&1; then
      say "$name is installed, but not started and not enabled"
    else
      say "warning: could not disable $name; it may start at the next boot"
    fi
  done
}

# As root: one run at a time, since there is one policy-rc.d.
install_packages() {
  exec 9>$LOCK
  flock 9
  restore
  if [ $# = 0 ]; then return 0; fi
  trap restore EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  forbid_services
  case " $* " in *' postgresql-15 '*) forbid_cluster ;; esac
  apt update || { say 'apt-get update failed, trying once more'; sleep 3; apt update; } ||
    say 'warning: apt-get update failed twice; going on with the lists that are there'
  apt install "$@"
  keep_off_at_boot "$@"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$SELF" as-root "$@"
  elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    sudo -- "$SELF" as-root "$@"
  else
    say "needs root or sudo; as root: apt-get install --no-install-recommends $*"
    return 1
  fi
}

main() {
  local want=("${RUN[@]}") need=()
  case "${1-}" in
    run) ;;
    deb) want=("${BUILD[@]}" "${DEB[@]}") ;;
    test) want+=("${TEST[@]}") ;;
    container) want=("${CONTAINER[@]}") ;;
    as-root) shift; install_packages "$@"; return ;;
    *) say 'usage: tools/deps.sh run|deb|test|container'; return 2 ;;
  esac
  if ! command -v dpkg-query >/dev/null; then
    say 'this is not Debian; install what this script names by hand'; return 1
  fi
  mapfile -t need < <(missing "${want[@]}")
  if [ ${#need[@]} -gt 0 ]; then
    say "installing: ${need[*]}"
    as_root "${need[@]}"
  elif left_behind; then
    as_root || say "warning: $POLICY or $NO_CLUSTER was left there by a run that was killed"
  fi
}

main "$@"
