"""The Python client of InfluxDB against the server whose host and port are given."""

import sys

from influxdb import InfluxDBClient

client = InfluxDBClient(sys.argv[1], int(sys.argv[2]), database="py")
assert client.ping() == "1.6.7"
client.create_database("py")
assert {"name": "py"} in client.get_list_database()
client.create_retention_policy("week", "9000d", 1, "py")
assert [p["name"] for p in client.get_list_retention_policies("py")] == ["autogen", "week"]
client.write_points(
    [
        {"measurement": "cpu load", "tags": {"host": "a b"}, "time": t, "fields": {"v": t / 2, "i": t, "s": 'q"u', "b": True}}
        for t in range(1700000000, 1700000010)
    ],
    time_precision="s",
)
points = list(client.query('SELECT * FROM "cpu load" LIMIT 1').get_points())
expected = {"time": "2023-11-14T22:13:20Z", "b": True, "host": "a b", "i": 1700000000, "s": 'q"u', "v": 850000000}
assert points == [expected], points
points = list(client.query("SELECT count(v) FROM /.*/ WHERE host = $h", bind_params={"h": "a b"}).get_points())
assert points[0]["count"] == 10, points
chunks = client.query('SELECT v FROM "cpu load"', chunked=True, chunk_size=3)
assert sum(len(list(chunk.get_points())) for chunk in chunks) == 10
assert client.get_list_measurements() == [{"name": "cpu load"}]
client.create_user("u", "p")
assert client.get_list_users() == [{"user": "u", "admin": False}]
