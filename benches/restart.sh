#!/usr/bin/env bash
# How long a killed server takes until it has all of its data again, and what memory it needs.
#
#   restart.sh --server PROGRAM --tsbench PROGRAM --file REQUESTS [--port N] [--dir DIR] [--runs N] [-- FLAG...]
#
# REQUESTS is a file that `tsbench gen` made. Twice: load, kill -9 right after the last answer, start again (the log has the
# tail); flush, kill -9, start again (the log is empty). The data counts as there when the query of `probe` gives what it gave
# before. Prints a line of each: seconds until ready, seconds until all data, peak memory in MiB before and after.
set -euo pipefail
server='' tsbench='' file='' port=21400 dir=${TMPDIR:-/tmp}/tsdb-restart runs=3 flags=()
while [ $# -gt 0 ]; do
  case $1 in
    --server) server=$2; shift;; --tsbench) tsbench=$2; shift;; --file) file=$2; shift;;
    --port) port=$2; shift;; --dir) dir=$2; shift;; --runs) runs=$2; shift;;
    --) shift; flags=("$@"); break;;
    *) sed -n '2,9p' "$0" >&2; exit 2;;
  esac
  shift
done
[ -n "$server" ] && [ -n "$tsbench" ] && [ -n "$file" ] || { sed -n '2,9p' "$0" >&2; exit 2; }
base=http://127.0.0.1:$port
end=$(sed -n 's/^ *"end": \([0-9]*\),*$/\1/p' "$file.meta.json" | head -1)
pid=''

stop() { [ -z "$pid" ] || { kill -KILL "$pid"; wait "$pid" 2>/dev/null || true; pid=''; }; }
trap 'stop; rm -rf "$dir"' EXIT

start() {
  "$server" --data-dir "$dir" --listen "127.0.0.1:$port" --web.enable-admin-api --storage.tsdb.retention.time=0 \
    --log.level=warn "${flags[@]}" &
  pid=$!
}

ready() { until curl -s -f -o /dev/null -m 5 "$base/-/ready"; do kill -0 "$pid"; sleep 0.005; done; }

probe() {
  curl -s -m 100 -G "$base/api/v1/query" --data-urlencode "time=$end" \
    --data-urlencode 'query=sum(count_over_time(node_load1[2d])) + sum(count_over_time(up[2d]))' | grep -o '"value":\[[^]]*\]' || true
}

peak_mib() { awk '/VmHWM/ {printf "%.0f", $2 / 1024}' "/proc/$pid/status"; }

now() { date +%s%N; }

# Kills, starts again and prints the figures.
restart() {
  local what=$1 before peak begun is_ready
  before=$(probe); peak=$(peak_mib)
  stop
  begun=$(now); start; ready; is_ready=$(now)
  until [ "$(probe)" = "$before" ]; do sleep 0.005; [ $(($(now) - begun)) -lt 60000000000 ] || { echo "the data is not there" >&2; exit 1; }; done
  awk -v what="$what" -v a="$begun" -v b="$is_ready" -v c="$(now)" -v peak="$peak" -v again="$(peak_mib)" \
    'BEGIN {printf "%s: ready %.3f s, all data %.3f s; peak %d MiB before, %d MiB after\n", what, (b-a)/1e9, (c-a)/1e9, peak, again}'
}

for _ in $(seq "$runs"); do
  rm -rf "$dir"; mkdir -p "$dir"
  start; ready
  "$tsbench" load --url "$base/api/v1/write" --file "$file" --conns 4 --max-seconds 600 > /dev/null
  restart "killed after the last answer"
  curl -s -f -X POST "$base/api/v1/admin/tsdb/flush"
  restart "killed after a flush"
  stop
done
