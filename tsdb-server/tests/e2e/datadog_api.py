"""Sends metrics with Datadog's API client in both versions; the argument is its host, a URL with a prefix."""

import sys
import time

from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ApiException
from datadog_api_client.v1.api.authentication_api import AuthenticationApi
from datadog_api_client.v1.api.metrics_api import MetricsApi as MetricsApiV1
from datadog_api_client.v2.api.metrics_api import MetricsApi as MetricsApiV2

configuration = Configuration(host=sys.argv[1], api_key={"apiKeyAuth": "any"})
now = int(time.time())
with ApiClient(configuration) as client:
    assert AuthenticationApi(client).validate().valid
    first, second = MetricsApiV1(client), MetricsApiV2(client)

    def series(metric, point, host):
        return {"series": [{"metric": metric, "points": [point], "tags": ["env:prod"], **host}]}

    for name, encoding in [("plain", {}), ("deflate", {"content_encoding": "deflate"})]:
        body = series(f"v1.{name}", [now, 2.5], {"host": "h1"})
        answer = first.submit_metrics(body=body, **encoding)
        assert answer.status == "ok", answer
    for name in ["plain", "deflate", "gzip", "zstd1"]:
        point = {"timestamp": now, "value": 2.5}
        body = series(f"v2.{name}", point, {"resources": [{"type": "host", "name": "h1"}]})
        encoding = {} if name == "plain" else {"content_encoding": name}
        answer = second.submit_metrics(body=body, **encoding)
        assert not answer.errors, answer
    try:
        first.submit_distribution_points(body=series("distribution", [now, [1.0, 2.0]], {}))
        sys.exit("a distribution was accepted")
    except ApiException as refused:
        assert refused.status == 400 and "distributions are not supported" in refused.body["errors"][0], refused
