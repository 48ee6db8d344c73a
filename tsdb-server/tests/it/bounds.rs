//! Every bound of a request: what is beyond it is refused with the status of whose fault it is, and the refusal names it.

use std::io::Write as _;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::common::compress;
use crate::common::wire::{Message, Series, encode, owned};
use crate::support::{Answer, Server};

const T_MS: i64 = 1_700_000_000_000;

fn series(metric: &str, n: usize, samples: usize) -> Vec<Series> {
    let series = (0..n).map(|i| {
        let labels = owned(&[("__name__", metric), ("i", &i.to_string())]);
        let samples = (0..samples).map(|k| (T_MS + k as i64, 1.0));
        (labels, samples.collect())
    });
    series.collect()
}

async fn post(server: &Server, target: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let mut request = Request::post(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Body::from(body)).unwrap()).await
}

/// One field, again and again.
fn repeated(number: u32, message: &[u8], n: usize) -> Message {
    (0..n).fold(Message::default(), |all, _| all.bytes(number, message))
}

fn refused(answer: &Answer, status: StatusCode, bound: &str) {
    let said = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, status, "{bound}: {said}");
    assert!(said.contains(bound), "{bound} is not named: {said}");
}

fn too_large(answer: &Answer, bound: &str) {
    refused(answer, StatusCode::PAYLOAD_TOO_LARGE, bound);
}

#[tokio::test]
async fn objects_of_remote_write_are_bounded() {
    let server = Server::configured(
        "limits:\n  request: {series: 3, samples: 4, exemplars: 1, histogram_bytes: 500, metadata: 1, symbols: 5}\n",
    );
    let fits = server.write(&series("up", 3, 1)).await;
    assert_eq!(fits.status, StatusCode::NO_CONTENT);
    too_large(
        &server.write(&series("up", 4, 1)).await,
        "limits.request.series",
    );
    too_large(
        &server.write(&series("up", 1, 5)).await,
        "limits.request.samples",
    );

    let empty = |number| repeated(number, &[], 4).0;
    let write = |message: Vec<u8>| server.write_raw(compress(&message));
    too_large(&write(empty(1)).await, "limits.request.series");
    let in_series = |message: Vec<u8>| write(Message::default().bytes(1, &message).0);
    too_large(
        &in_series(repeated(2, &[], 5).0).await,
        "limits.request.samples",
    );
    too_large(&in_series(empty(3)).await, "limits.request.exemplars");
    too_large(&in_series(empty(4)).await, "limits.request.histogram_bytes");

    let metadata = |metric: &str| (1, metric.to_owned(), String::new());
    let two = encode(&[], &[metadata("a"), metadata("b")]);
    too_large(&write(two).await, "limits.request.metadata");

    let v2 = |message: Vec<u8>| {
        let headers = [
            (
                "content-type",
                "application/x-protobuf;proto=io.prometheus.write.v2.Request",
            ),
            ("content-encoding", "snappy"),
        ];
        let body = compress(&message);
        let server = &server;
        async move { post(server, "/api/v1/write", &headers, body).await }
    };
    too_large(&v2(repeated(4, &[], 6).0).await, "limits.request.symbols");
    too_large(&v2(empty(5)).await, "limits.request.series");
}

#[tokio::test]
async fn objects_of_other_protocols_are_bounded() {
    let server = Server::configured("limits: {request: {series: 5, samples: 2, metadata: 1}}\n");
    let otlp = |message: Vec<u8>| {
        let headers = [("content-type", "application/x-protobuf")];
        let server = &server;
        async move { post(server, "/v1/metrics", &headers, message).await }
    };
    let inside = |message: Message| Message::default().bytes(1, &message.0).0;
    too_large(&otlp(repeated(1, &[], 6).0).await, "limits.request.series");
    let scopes = inside(repeated(2, &[], 6));
    too_large(&otlp(scopes).await, "limits.request.series");
    let metrics = inside(Message::default().bytes(2, &repeated(2, &[], 6).0));
    too_large(&otlp(metrics).await, "limits.request.series");
    let gauge = repeated(1, &[], 3);
    let metric = Message::default().bytes(1, b"m").bytes(5, &gauge.0);
    let points = inside(Message::default().bytes(2, &Message::default().bytes(2, &metric.0).0));
    too_large(&otlp(points).await, "limits.request.samples");
    let json = br#"{"resourceMetrics":[{},{},{},{},{},{}]}"#.to_vec();
    let headers = [("content-type", "application/json")];
    too_large(
        &post(&server, "/v1/metrics", &headers, json).await,
        "limits.request.series",
    );

    let datadog = br#"{"series":[{"metric":"a","points":[[1,1],[2,1],[3,1]]}]}"#.to_vec();
    let answer = post(&server, "/datadog/api/v1/series", &headers, datadog).await;
    too_large(&answer, "limits.request.samples");
    let datadog = br#"{"series":[{},{},{},{},{},{}]}"#.to_vec();
    let answer = post(&server, "/datadog/api/v1/series", &headers, datadog).await;
    too_large(&answer, "limits.request.series");

    let created = post(&server, "/query?q=CREATE+DATABASE+d", &[], Vec::new()).await;
    assert_eq!(created.status, StatusCode::OK);
    let lines = b"m a=1,b=1,c=1\nm a=1,b=1,c=1\n".to_vec();
    too_large(
        &post(&server, "/write?db=d", &[], lines).await,
        "limits.request.series",
    );
}

