//! Import over HTTP: text, OpenMetrics and JSON lines.

use std::io::Write as _;

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use http_body_util::channel::Channel;
use serde_json::json;

use crate::support::{Answer, Server};

async fn post(
    server: &Server,
    target: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Answer {
    let mut request = Request::post(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(body.into()).unwrap()).await
}

/// The matrix of all that a selector has, as metric and values.
async fn stored(server: &Server, selector: &str) -> serde_json::Value {
    let target = format!("/api/v1/query?query={selector}[1h]&time=1700000600");
    server.get(&target).await.json()["data"]["result"].take()
}

const TEXT: &str = "\
# HELP http_requests_total What was \\n answered.\n\
# TYPE http_requests_total counter\n\
http_requests_total{code=\"200\",job=\"own\"} 1027 1700000000000\n\
http_requests_total{code=\"400\"} NaN\n";

#[tokio::test]
async fn prometheus_text_is_stored_with_times_labels_and_metadata() {
    let server = Server::new(&[]);
    let target = "/api/v1/import/prometheus?timestamp=1700000001000&extra_label=job=pushed&extra_label=dc=a=b";
    // As `curl -d` sends it.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = post(&server, target, &form, TEXT).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(
        stored(&server, "http_requests_total").await,
        json!([
            {
                "metric": {"__name__": "http_requests_total", "code": "200", "job": "pushed", "dc": "a=b"},
                "values": [[1_700_000_000, "1027"]],
            },
            {
                "metric": {"__name__": "http_requests_total", "code": "400", "job": "pushed", "dc": "a=b"},
                "values": [[1_700_000_001, "NaN"]],
            },
        ])
    );
    let metadata = server.get("/api/v1/metadata").await.json();
    assert_eq!(
        metadata["data"],
        json!({"http_requests_total": [{"type": "counter", "help": "What was \n answered.", "unit": ""}]})
    );
    // Again: nothing new, nothing refused.
    assert_eq!(
        post(&server, target, &[], TEXT).await.status,
        StatusCode::NO_CONTENT
    );
}

const OPEN_METRICS: (&str, &str) = (
    "content-type",
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
);

#[tokio::test]
async fn openmetrics_is_known_by_its_type_and_wrong_lines_are_told() {
    let server = Server::new(&[]);
    let page = "# TYPE t_seconds gauge\n# UNIT t_seconds seconds\nt_seconds 1 1700000000.5\nt_seconds{a=b} 2 1700000000\nt_seconds 3 1700000002\n# EOF\n";
    let target = "/api/v1/import/prometheus";
    let answer = post(&server, target, &[OPEN_METRICS], page).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answer.text(),
        "line 4, column 13: expected a label value in quotes, ending on this line; refused: 1 lines; accepted: 2 samples\n"
    );
    assert_eq!(
        stored(&server, "t_seconds").await[0]["values"],
        json!([[1_700_000_000.5, "1"], [1_700_000_002, "3"]])
    );
    let metadata = server.get("/api/v1/metadata").await.json();
    assert_eq!(metadata["data"]["t_seconds"][0]["unit"], "seconds");

    // A page that was cut off.
    let answer = post(&server, target, &[OPEN_METRICS], "cut 1 1700000000\n").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer
            .text()
            .starts_with("line 1, column 1: the page does not end with # EOF")
    );
    assert_eq!(
        stored(&server, "cut").await[0]["values"],
        json!([[1_700_000_000, "1"]])
    );

    // Every rule, if asked for.
    let page = "# TYPE c_total counter\nc_total 1 1700000000\n# EOF\n";
    let answer = post(&server, target, &[OPEN_METRICS], page).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let answer = post(
        &server,
        "/api/v1/import/prometheus?strict=1",
        &[OPEN_METRICS],
        page,
    )
    .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer
            .text()
            .contains("c_total is already that of another family"),
        "{}",
        answer.text()
    );
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn bodies_may_be_compressed() {
    let server = Server::new(&[]);
    let target = "/api/v1/import/prometheus";
    let line = |name: &str| format!("{name} 1 1700000000000\n").into_bytes();
    let encoded = [
        ("gzip", gzip(&line("gzip"))),
        ("deflate", deflate(&line("deflate"))),
        (
            "zstd",
            zstd::encode_all(line("zstd").as_slice(), 1).unwrap(),
        ),
        ("identity", line("identity")),
    ];
    for (name, body) in encoded {
        let answer = post(&server, target, &[("content-encoding", name)], body).await;
        assert_eq!(
            answer.status,
            StatusCode::NO_CONTENT,
            "{name}: {}",
            answer.text()
        );
        assert_eq!(
            stored(&server, name).await.as_array().unwrap().len(),
            1,
            "{name}"
        );
        if name != "identity" {
            let answer = post(
                &server,
                target,
                &[("content-encoding", name)],
                "not compressed",
            )
            .await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name}");
            assert!(
                answer.text().starts_with("cannot read the body"),
                "{}",
                answer.text()
            );
        }
    }
    let answer = post(&server, target, &[("content-encoding", "br")], "x").await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn parameters_that_are_wrong_are_named() {
    let server = Server::new(&[]);
    for (target, said) in [
        (
            "/api/v1/import/prometheus?timestamp=now",
            "invalid parameter \"timestamp\": \"now\"",
        ),
        (
            "/api/v1/import/prometheus?extra_label=x",
            "invalid parameter \"extra_label\": \"x\"",
        ),
        (
            "/api/v1/import?extra_label==x",
            "invalid parameter \"extra_label\": \"=x\"",
        ),
        ("/api/v1/export", "no match[] parameter provided"),
        (
            "/api/v1/export?match[]=%7B",
            "invalid parameter \\\"match[]\\\"",
        ),
        (
            "/api/v1/export?match[]=up&start=x",
            "invalid parameter \\\"start\\\"",
        ),
        (
            "/api/v1/export?match[]=up&max_rows_per_line=x",
            "invalid parameter \\\"max_rows_per_line\\\"",
        ),
        (
            "/api/v1/export?match[]=up&format=prometheus",
            "invalid parameter \\\"format\\\"",
        ),
        (
            "/api/v1/export/csv?match[]=up",
            "invalid parameter \\\"format\\\"",
        ),
    ] {
        let answer = post(&server, target, &[], "").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{target}");
        assert!(answer.text().contains(said), "{target}: {}", answer.text());
    }
    let answer = server.get("/federate?match[]=%7B").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
}

