"""Sends metrics of every kind with the SDK and the HTTP exporter of OpenTelemetry, once; the argument is the endpoint."""

import sys

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource


class Checked(OTLPMetricExporter):
    """Remembers whether the server took everything."""

    results = []

    def export(self, *args, **kwargs):
        result = super().export(*args, **kwargs)
        self.results.append(result)
        return result


exporter = Checked(endpoint=sys.argv[1] + "/v1/metrics", compression=Compression.Gzip)
reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
provider = MeterProvider(
    metric_readers=[reader],
    resource=Resource.create({"service.name": "shop", "service.instance.id": "i-1", "host.name": "h1"}),
    views=[View(instrument_name="payload.size", aggregation=ExponentialBucketHistogramAggregation())],
)
meter = provider.get_meter("test", "1.0")
requests = meter.create_counter("http.requests", unit="{request}", description="Requests.")
requests.add(40, {"http.method": "GET"})
requests.add(2, {"http.method": "GET"})
meter.create_up_down_counter("queue.length").add(-3)
meter.create_observable_gauge("temperature", callbacks=[lambda _: [Observation(21.5)]], unit="Cel")
latency = meter.create_histogram("latency", unit="s")
size = meter.create_histogram("payload.size", unit="By")
for value in (1, 3, 30, 3000):
    latency.record(value)
    size.record(value)
provider.force_flush()
provider.shutdown()
if not exporter.results or any(result != MetricExportResult.SUCCESS for result in exporter.results):
    sys.exit(f"not exported: {exporter.results}")
