"""PyPI's prometheus-api-client against a server with known samples; its URL is the argument."""

import sys
from datetime import datetime, timezone

from prometheus_api_client import PrometheusConnect


def time(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc)


def check(found, expected):
    assert found == expected, f"{found} is not {expected}"


p = PrometheusConnect(url=sys.argv[1])
assert p.check_prometheus_connection()
check(p.all_metrics(), ["load"])
check(p.get_label_names(), ["__name__", "host"])
check(p.get_label_values("host"), ["a", "b"])
at = {"time": "1700000000"}
check(p.custom_query("sum(load)", params=at), [{"metric": {}, "value": [1700000000, "3"]}])
rows = p.custom_query_range("load", time(1699999940), time(1700000000), "15")
check([len(row["values"]) for row in rows], [5, 5])
raw = p.get_metric_range_data(
    "load", {"host": "a"}, start_time=time(1699999930), end_time=time(1700000000)
)
check([float(value) for _, value in raw[0]["values"]], [1.0] * 5)
