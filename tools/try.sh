#!/usr/bin/env bash
# Starts Stateward and an nginx of its own on this machine, on files, with a local lock and a key
# that is made here, and prints a backend block that works when pasted. Ctrl-C ends both.
#
#   STATEWARD_TRY_DIR   where everything lies (default: build/try); kept between runs
#   STATEWARD_TRY_PORT  port on 127.0.0.1 (default: 8080, or the next free one)
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mkdir -p "${STATEWARD_TRY_DIR:-$root/build/try}" && cd "${STATEWARD_TRY_DIR:-$root/build/try}" && pwd)
nginx=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v nginx)
umask 077

free_port() {
  local port=$1
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
  echo "$port"
}

# A run that is still going on here is told to end, so that a second `make run` works.
for name in nginx stateward; do
  if [ -s "$dir/$name.pid" ] && pid=$(cat "$dir/$name.pid") && [ -d "/proc/$pid" ] &&
     grep -qa "$dir" "/proc/$pid/cmdline"; then
    kill "$pid"
    for _ in $(seq 100); do [ -d "/proc/$pid" ] || break; sleep 0.1; done
  fi
  rm -f "$dir/$name.pid"
done

port=$(free_port "${STATEWARD_TRY_PORT:-8080}")
mkdir -p "$dir/states" "$dir/run" "$dir/nginx"
[ -s "$dir/kms.key" ] || "$root/build/statewardctl" keygen > "$dir/kms.key"
[ -s "$dir/password" ] || openssl rand -hex 16 > "$dir/password"

cat > "$dir/stateward.env" <<END
FASTCGI_LISTEN=unix:$dir/run/fcgi.sock
RUNTIME_DIR=$dir/run
STORAGE_FS_DIR=$dir/states
STORAGE_INIT=true
KMS_KEY_FILE=$dir/kms.key
END

cat > "$dir/nginx.conf" <<END
$([ "$(id -u)" = 0 ] && echo 'user root;')
pid $dir/nginx.pid;
error_log $dir/nginx/error.log;
events {}
http {
  access_log off;
  client_body_temp_path $dir/nginx/body;
  fastcgi_temp_path $dir/nginx/fastcgi;
  proxy_temp_path $dir/nginx/proxy;
  uwsgi_temp_path $dir/nginx/uwsgi;
  scgi_temp_path $dir/nginx/scgi;
$(sed "s#unix:/run/stateward/fcgi.sock#unix:$dir/run/fcgi.sock#" "$root/nginx/stateward-upstream.conf")
  server {
    listen 127.0.0.1:$port;
$(sed "s#/var/log/nginx/#$dir/nginx/#" "$root/nginx/stateward.conf")
  }
}
END

"$root/build/stateward" --env-file "$dir/stateward.env" 2> "$dir/stateward.log" &
stateward=$!
echo "$stateward" > "$dir/stateward.pid"
"$nginx" -p "$dir" -c "$dir/nginx.conf" -e "$dir/nginx/error.log" -g 'daemon off;' &
web=$!
finish() {
  trap - EXIT INT TERM
  kill "$web" "$stateward" 2>/dev/null || true
  wait "$web" "$stateward" 2>/dev/null || true
  rm -f "$dir/stateward.pid"
}
trap finish EXIT
trap 'exit 0' INT TERM

ready() { exec 3<>"/dev/tcp/127.0.0.1/$port" &&
  printf 'GET /ready HTTP/1.0\r\n\r\n' >&3 && head -n 1 <&3 | grep -q ' 200 '; }
for _ in $(seq 100); do
  if (ready) 2>/dev/null; then break; fi
  kill -0 "$stateward" 2>/dev/null && kill -0 "$web" 2>/dev/null || {
    echo "Stateward did not start; its log:" >&2; tail -n 20 "$dir/stateward.log" >&2; exit 1; }
  sleep 0.1
done

url="http://127.0.0.1:$port/state/demo/example"
cat <<END

Stateward is ready. Paste this into a Terraform or OpenTofu configuration:

terraform {
  backend "http" {
    address        = "$url"
    lock_address   = "$url"
    unlock_address = "$url"
    username       = "basic"
    password       = "$(cat "$dir/password")"
  }
}

States lie sealed in $dir/states, the key in $dir/kms.key,
the log in $dir/stateward.log. Ctrl-C ends it.

END
wait -n "$stateward" "$web" || true
