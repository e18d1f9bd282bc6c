#!/bin/sh
# What is left to do once the files are in place: users, folders, owners, settings, a key. Run as
# root by `make install` and by the package; it may be run again at any time, and deletes nothing.
#
#   setup.sh PREFIX     PREFIX: where the programs are, /usr/local or /usr
set -eu

prefix=$1
etc=/etc/stateward
lib=/var/lib/stateward
say() { echo "stateward: $*" >&2; }

# An earlier `make install` has put into /usr/local what goes before the package's own: unit files,
# programs, users and folders. It is moved aside.
move_aside() {
    for file in bin/stateward bin/statewardctl \
        lib/systemd/system/stateward.service lib/systemd/system/stateward-fcgi.service \
        lib/systemd/system/stateward-fcgi.socket lib/systemd/system/stateward-spawn.service \
        lib/sysusers.d/stateward.conf lib/tmpfiles.d/stateward.conf \
        share/man/man8/stateward.8 share/man/man1/statewardctl.1; do
        [ -e "/usr/local/$file" ] || continue
        mv -f "/usr/local/$file" "/usr/local/$file.before-package"
        say "/usr/local/$file has .before-package behind its name now: the package has its own"
    done
    # Units and drop-ins of the administrator stay in force, with the package's programs.
    for file in /etc/systemd/system/stateward*.service /etc/systemd/system/stateward*.d/*.conf; do
        if [ ! -f "$file" ] || ! grep -q /usr/local/bin/stateward "$file"; then continue; fi
        cp -a "$file" "$file.before-package"
        sed -i 's#/usr/local/bin/stateward#/usr/bin/stateward#g' "$file"
        say "$file starts /usr/bin/stateward now"
    done
}

make_users() {
    if command -v systemd-sysusers >/dev/null; then
        systemd-sysusers "$prefix/lib/sysusers.d/stateward.conf"
        return
    fi
    getent group stateward >/dev/null || groupadd --system stateward
    getent group stateward-web >/dev/null || groupadd --system stateward-web
    getent passwd stateward >/dev/null ||
        useradd --system --gid stateward --groups stateward-web --home-dir $lib --no-create-home \
            --shell /usr/sbin/nologin --comment Stateward stateward
}

# True for a plain file that the administrator has not put under dpkg-statoverride.
may_mend() {
    [ -f "$1" ] && [ ! -L "$1" ] || return 1
    ! dpkg-statoverride --list "$1" >/dev/null 2>&1
}

# Settings and policy: root writes, the server reads, nobody else. Keys: root alone. States: the
# server alone.
mend_owners() {
    if ! dpkg-statoverride --list $etc >/dev/null 2>&1; then
        chown root:stateward $etc
        chmod 0750 $etc
    fi
    for file in $etc/*.env $etc/*.toml; do
        if may_mend "$file"; then chown root:stateward "$file"; chmod 0640 "$file"; fi
    done
    for file in $etc/kms.key $etc/kms.keyring; do
        if may_mend "$file"; then chown root:root "$file"; chmod 0600 "$file"; fi
    done
    install -d -o stateward -g stateward-web -m 0700 $lib
    find $lib -xdev ! -user stateward -exec chown -h stateward {} +
}

# A key is made only where there is neither a key nor a store, nor settings that say where they are.
needs_key() {
    [ ! -e $etc/kms.key ] || return 1
    ! grep -qE '^[[:space:]]*(KMS_|VAULT_|STORAGE_)' $etc/stateward.env || return 1
    [ -z "$(find $lib -mindepth 1 -not -type d -print -quit)" ]
}

make_key() {
    (umask 077; "$prefix/bin/statewardctl" keygen >$etc/kms.key.new)
    sync $etc/kms.key.new
    mv -n $etc/kms.key.new $etc/kms.key
    sync $etc
    say "made the key $etc/kms.key. Back it up now, away from this host:"
    say "without it nobody can open the states, nor a backup of them."
}

say_what_is_left() {
    if [ -z "$(find $lib -mindepth 1 -not -type d -print -quit)" ]; then
        say "left to do: statewardctl init   (makes an empty store; settings: $etc/stateward.env)"
    fi
    if [ "$prefix" != /usr ]; then
        say "left to do: systemctl enable --now stateward"
        say "left to do: adduser www-data stateward-web, and a site: $prefix/share/stateward/nginx" \
            "or $prefix/share/stateward/apache"
    fi
}

if [ "$(id -u)" != 0 ]; then
    say "not root: users, folders and a key are not made. As root: $prefix/share/stateward/setup.sh $prefix"
    exit 0
fi
if [ "$prefix" = /usr ]; then move_aside; fi
make_users
install -d $etc
if [ ! -e $etc/stateward.env ]; then
    install -m 0640 "$prefix/share/stateward/stateward.env" $etc/stateward.env
fi
mend_owners
if needs_key; then make_key; fi
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemd-tmpfiles --create "$prefix/lib/tmpfiles.d/stateward.conf"
fi
say_what_is_left
