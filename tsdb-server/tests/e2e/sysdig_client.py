"""Asks for metrics with Sysdig's client; the argument is the server's URL."""

import sys

from sdcclient import SdMonitorClient

T = 1_700_000_000
client = SdMonitorClient(token="any", sdc_url=sys.argv[1])


def data(answer):
    ok, body = answer
    assert ok and body["status"] == "success", answer
    return body["data"]


a, b = ({"__name__": "load", "host": host} for host in "ab")
assert data(client.get_data_promql_instant("sum(load)", time=T))["result"] == [{"metric": {}, "value": [T, "3"]}]
rows = data(client.get_data_promql("load", T - 60, T, 15))["result"]
assert [row["metric"] for row in rows] == [a, b] and [len(row["values"]) for row in rows] == [5, 5], rows
assert data(client.get_series("load", T - 60, T)) == [a, b]
assert data(client.get_labels()) == ["__name__", "host"]
assert data(client.get_label_values("host", match="load")) == ["a", "b"]
assert data(client.get_metadata()) == {}
