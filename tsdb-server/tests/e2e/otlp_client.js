// Exports metrics of every kind with the OpenTelemetry SDK of npm, in JSON and in protobuf; the argument is the endpoint.
const { AggregationType, MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const json = require('@opentelemetry/exporter-metrics-otlp-http');
const protobuf = require('@opentelemetry/exporter-metrics-otlp-proto');

async function send(name, { OTLPMetricExporter }, compression) {
  const exporter = new OTLPMetricExporter({ url: process.argv[2], compression });
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.name': name, 'service.instance.id': 'i-1', 'host.name': 'h1' }),
    readers: [new PeriodicExportingMetricReader({ exporter })],
    views: [{ instrumentName: 'payload.size', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
  });
  const meter = provider.getMeter('test');
  meter.createCounter('http.requests', { description: 'Requests.' }).add(42, { 'http.method': 'GET' });
  meter.createUpDownCounter('queue.length').add(-3);
  meter.createObservableGauge('temperature', { unit: 'Cel' }).addCallback(result => result.observe(21.5));
  const latency = meter.createHistogram('latency', { unit: 's', advice: { explicitBucketBoundaries: [1, 5, 10] } });
  const size = meter.createHistogram('payload.size', { unit: 'By' });
  for (const value of [1, 3, 30, 3000]) {
    latency.record(value);
    size.record(value);
  }
  await provider.forceFlush();
  await provider.shutdown();
}

const fail = error => { console.error(error); process.exit(1); };
process.on('unhandledRejection', fail);
send('json', json, 'none').then(() => send('protobuf', protobuf, 'gzip')).catch(fail);
