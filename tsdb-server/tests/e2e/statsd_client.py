"""Sends one metric of each type with the StatsD clients of PyPI; the argument is the port."""

import sys
import time

import statsd
from datadog import initialize
from datadog import statsd as dogstatsd

port = int(sys.argv[1])
plain = statsd.StatsClient("127.0.0.1", port, prefix="plain")
plain.incr("count")
plain.incr("count", 4)
plain.decr("count")
plain.gauge("gauge", 5)
plain.gauge("gauge", -2, delta=True)
plain.timing("time", 320)
with plain.pipeline() as lines:
    lines.incr("piped")

initialize(statsd_host="127.0.0.1", statsd_port=port, statsd_constant_tags=["env:prod"])
dogstatsd.increment("dog.count", tags=["shop:a"])
dogstatsd.gauge("dog.gauge", 3.5)
dogstatsd.gauge_with_timestamp("dog.then", 4, int(time.time()))
dogstatsd.histogram("dog.histogram", 2)
dogstatsd.distribution("dog.distribution", 2)
dogstatsd.timing("dog.time", 320)
dogstatsd.flush()