#[tokio::test]
async fn labels_are_bounded_and_the_rest_of_a_request_is_kept() {
    let server =
        Server::configured("limits: {labels: {count: 3, name_bytes: 10, value_bytes: 20}}\n");
    let long = "x".repeat(21);
    let cases: [(&[(&str, &str)], &str); 3] = [
        (
            &[("__name__", "up"), ("a", "1"), ("b", "1"), ("c", "1")],
            "labels.count",
        ),
        (
            &[("__name__", "up"), ("longer_than", "1")],
            "labels.name_bytes",
        ),
        (&[("__name__", "up"), ("a", &long)], "labels.value_bytes"),
    ];
    for (labels, bound) in cases {
        let good = (owned(&[("__name__", "good")]), vec![(T_MS, 1.0)]);
        let bad = (owned(labels), vec![(T_MS, 1.0)]);
        let answer = server.write(&[bad, good]).await;
        refused(&answer, StatusCode::BAD_REQUEST, bound);
        assert!(
            answer.text().contains("accepted: 1 samples"),
            "{}",
            answer.text()
        );

        let labels = labels
            .iter()
            .map(|(name, value)| format!("\"{name}\":\"{value}\""));
        let labels = labels.collect::<Vec<_>>().join(",");
        let line = format!("{{\"metric\":{{{labels}}},\"values\":[1],\"timestamps\":[{T_MS}]}}\n");
        let answer = post(&server, "/api/v1/import", &[], line.into_bytes()).await;
        refused(&answer, StatusCode::BAD_REQUEST, bound);
    }
    let created = post(&server, "/query?q=CREATE+DATABASE+d", &[], Vec::new()).await;
    assert_eq!(created.status, StatusCode::OK);
    let line = format!("m,tag={long} a=1 {T_MS}000000\n").into_bytes();
    let answer = post(&server, "/write?db=d", &[], line).await;
    refused(&answer, StatusCode::BAD_REQUEST, "labels.value_bytes");
}

#[tokio::test]
async fn bytes_are_bounded_as_sent_and_decoded() {
    let server = Server::new(&["--web.max-body-bytes=1000", "--web.max-decoded-bytes=5000"]);
    let (sent, decoded) = ("--web.max-body-bytes", "--web.max-decoded-bytes");
    too_large(&server.write_raw(vec![0; 1001]).await, sent);
    too_large(&server.write_raw(compress(&vec![0; 5001])).await, decoded);

    let plain = vec![b'\n'; 5001];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&plain).unwrap();
    let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    deflate.write_all(&plain).unwrap();
    let bodies = [
        ("gzip", gzip.finish().unwrap()),
        ("deflate", deflate.finish().unwrap()),
        ("zstd", zstd::encode_all(&plain[..], 19).unwrap()),
    ];
    for (encoding, body) in bodies {
        for target in ["/v1/metrics", "/write?db=d", "/datadog/api/v2/series"] {
            let headers = [
                ("content-encoding", encoding),
                ("content-type", "application/json"),
            ];
            let answer = post(&server, target, &headers, body.clone()).await;
            too_large(&answer, decoded);
        }
    }
}

