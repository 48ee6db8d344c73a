#!/usr/bin/env bash
# What basic authentication costs: CPU of the same remote write without it and with it, by turns.
#
#   auth.sh --server PROGRAM --driver PROGRAM [--rounds N] [--series N] [--scrapes N] [--port N] [--dir DIR]
#
# Each round starts a server with an empty store, so that the one verification of each password is counted. Fails when the median of
# those with authentication is more than 5 % above that of those without.
set -euo pipefail
server='' driver='' rounds=5 series=10000 scrapes=600 port=21600 dir=${TMPDIR:-/tmp}/tsdb-auth
while [ $# -gt 0 ]; do
  case $1 in
    --server) server=$2; shift;; --driver) driver=$2; shift;; --rounds) rounds=$2; shift;; --series) series=$2; shift;;
    --scrapes) scrapes=$2; shift;; --port) port=$2; shift;; --dir) dir=$2; shift;;
    *) sed -n '2,7p' "$0" >&2; exit 2;;
  esac
  shift
done
[ -n "$server" ] && [ -n "$driver" ] || { sed -n '2,7p' "$0" >&2; exit 2; }
pid=''
stop() { [ -z "$pid" ] || { kill "$pid"; wait "$pid" 2>/dev/null || true; pid=''; }; rm -rf "$dir"; }
trap stop EXIT

# cpu USERINFO FLAG…: CPU of the server in hundredths of a second, for the same samples.
cpu() {
  local user=$1
  shift
  rm -rf "$dir"; mkdir -p "$dir"
  # The password is "secret", its cost that of `htpasswd -B -C 10`.
  printf 'basic_auth_users: {someone: "%s"}\n' '$2b$10$N9qo8uLOickgx2ZMRZoMyecBPBZPbMY9K9Iy/VaK.7YTHTLYF41De' > "$dir/web.yml"
  "$server" --data-dir "$dir/data" --listen "127.0.0.1:$port" --log.level=warn "$@" &
  pid=$!
  until curl -s -f -o /dev/null "http://127.0.0.1:$port/-/ready"; do kill -0 "$pid"; sleep 0.1; done
  "$driver" write --url "http://${user}127.0.0.1:$port/api/v1" --pid "$pid" --series "$series" --scrapes "$scrapes" --batch 500 > /dev/null
  ticks=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
  stop
}

median() { printf '%s\n' "$@" | sort -n | sed -n "$(($# / 2 + 1))p"; }

without=() with=()
for _ in $(seq "$rounds"); do
  cpu ''; without+=("$ticks")
  cpu 'someone:secret@' --web.config.file="$dir/web.yml"; with+=("$ticks")
done
echo "CPU without: ${without[*]}; with basic authentication: ${with[*]} (hundredths of a second)"
awk -v a="$(median "${without[@]}")" -v b="$(median "${with[@]}")" \
  'BEGIN { printf "medians %d and %d: %+.1f %%\n", a, b, 100 * (b / a - 1); exit b > 1.05 * a }'
