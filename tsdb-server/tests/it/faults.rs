//! Bad input on every path that takes some: the client's fault is never ours, and each protocol tells it in its own form, naming
//! the line or the field.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::Value;

use crate::common::compress;
use crate::common::wire::{encode, owned};
use crate::support::{Answer, Server};

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const SNAPPY: (&str, &str) = ("content-encoding", "snappy");
const GZIP: (&str, &str) = ("content-encoding", "gzip");
const VERSION_2: (&str, &str) = (
    "content-type",
    "application/x-protobuf;proto=io.prometheus.write.v2.Request",
);

/// Where an answer tells what is wrong.
#[derive(Clone, Copy, Debug)]
enum Told {
    /// Plain text.
    Text,
    /// JSON, at this pointer.
    Json(&'static str),
    /// A field of a protobuf message, which is text among other bytes.
    Protobuf,
}

use Told::{Json, Protobuf, Text};

const PROMETHEUS: Told = Json("/error");
const INFLUX_1: Told = Json("/error");
const INFLUX_2: Told = Json("/message");
const DATADOG: Told = Json("/errors/0");
const OTLP: Told = Json("/message");

async fn post(server: &Server, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let request = headers
        .iter()
        .fold(Request::post(target), |request, (k, v)| {
            request.header(*k, *v)
        });
    server
        .send(request.body(Body::from(body.to_vec())).unwrap())
        .await
}

fn told(answer: &Answer, form: Told) -> String {
    match form {
        Text | Protobuf => String::from_utf8_lossy(&answer.body).into_owned(),
        Json(pointer) => {
            let body = answer.json();
            let found = body.pointer(pointer).and_then(Value::as_str);
            found.unwrap_or_else(|| panic!("{answer:?}")).to_owned()
        }
    }
}

/// A request: path, headers, body; then status, where it is told, and what.
type Case<'a> = (
    &'a str,
    &'a [(&'a str, &'a str)],
    Vec<u8>,
    u16,
    Told,
    &'a [&'a str],
);

