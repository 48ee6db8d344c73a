"""A server under steady load for an hour: slopes of memory, file handles and threads, and what was lost.

  soak.py --rig ../shared/faults --server target/release/tsdb-server [--minutes 60]

Four connections write 250 series each, data time runs 30 times faster than the clock and 4 hours of it are kept; queries go on,
five new series come every second, and every 10 seconds all of these are deleted but the newest. What was acknowledged is compared
sample by sample, as far as retention keeps it, every few minutes and at the end. Slopes are those of the second half, a minute.
"""
import argparse, http.client, os, shutil, sys, tempfile, threading, time, urllib.parse

parser = argparse.ArgumentParser()
parser.add_argument("--rig", required=True, help="the directory of rig.py")
parser.add_argument("--server", required=True)
parser.add_argument("--minutes", type=float, default=60)
parser.add_argument("--port", type=int, default=24700)
args = parser.parse_args()
sys.path.insert(0, args.rig)
from rig import Load, Server, enc_series, result  # noqa: E402

SPEED, KEPT_MS = 30, 4 * 3_600_000
QUERIES = ("sum by (c) (rate(flt[5m]))", "count(flt)", "topk(5,max_over_time(flt[10m]))", 'quantile(0.9,flt{s=~"1.*"})',
           "sum_over_time(flt[1h:1m])", 'label_replace(flt, "d", "$1", "s", "(.).*")')
FAILED = (OSError, http.client.HTTPException)


def slope(points):
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    squares = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / squares if squares else 0.0


def process(pid):
    """Anonymous memory in KiB, file handles, threads."""
    with open(f"/proc/{pid}/status") as f:
        status = dict(line.split(":", 1) for line in f)
    return int(status["RssAnon"].split()[0]), len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"])


work = tempfile.mkdtemp(prefix="soak-")
target = {
    "name": "tsdb-server", "write": "/api/v1/write", "query": "/api/v1/query", "ready": "/-/ready",
    "cmd": os.path.abspath(args.server) + " --data-dir {dir} --listen 127.0.0.1:{port} --web.enable-admin-api "
           "--storage.tsdb.retention.time=4h --storage.tsdb.min-block-duration=10m --storage.tsdb.max-block-duration=30m",
}
server = Server(target, os.path.join(work, "data"), work, args.port)
stop, asked, deletes = threading.Event(), {"ok": 0, "bad": 0}, {"ok": 0, "bad": 0}
latencies = []


def repeat(every_s, step):
    n = 0
    while not stop.wait(every_s):
        n += 1
        try:
            step(n)
        except FAILED:
            pass


def ask(n):
    begun = time.time()
    try:
        status, _ = server.query(QUERIES[n % len(QUERIES)], data_now() - 2000, timeout=20)
    except FAILED:
        status = 0
    latencies.append(time.time() - begun)
    asked["ok" if status == 200 else "bad"] += 1


def churn(n):
    series = (enc_series([("__name__", "churn"), ("id", f"{n}-{j}")], [(1.0, data_now())]) for j in range(5))
    server.write(b"".join(series))


def delete(_):
    parameters = urllib.parse.urlencode({"match[]": "churn", "end": "%.3f" % (data_now() / 1000 - 60)})
    status, _ = server.post("/api/v1/admin/tsdb/delete_series?" + parameters, b"", {})
    deletes["ok" if status == 204 else "bad"] += 1


def check(totals, lo):
    """Compares what is older than what is on its way with the ledger, and forgets it there."""
    while True:
        try:
            found = load.verify(lo=lo, hi=data_now() - 60_000)
            break
        except RuntimeError:  # its ledger grew while it was gone through
            continue
    for name in ("acked", "lost", "wrong", "dup", "phantom", "torn", "errors"):
        totals[name] = totals.get(name, 0) + found[name]


try:
    server.start()
    server.wait_ready()
    load = Load(server, 4, 250, SPEED, pause=0.1)
    load.start()
    data_now = lambda: load.base + int((time.time() - load.t0) * 1000 * SPEED)
    for every_s, step in ((0.1, ask), (1, churn), (10, delete)):
        threading.Thread(target=repeat, args=(every_s, step), daemon=True).start()
    rows, totals, begun, checked = [], {}, time.time(), load.base
    while time.time() - begun < args.minutes * 60 and server.alive():
        minute = (time.time() - begun) / 60
        rows.append((minute, *process(server.p.pid)))
        if data_now() - checked > KEPT_MS * 3 / 4:
            check(totals, checked)
            checked = data_now() - 60_000
        time.sleep(1)
    stop.set()
    load.stop()
    time.sleep(3)
    check(totals, max(checked, data_now() - KEPT_MS * 3 // 4))
    half = rows[len(rows) // 2:]
    anonymous_kib = slope([(row[0], row[1]) for row in half])
    mean_kib = sum(row[1] for row in half) / len(half)
    latencies.sort()
    result("soak", minutes=args.minutes, alive=server.alive(), statuses={str(k): n for k, n in load.status.items()}, checked=totals,
           queries=asked, deletes=deletes, query_p50_ms=round(1000 * latencies[len(latencies) // 2]),
           query_p99_ms=round(1000 * latencies[int(len(latencies) * 0.99)]),
           anonymous_mib=dict(first=rows[0][1] // 1024, half=half[0][1] // 1024, last=rows[-1][1] // 1024,
                              most=max(row[1] for row in rows) // 1024, percent_per_minute=round(100 * anonymous_kib / mean_kib, 4)),
           files=dict(last=rows[-1][2], most=max(row[2] for row in rows), per_minute=round(slope([(row[0], row[2]) for row in half]), 3)),
           threads=dict(last=rows[-1][3], most=max(row[3] for row in rows), per_minute=round(slope([(row[0], row[3]) for row in half]), 3)))
    with open("soak-rows.txt", "w") as f:
        f.writelines("%.3f %d %d %d\n" % row for row in rows)
finally:
    if server.alive():
        server.kill()
    shutil.rmtree(work, ignore_errors=True)