/// Values of which every bit has to come back, and their forms in JSON.
const SPECIAL: &str = "[0,-0,0.1,1e-07,5e-324,1.7976931348623157e+308,123456789012345680000,-1e+21,0.30000000000000004,\
    \"Infinity\",\"-Infinity\",null]";

#[tokio::test]
async fn json_lines_come_back_as_they_were_written() {
    let server = Server::new(&[]);
    let times: Vec<i64> = (0..12).map(|i| 1_700_000_000_000 + i * 1_001).collect();
    let times = serde_json::to_string(&times).unwrap();
    let line = |name: &str| {
        format!(
            "{{\"metric\":{{\"__name__\":\"{name}\",\"a\":\"<\\\"\\\\\\né>\"}},\"values\":{SPECIAL},\"timestamps\":{times}}}\n"
        )
    };
    let body = format!("{}\n{}", line("m1"), line("m2"));
    let answer = post(&server, "/api/v1/import", &[], body).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::NO_CONTENT, ""));
    let exported = server
        .get("/api/v1/export?match[]=m1&match[]=%7B__name__=~%22m.%22%7D&reduce_mem_usage=1")
        .await;
    assert_eq!(
        exported.header("content-type"),
        "application/stream+json; charset=utf-8"
    );
    assert_eq!(exported.text(), format!("{}{}", line("m1"), line("m2")));

    let rows = server
        .get("/api/v1/export?match[]=m1&max_rows_per_line=5")
        .await;
    assert_eq!(rows.text().lines().count(), 3);
    let some = server
        .get("/api/v1/export?match[]=m1&start=1700000001&end=1700000002")
        .await;
    assert!(
        some.text()
            .ends_with("\"values\":[-0],\"timestamps\":[1700000001001]}\n"),
        "{}",
        some.text()
    );
    let none = server.get("/api/v1/export?match[]=m1&end=1600000000").await;
    assert_eq!((none.status, none.text()), (StatusCode::OK, ""));

    let csv = server
        .get("/api/v1/export/csv?format=__name__,a,__value__,__timestamp__&match[]=m2&end=1700000002")
        .await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(
        csv.text(),
        "m2,\"<\"\"\\\né>\",0,1700000000000\nm2,\"<\"\"\\\né>\",-0,1700000001001\n"
    );
}