#[tokio::test]
async fn every_protocol_names_what_is_wrong() {
    let server = Server::new(&[]);
    let made = post(&server, "/query", &[FORM], b"q=CREATE+DATABASE+d").await;
    assert_eq!(made.status, StatusCode::OK);
    let twice = (
        owned(&[("__name__", "m"), ("a", "1"), ("a", "2")]),
        vec![(1, 1.0)],
    );
    let twice = compress(&encode(&[twice], &[]));
    let bytes = |text: &str| text.as_bytes().to_vec();
    let lines = "m v=1 1\nm v= 2\nm v=3 3";
    let series =
        r#"{"series":[{"metric":"m","points":[[1,1]]},{"metric":"n","points":[[1,"x"]]}]}"#;
    let cases: Vec<Case<'_>> = vec![
        // Remote write answers in plain text, as Prometheus's receiver does.
        (
            "/api/v1/write",
            &[PROTOBUF, SNAPPY],
            bytes("no snappy"),
            400,
            Text,
            &["snappy"],
        ),
        (
            "/api/v1/write",
            &[PROTOBUF, SNAPPY],
            compress(b"\x0a\xff"),
            400,
            Text,
            &["protobuf"],
        ),
        (
            "/api/v1/write",
            &[PROTOBUF, SNAPPY],
            twice,
            400,
            Text,
            &["label", "twice", "a="],
        ),
        (
            "/api/v1/write",
            &[VERSION_2, SNAPPY],
            compress(b"\x2a\xff"),
            400,
            Text,
            &["protobuf"],
        ),
        (
            "/api/v1/write",
            &[JSON, SNAPPY],
            bytes("{}"),
            415,
            Text,
            &["application/json"],
        ),
        // OpenTelemetry: a Status in the encoding of the request.
        (
            "/v1/metrics",
            &[JSON],
            bytes("{\"resourceMetrics\": 7}"),
            400,
            OTLP,
            &["line 1 column 21"],
        ),
        ("/v1/metrics", &[JSON], bytes("{"), 400, OTLP, &["JSON"]),
        (
            "/v1/metrics",
            &[PROTOBUF],
            bytes("\u{a}x"),
            400,
            Protobuf,
            &["protobuf"],
        ),
        (
            "/v1/metrics",
            &[("content-type", "text/plain")],
            bytes(""),
            415,
            Text,
            &["text/plain"],
        ),
        (
            "/v1/metrics",
            &[JSON, GZIP],
            bytes("no gzip"),
            400,
            OTLP,
            &["read the body"],
        ),
        (
            "/v1/metrics",
            &[JSON, ("content-encoding", "br")],
            bytes("{}"),
            415,
            OTLP,
            &["br"],
        ),
        // InfluxDB 1.x and 2.x.
        (
            "/write?db=d",
            &[],
            bytes(lines),
            400,
            INFLUX_1,
            &[
                "partial write",
                "unable to parse 'm v= 2'",
                "missing field value",
            ],
        ),
        (
            "/write?db=d",
            &[],
            bytes("m v=\"x\" 9"),
            400,
            INFLUX_1,
            &["field type conflict", "\"v\"", "\"m\""],
        ),
        (
            "/write",
            &[],
            bytes(lines),
            400,
            INFLUX_1,
            &["database is required"],
        ),
        (
            "/write?db=no",
            &[],
            bytes(lines),
            404,
            INFLUX_1,
            &["database not found", "no"],
        ),
        (
            "/write?db=d",
            &[GZIP],
            bytes("no gzip"),
            400,
            INFLUX_1,
            &["read the body"],
        ),
        (
            "/write?db=d",
            &[("content-encoding", "br")],
            bytes(lines),
            415,
            INFLUX_1,
            &["br"],
        ),
        (
            "/api/v2/write?bucket=d",
            &[],
            bytes(lines),
            400,
            INFLUX_2,
            &["unable to parse 'm v= 2'"],
        ),
        (
            "/api/v2/write?bucket=no",
            &[],
            bytes(lines),
            404,
            INFLUX_2,
            &["database not found"],
        ),
        (
            "/api/v2/write",
            &[],
            bytes(lines),
            400,
            INFLUX_2,
            &["bucket is required"],
        ),
        (
            "/api/v2/write?bucket=d",
            &[("content-encoding", "br")],
            bytes(lines),
            415,
            INFLUX_2,
            &["br"],
        ),
        (
            "/query?db=d",
            &[FORM],
            bytes("q=SELECT"),
            400,
            INFLUX_1,
            &["error parsing query", "line 1, char 8"],
        ),
        ("/query?db=d", &[FORM], bytes(""), 400, INFLUX_1, &["\"q\""]),
        (
            "/query?db=d&q=SHOW+USERS&params=x",
            &[],
            bytes(""),
            400,
            INFLUX_1,
            &["parameters"],
        ),
        // Datadog.
        (
            "/datadog/api/v1/series",
            &[JSON],
            bytes(series),
            400,
            DATADOG,
            &["series 1"],
        ),
        (
            "/datadog/api/v1/series",
            &[JSON],
            bytes("[]"),
            400,
            DATADOG,
            &["JSON"],
        ),
        (
            "/datadog/api/v2/series",
            &[PROTOBUF],
            bytes("\u{a}x"),
            400,
            DATADOG,
            &["protobuf"],
        ),
        (
            "/datadog/api/v2/series",
            &[JSON],
            bytes(r#"{"series":[{"metric":""}]}"#),
            400,
            DATADOG,
            &["no metric name"],
        ),
        (
            "/datadog/api/v2/series",
            &[JSON, ("content-encoding", "br")],
            bytes("{}"),
            415,
            DATADOG,
            &["br"],
        ),
        (
            "/datadog/api/beta/sketches",
            &[PROTOBUF],
            bytes(""),
            400,
            DATADOG,
            &["sketches"],
        ),
        // Imports.
        (
            "/api/v1/import/prometheus",
            &[],
            bytes("a 1\nb{ 2\nc 3"),
            400,
            Text,
            &["line 2", "accepted: 2"],
        ),
        (
            "/api/v1/import/prometheus?strict=1",
            &[],
            bytes("a 1\nb{ 2\nc 3"),
            400,
            Text,
            &["line 2"],
        ),
        (
            "/api/v1/import",
            &[],
            bytes("{\"metric\":{\"__name__\":\"a\"},\"values\":[1],\"timestamps\":[]}"),
            400,
            Text,
            &["line 1", "values has 1"],
        ),
        (
            "/api/v1/import",
            &[],
            bytes("\n{\"metric\":{}}"),
            400,
            Text,
            &["line 2"],
        ),
        (
            "/api/v1/import",
            &[GZIP],
            bytes("no gzip"),
            400,
            Text,
            &["read the body"],
        ),
        // Reading.
        (
            "/api/v1/read",
            &[PROTOBUF, SNAPPY],
            bytes("no snappy"),
            400,
            Text,
            &["snappy"],
        ),
        (
            "/api/v1/query",
            &[FORM],
            bytes("query=up{"),
            400,
            PROMETHEUS,
            &["1:"],
        ),
        (
            "/api/v1/query",
            &[FORM],
            bytes("query=up&time=x"),
            400,
            PROMETHEUS,
            &["\"time\""],
        ),
        (
            "/api/v1/series",
            &[FORM],
            bytes("start=1"),
            400,
            PROMETHEUS,
            &["match[]"],
        ),
        (
            "/api/v1/export",
            &[FORM],
            bytes("match[]={"),
            400,
            PROMETHEUS,
            &["match[]"],
        ),
        (
            "/api/v1/export/csv",
            &[FORM],
            bytes("match[]=a"),
            400,
            PROMETHEUS,
            &["format"],
        ),
    ];
    let mut faults = String::new();
    for (target, headers, body, status, form, fragments) in cases {
        let answer = post(&server, target, headers, &body).await;
        let text = match answer.status.as_u16() == status {
            true => told(&answer, form),
            false => String::new(),
        };
        if !fragments.iter().all(|fragment| text.contains(fragment)) || text.is_empty() {
            let shown = String::from_utf8_lossy(&answer.body);
            faults += &format!("{target} {headers:?}: {} {shown}\n", answer.status);
        }
    }
    assert!(faults.is_empty(), "{faults}");
    // What was good of those that keep it.
    let target = "/query?db=d&epoch=ns&q=SELECT+v+FROM+m";
    let values = server.get(target).await.json()["results"][0]["series"][0]["values"].clone();
    assert_eq!(values, serde_json::json!([[1, 1], [3, 3]]));
    for (name, found) in [("a", 1), ("b", 0), ("c", 1)] {
        let target = format!("/api/v1/series?match[]={name}");
        let data = server.get(&target).await.json()["data"].clone();
        assert_eq!(data.as_array().map(Vec::len), Some(found), "{name}");
    }
}

