"""Sends metrics with Datadog's client library; the argument is its host, a URL with a prefix."""

import sys
import time

from datadog import api, initialize

initialize(api_key="any", api_host=sys.argv[1], host_name="h1", mute=False)
now = int(time.time())
for compress in ("", "deflate"):
    metric = "client.plain" if not compress else "client.deflated"
    answer = api.Metric.send(
        metric=metric, points=[(now - 10, 1.5), (now, 2.5)], tags=["env:prod"], type="gauge", compress_payload=bool(compress)
    )
    if answer.get("status") != "ok":
        sys.exit(f"not accepted: {answer}")