#[tokio::test]
async fn wrong_json_lines_are_told_and_the_others_kept() {
    let server = Server::new(&[]);
    let good = |name: &str| {
        format!(
            "{{\"metric\":{{\"__name__\":\"{name}\"}},\"values\":[1],\"timestamps\":[1700000000000],\"more\":{{}}}}\n"
        )
    };
    let bad = [
        "{\"metric\":{\"__name__\":\"b\"},\"values\":[1,2],\"timestamps\":[1700000000000]}\n",
        "{\"metric\":{\"__name__\":\"b\"},\"values\":[true],\"timestamps\":[1700000000000]}\n",
        "{\"metric\":{\"__name__\":\"b\",\"__name__\":\"c\"},\"values\":[1],\"timestamps\":[1700000000000]}\n",
        "{\"metric\":{\"x\":\"y\"},\"values\":[1],\"timestamps\":[1700000000000]}\n",
        "{\"metric\":{\"__name__\":\"b\"},\"values\":[1]}\n",
        "no json\n",
    ]
    .concat();
    let body = format!("{}{bad}{}", good("first"), good("last"));
    let answer = post(&server, "/api/v1/import", &[], body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answer.text(),
        "line 2: values has 2 entries, timestamps has 1; refused: 4 lines, 2 series with invalid labels; accepted: 2 samples\n"
    );
    assert_eq!(
        stored(&server, "last").await[0]["values"],
        json!([[1_700_000_000, "1"]])
    );

    // Another value at the same time.
    let other = good("last").replace("[1]", "[2]");
    let answer = post(&server, "/api/v1/import", &[], other).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer
            .text()
            .starts_with("duplicate sample for timestamp: series {__name__=\"last\"}")
    );
}

#[tokio::test]
async fn a_line_has_a_limit_and_a_body_has_none() {
    let server = Server::new(&[
        "--web.max-decoded-bytes=100000",
        "--web.max-body-bytes=1000",
    ]);
    let long = format!("{}\n", " ".repeat(100_001));
    let line = "{\"metric\":{\"__name__\":\"m\"},\"values\":[1],\"timestamps\":[1700000000000]}\n";
    let body = [long.as_str(), &line.repeat(3_000)].concat();
    let answer = post(&server, "/api/v1/import", &[], body).await;
    assert_eq!(
        answer.text(),
        "line 1: longer than 100000 bytes; refused: 1 lines; accepted: 3000 samples\n"
    );
    let long = format!("a{{b=\"{}\"}} 1\nc 1 1700000000000\n", "x".repeat(1 << 20));
    let answer = post(&server, "/api/v1/import/prometheus", &[], long).await;
    assert!(
        answer.text().contains(
            "the line is longer than 1048576 bytes; refused: 1 lines; accepted: 1 samples"
        )
    );
}

#[tokio::test]
async fn a_client_that_goes_away_is_not_taken_for_done() {
    let server = Server::new(&[]);
    let (mut sender, body) = Channel::<Bytes, std::io::Error>::new(4);
    sender
        .send_data("whole 1 1700000000000\ncut 12".into())
        .await
        .unwrap();
    sender.abort(std::io::Error::other("gone"));
    let answer = post(&server, "/api/v1/import/prometheus", &[], Body::new(body)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer.text().starts_with("cannot read the body: "),
        "{}",
        answer.text()
    );
    assert!(
        answer.text().ends_with("accepted: 1 samples\n"),
        "{}",
        answer.text()
    );
    assert_eq!(stored(&server, "cut").await, json!([]));
}

#[tokio::test]
async fn what_brings_no_samples_ends_an_import() {
    let server = Server::new(&["--web.max-decoded-bytes=100000"]);
    let target = "/api/v1/import/prometheus";
    let gzip = [("content-encoding", "gzip")];
    let compressed = |text: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let empty = b"\n".repeat(3_000_000);
    let comments = b"# a comment\n".repeat(300_000);
    let wrong = b"}{ nonsense\n".repeat(300_000);
    for text in [&empty, &comments, &wrong] {
        for target in [target, "/api/v1/import"] {
            let answer = post(&server, target, &gzip, compressed(text)).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
            let reason = "bytes without a sample (twice --web.max-decoded-bytes)";
            assert!(answer.text().contains(reason), "{}", answer.text());
        }
    }
    // Members of nothing come to nothing however many they are.
    let members = compressed(b"").repeat(150_000);
    let answer = post(&server, target, &gzip, members).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());

    // As long, with a sample now and then.
    let mut text = Vec::new();
    for i in 0..30 {
        text.extend_from_slice(&empty[..100_000]);
        text.extend_from_slice(format!("m{{i=\"{i}\"}} 1 1700000000000\n").as_bytes());
    }
    let answer = post(&server, target, &gzip, compressed(&text)).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    let count = server
        .get("/api/v1/query?query=count(m)&time=1700000000")
        .await
        .json();
    assert_eq!(count["data"]["result"][0]["value"][1], "30");
}
