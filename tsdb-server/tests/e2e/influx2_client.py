"""Writes with the client of InfluxDB 2; the arguments are the server's URL and a database."""

import sys

from influxdb_client import InfluxDBClient, Point, WritePrecision
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

url, bucket = sys.argv[1:]
T_NS = 1_700_000_000_000_000_123
for compressed in (False, True):
    with InfluxDBClient(url, token="any", org="any", enable_gzip=compressed) as client:
        assert client.ping() and client.health().status == "pass"
        write = client.write_api(write_options=SYNCHRONOUS)
        point = Point("m").tag("host", f"a b={compressed}").field("f", 1.5).field("i", 3).field("b", True)
        write.write(bucket, record=point.field("s", 'x "y" \\').time(T_NS, WritePrecision.NS))
        write.write(bucket + "/autogen", record="m,host=line f=2 1700000000", write_precision="s")
        try:
            write.write(bucket, record="m,host= f=2 17")
            sys.exit("a bad line was accepted")
        except ApiException as refused:
            assert refused.status == 400 and "missing tag value" in refused.message, refused
        with client.write_api() as batches:
            for second in range(2_500):
                batches.write(bucket, record=Point("batch").field("n", second).time(1_700_000_000 + second, "s"))
