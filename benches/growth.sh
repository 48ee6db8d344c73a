#!/usr/bin/env bash
# How queries of this server grow with series and time: each row is a store of its own, loaded, flushed, and asked for all it has.
#
#   growth.sh [--dir DIR] [--port N] [SERIES:SCRAPES…]
#
# Builds what it needs. A scrape is every 15 seconds: 240 are an hour, 172,800 are 30 days.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${TMPDIR:-/tmp}/tsdb-growth port=21600 rows=()
while [ $# -gt 0 ]; do
  case $1 in
    --dir) dir=$2; shift;; --port) port=$2; shift;;
    *:*) rows+=("$1");;
    *) sed -n '2,6p' "$0" >&2; exit 2;;
  esac
  shift
done
[ ${#rows[@]} -gt 0 ] || rows=(1000:240 1000:1440 1000:5760 1000:40320 1000:172800 10000:240 10000:1440 10000:5760 100000:240)
cargo build --release --locked -p tsdb-server -p tsdb-benches
target=${CARGO_TARGET_DIR:-target}/release
pid=''
stop() { [ -z "$pid" ] || { kill "$pid"; wait "$pid" 2>/dev/null || true; pid=''; }; rm -rf "$dir"; }
trap stop EXIT

base=http://127.0.0.1:$port start=1700000000
for row in "${rows[@]}"; do
  series=${row%:*} scrapes=${row#*:}
  rm -rf "$dir"; mkdir -p "$dir"
  # The load is not what is measured: it does not wait for the disk.
  "$target/tsdb-server" --data-dir "$dir/data" --listen "127.0.0.1:$port" --web.enable-admin-api --storage.tsdb.retention.time=0 \
    --storage.wal.durability=never > "$dir/log" 2>&1 &
  pid=$!
  until curl -s -f -o /dev/null "$base/-/ready"; do kill -0 "$pid"; sleep 0.1; done
  to=(--url "$base/api/v1" --pid "$pid")
  "$target/drive" write "${to[@]}" --series "$series" --scrapes "$scrapes" > "$dir/write"
  curl -s -f -o /dev/null -X POST "$base/api/v1/admin/tsdb/flush"
  # 240 steps over everything, a window of all of it, and the last values. A tenth of the series has each name.
  seconds=$((scrapes * 15))
  cat > "$dir/queries" <<END
rate_in_240_steps $((seconds - 15)) $((seconds / 240)) sum(rate(node_metric_1_total[$((seconds / 240 > 300 ? seconds / 240 : 300))s]))
sum_over_all 0 0 sum(sum_over_time(node_metric_2_total[${seconds}s]))
count_instant 0 0 count(node_metric_3_total)
END
  echo "== $series series, $scrapes scrapes, $(du -sb "$dir/data" | cut -f1) bytes"
  "$target/drive" query "${to[@]}" --queries "$dir/queries" --end $((start + seconds - 15)) --repeat 10 --param nocache=1
  stop
done
