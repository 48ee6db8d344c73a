#!/usr/bin/env bash
# A server on one core gets three times what it sustains, for five minutes, while a Prometheus writes to it as well. What it sustains is
# measured on the same store before and after, for half as long each.
#
#   overload.sh --server PROGRAM --generator PROGRAM [--prometheus PROGRAM] [--seconds N] [--port N] [--dir DIR] [-- FLAG...]
#
# The server has core 0, the rest has core 1. What may run and wait is lowered, so that there is something to refuse. In the end the
# samples of `up` that the Prometheus has are compared with what it brought here.
set -euo pipefail
server='' generator='' prometheus=prometheus seconds=300 port=21500 dir=${TMPDIR:-/tmp}/tsdb-overload flags=()
while [ $# -gt 0 ]; do
  case $1 in
    --server) server=$2; shift;; --generator) generator=$2; shift;; --prometheus) prometheus=$2; shift;;
    --seconds) seconds=$2; shift;; --port) port=$2; shift;; --dir) dir=$2; shift;;
    --) shift; flags=("$@"); break;;
    *) sed -n '2,9p' "$0" >&2; exit 2;;
  esac
  shift
done
[ -n "$server" ] && [ -n "$generator" ] || { sed -n '2,9p' "$0" >&2; exit 2; }
pids=()
stop() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done; rm -rf "$dir"; }
trap stop EXIT
rm -rf "$dir"; mkdir -p "$dir"

taskset -c 0 "$server" --data-dir "$dir/data" --listen "127.0.0.1:$port" --log.level=warn \
  --write.max-concurrency=1 --write.max-queued=16 "${flags[@]}" & pids+=($!)
until curl -s -f -o /dev/null "http://127.0.0.1:$port/-/ready"; do sleep 0.1; done

watched=$((port + 1))
cat > "$dir/prometheus.yml" <<YAML
global: {scrape_interval: 1s}
scrape_configs:
  - {job_name: self, static_configs: [{targets: ["127.0.0.1:$watched"]}]}
  - {job_name: tsdb, static_configs: [{targets: ["127.0.0.1:$port"]}]}
remote_write:
  - url: "http://127.0.0.1:$port/api/v1/write"
    # It drops what waits when it changes their number while nothing is accepted.
    queue_config: {min_shards: 1, max_shards: 1, capacity: 20000}
YAML
taskset -c 1 "$prometheus" --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/prometheus" \
  --web.listen-address="127.0.0.1:$watched" --log.level=error & pids=($! "${pids[@]}") # it ends first, while there is somebody to take the rest
until curl -s -f -o /dev/null "http://127.0.0.1:$watched/-/ready"; do sleep 0.1; done

taskset -c 1 "$generator" "127.0.0.1:$port" "$seconds"

# One value, as both answer it.
ask() { curl -s -G "http://127.0.0.1:$1/api/v1/query" --data-urlencode "query=$2" "${@:3}" | sed -n 's/.*"value":\[[^,]*,"\([^"]*\)"\].*/\1/p'; }
now=$(date +%s)
range="sum(count_over_time(up[$((2 * seconds + 600))s]))"
theirs=$(ask "$watched" "$range" -d "time=$now")
for waited in $(seq 0 120); do
  ours=$(ask "$port" "$range" -d "time=$now")
  [ "$ours" = "$theirs" ] && break
  sleep 1
done
failed=$(ask "$watched" 'sum(prometheus_remote_storage_samples_failed_total) + sum(prometheus_remote_storage_samples_dropped_total)')
retried=$(ask "$watched" 'sum(prometheus_remote_storage_samples_retried_total)')
echo "the Prometheus beside: $theirs samples of up there, $ours here after $waited s; retried $retried, failed or dropped $failed"
[ "$ours" = "$theirs" ]