#[tokio::test]
async fn windows_of_zstd_are_bounded() {
    let server = Server::new(&[]);
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(25).unwrap();
    encoder.write_all(&[b'\n'; 1000]).unwrap();
    let body = encoder.finish().unwrap();
    for target in ["/v1/metrics", "/api/v1/import"] {
        let headers = [
            ("content-encoding", "zstd"),
            ("content-type", "application/json"),
        ];
        let answer = post(&server, target, &headers, body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    }
}

#[tokio::test]
async fn parameters_and_look_ups_are_bounded() {
    let server = Server::new(&[
        "--web.max-form-bytes=200",
        "--web.max-parameters=5",
        "--query.max-matchers=4",
        "--query.max-lookup-results=4",
    ]);
    assert!(server.write(&series("up", 5, 1)).await.status.is_success());
    let long = format!("query={}", "1".repeat(200));
    too_large(
        &server.form("/api/v1/query", &long).await,
        "--web.max-form-bytes",
    );
    let bad = StatusCode::BAD_REQUEST;
    let answer = server.form("/api/v1/query", "a&b&c&d&e&query=1").await;
    refused(&answer, bad, "--web.max-parameters");
    let answer = server
        .get("/api/v1/series?match[]=a&match[]=b&match[]=c&match[]=d&match[]=e")
        .await;
    refused(&answer, bad, "--query.max-matchers");

    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let answer = server.get("/api/v1/series?match[]=up").await;
    refused(&answer, unprocessable, "--query.max-lookup-results");
    let answer = server.get("/api/v1/label/i/values").await;
    refused(&answer, unprocessable, "--query.max-lookup-results");
    let answer = server.get("/api/v1/label/i/values?limit=4").await;
    assert_eq!(answer.status, StatusCode::OK);
    // The same series twice is found once.
    let answer = server
        .get("/api/v1/series?match[]=up%7Bi!=%220%22%7D&match[]=up%7Bi!=%220%22%7D")
        .await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn expressions_are_bounded() {
    let server = Server::new(&[
        "--query.max-expression-bytes=200",
        "--query.max-expression-depth=10",
        "--query.max-expression-operands=20",
        "--query.max-points-per-series=10",
        "--query.max-samples=8",
    ]);
    assert!(server.write(&series("up", 5, 2)).await.status.is_success());
    let at = "&time=1700000000.1";
    for (query, status, says) in [
        ("1%2B".repeat(150) + "1", 400, "200"),
        ("(".repeat(11) + "1" + &")".repeat(11), 400, "10"),
        ("1%2B".repeat(30) + "1", 400, "20"),
        ("up[1m]".to_owned(), 422, "samples"),
    ] {
        let answer = server
            .get(&format!("/api/v1/query?query={query}{at}"))
            .await;
        refused(&answer, StatusCode::from_u16(status).unwrap(), says);
    }
    let range = "/api/v1/query_range?query=1&start=0&end=100&step=1";
    refused(
        &server.get(range).await,
        StatusCode::BAD_REQUEST,
        "10 points",
    );
}

/// Goes on for minutes when it is not ended.
const SLOW: &str = "/api/v1/query_range?query=stddev_over_time(vector(time())%5B10d:1s%5D)\
    &start=1700000000&end=1700010000&step=1";

#[tokio::test(flavor = "multi_thread")]
async fn queries_that_run_and_wait_are_bounded() {
    let flags = [
        "--query.max-concurrency=1",
        "--query.max-queued=1",
        "--query.timeout=1s",
    ];
    let server = Server::new(&flags);
    let ask = |target: &'static str| {
        let server = server.clone();
        tokio::spawn(async move { server.get(target).await })
    };
    let mut running = Vec::new();
    while running.len() < 2 {
        running.push(ask(SLOW));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for target in [
        "/api/v1/query?query=1",
        "/api/v1/labels",
        "/query?q=SHOW+DATABASES",
    ] {
        let answer = server.get(target).await;
        refused(
            &answer,
            StatusCode::SERVICE_UNAVAILABLE,
            "--query.max-queued",
        );
        assert!(!answer.header("retry-after").is_empty());
    }
    for asked in running {
        let answer = asked.await.unwrap();
        refused(&answer, StatusCode::SERVICE_UNAVAILABLE, "timed out");
        assert!(!answer.header("retry-after").is_empty());
    }
    let answer = server.get("/api/v1/query?query=1").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_run_and_wait_are_bounded() {
    let server = Server::new(&["--write.max-concurrency=1", "--write.max-queued=0"]);
    let body = compress(&encode(&series("up", 2000, 1), &[]));
    let writes = (0..50).map(|_| {
        let (server, body) = (server.clone(), body.clone());
        tokio::spawn(async move {
            let begun = Instant::now();
            (server.write_raw(body).await, begun.elapsed())
        })
    });
    let writes: Vec<_> = writes.collect();
    let mut written = 0;
    for write in writes {
        let (answer, took) = write.await.unwrap();
        if answer.status == StatusCode::NO_CONTENT {
            written += 1;
        } else {
            refused(
                &answer,
                StatusCode::SERVICE_UNAVAILABLE,
                "--write.max-queued",
            );
            assert!(!answer.header("retry-after").is_empty());
            // So that who comes again at once does not keep the server busy with refusals.
            assert!(took >= Duration::from_millis(500), "{took:?}");
        }
    }
    assert!((1..50).contains(&written), "{written}");
}