/// Every path with bodies that are none, under all encodings and types.
#[tokio::test]
async fn nothing_that_a_client_sends_is_our_fault() {
    let server = Server::new(&["--influx.create-databases"]);
    let paths = [
        "/api/v1/write",
        "/api/v1/prom/write",
        "/prometheus/remote/write",
        "/api/v1/push",
        "/api/v1/otlp/v1/metrics",
        "/v1/metrics",
        "/write?db=d",
        "/write?db=d&precision=fortnight",
        "/write",
        "/api/v2/write?bucket=b/p&precision=us",
        "/api/v2/write?bucket=",
        "/query?db=d",
        "/datadog/api/v1/series",
        "/datadog/api/v2/series",
        "/datadog/api/beta/sketches",
        "/datadog/api/v1/check_run",
        "/datadog/api/v1/metadata",
        "/datadog/intake/",
        "/api/v1/import/prometheus",
        "/api/v1/import",
        "/api/v1/read",
        "/api/v1/prom/read",
        "/api/v1/query",
        "/api/v1/query_range",
        "/api/v1/series",
        "/api/v1/labels",
        "/api/v1/query_exemplars",
        "/api/v1/format_query",
        "/api/v1/export",
        "/api/v1/export/csv",
    ];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &[b'('; 100_000]).unwrap();
    let mut gzip = gzip.finish().unwrap();
    gzip.truncate(gzip.len() - 9);
    let deep = "[".repeat(100_000);
    let nested = format!("{{\"resourceMetrics\":{deep}");
    let bodies: [&[u8]; 14] = [
        b"",
        b"\0",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe\xfd",
        b"m,t=\xff v=1 99999999999999999999",
        b"m v=1e999,w=9223372036854775808i 1",
        b"q=%ff&query=%ff&match[]=%ff&start=1e400&time=NaN",
        b"q=SELECT+1/0+FROM+m+WHERE+time%3C1e99s+GROUP+BY+time(0s)&query=a[9y]&step=-1",
        b"\x0a\xff\xff\xff\xff\x0f\x12\x01",
        deep.as_bytes(),
        nested.as_bytes(),
        &gzip,
    ];
    let types = [
        "",
        "application/json",
        "application/x-protobuf",
        FORM.1,
        VERSION_2.1,
    ];
    for path in paths {
        for body in bodies {
            let packed = compress(body);
            for (encoding, body) in [
                ("", body),
                ("gzip", body),
                ("deflate", body),
                ("zstd", body),
                ("snappy", body),
                ("snappy", &packed),
            ] {
                for content_type in types {
                    let headers = [
                        ("content-encoding", encoding),
                        ("content-type", content_type),
                    ];
                    let answer = post(&server, path, &headers, body).await;
                    // An unknown retention policy of InfluxDB is the one that clients know as 500.
                    let is_policy = String::from_utf8_lossy(&answer.body)
                        .contains("retention policy not found");
                    assert!(
                        answer.status.as_u16() < 500 || is_policy,
                        "{path} {headers:?} {:?}: {answer:?}",
                        body.get(..100).unwrap_or(body)
                    );
                }
            }
        }
    }
}
