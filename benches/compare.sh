#!/usr/bin/env bash
# This server beside VictoriaMetrics and Prometheus, those of them that are installed: the same load, queries, clients and dashboard.
#
#   compare.sh [--series N] [--scrapes N] [--dir DIR] [--port N]
#
# Builds what it needs. On Debian: apt-get install victoria-metrics prometheus. A line of each measurement, under the name of the server.
set -euo pipefail
cd "$(dirname "$0")/.."
series=10000 scrapes=960 dir=${TMPDIR:-/tmp}/tsdb-compare port=21500
while [ $# -gt 0 ]; do
  case $1 in
    --series) series=$2; shift;; --scrapes) scrapes=$2; shift;; --dir) dir=$2; shift;; --port) port=$2; shift;;
    *) sed -n '2,6p' "$0" >&2; exit 2;;
  esac
  shift
done
cargo build --release --locked -p tsdb-server -p tsdb-benches
target=${CARGO_TARGET_DIR:-target}/release
pid=''

stop() { [ -z "$pid" ] || { kill "$pid"; wait "$pid" 2>/dev/null || true; pid=''; }; }
trap 'stop; rm -rf "$dir"' EXIT

# start COMMAND…: with an empty directory; sets `to`, the arguments of the driver.
start() {
  local base=http://127.0.0.1:$port
  rm -rf "$dir"; mkdir -p "$dir"
  printf 'global: {scrape_interval: 1m}\n' > "$dir/prometheus.yml"
  "$@" > "$dir/log" 2>&1 &
  pid=$!
  until curl -s -f -o /dev/null "$base/-/ready" || curl -s -f -o /dev/null "$base/health"; do
    kill -0 "$pid" || { cat "$dir/log" >&2; exit 1; }
    sleep 0.1
  done
  to=(--url "$base/api/v1" --pid "$pid")
}

# measure NAME FLUSH-PATH QUERY-PARAMETER COMMAND…
measure() {
  local name=$1 flush=$2 param=$3
  shift 3
  echo "== $name"
  start "$@"
  # Of several connections one gets ahead, and Prometheus refuses what is an hour behind.
  local conns=4
  [ "$name" != Prometheus ] || conns=1
  "$drive" write "${to[@]}" --series "$series" --scrapes "$scrapes" --conns $conns
  [ -z "$flush" ] || curl -s -f -o /dev/null -X POST "http://127.0.0.1:$port$flush"
  sleep 5
  echo "disk: $(du -sb "$dir/data" | cut -f1) bytes"
  "$drive" query "${to[@]}" --scrapes "$scrapes" --param "$param"
  "$drive" clients "${to[@]}" --scrapes "$scrapes" --param "$param"
  stop
  # With its cache of results, if it has one, and with samples of now: VictoriaMetrics drops the cache when older ones come.
  start "$@"
  local before=300 refreshes=18
  local since=(--start $(($(date +%s) + 60 - (before + refreshes) * 15)))
  "$drive" write "${to[@]}" --series "$series" --scrapes $before "${since[@]}" --conns $conns > /dev/null
  "$drive" dashboard "${to[@]}" --series "$series" --scrapes $before "${since[@]}" --refreshes $refreshes
  # Prometheus refuses what is late and what is to be deleted, unless it is told to take it.
  if [ "$name" != Prometheus ]; then
    "$drive" dashboard "${to[@]}" --series "$series" --scrapes $((before + refreshes)) "${since[@]}" --late
    "$drive" dashboard "${to[@]}" --series "$series" --scrapes $((before + 2 * refreshes + 2)) "${since[@]}" --deletes
  fi
  stop
}

drive=$target/drive
ours=("$target/tsdb-server" --data-dir "$dir/data" --listen "127.0.0.1:$port" --web.enable-admin-api --storage.tsdb.retention.time=0)
measure tsdb /api/v1/admin/tsdb/flush '' "${ours[@]}"
echo "== tsdb, series of a cluster: in the order of the scrapes, as from 50 shards in another order each time, by both versions; many series"
while read -r how; do
  start "${ours[@]}"
  # shellcheck disable=SC2086
  "$drive" write "${to[@]}" --pods --flush "http://127.0.0.1:$port/api/v1/admin/tsdb/flush" $how
  stop
done << ROWS
--series $series --scrapes $scrapes
--series $series --scrapes $scrapes --partitions 50 --shuffle
--series $series --scrapes $scrapes --v2
--series $series --scrapes $scrapes --v2 --partitions 50 --shuffle
--series $((series * 10)) --scrapes $((scrapes / 10))
--series $((series * 10)) --scrapes $((scrapes / 10)) --shuffle
ROWS
if command -v victoria-metrics > /dev/null; then
  measure VictoriaMetrics /internal/force_flush nocache=1 victoria-metrics -storageDataPath="$dir/data" \
    -httpListenAddr="127.0.0.1:$port" -retentionPeriod=100y -loggerLevel=WARN
fi
if command -v prometheus > /dev/null; then
  measure Prometheus '' '' prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/data" \
    --web.listen-address="127.0.0.1:$port" --web.enable-remote-write-receiver --storage.tsdb.retention.time=100y --log.level=warn
fi
