//! Export and federation over HTTP.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::common::wire::owned;
use crate::support::Server;

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

#[tokio::test]
async fn federation_gives_the_newest_sample_of_what_is_not_stale() {
    let server = Server::new(&[]);
    let now = now_ms();
    let old = now - 3_600_000;
    server
        .write(&[
            (
                owned(&[("__name__", "up"), ("job", "b"), ("instance", "x:1")]),
                vec![(now - 20_000, 0.0), (now - 10_000, 1.0)],
            ),
            (
                owned(&[("__name__", "up"), ("job", "a")]),
                vec![(now - 9_000, 1e6)],
            ),
            (
                owned(&[("__name__", "gone"), ("job", "a")]),
                vec![(now - 9_000, 1.0), (now - 8_000, STALE)],
            ),
            (
                owned(&[("__name__", "old"), ("job", "a")]),
                vec![(old, 1.0)],
            ),
            (
                owned(&[("__name__", "alone"), ("Capital", "\"\n")]),
                vec![(now - 7_000, f64::NAN)],
            ),
        ])
        .await;
    let page = server
        .get("/federate?match[]=%7Bjob=~%22.%2B%22%7D&match[]=up&match[]=alone")
        .await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.header("content-type")
            .starts_with("text/plain; version=0.0.4; charset=utf-8")
    );
    assert_eq!(
        page.text(),
        format!(
            "# TYPE alone untyped\n\
             alone{{Capital=\"\\\"\\n\",instance=\"\"}} NaN {}\n\
             # TYPE up untyped\n\
             up{{instance=\"x:1\",job=\"b\"}} 1 {}\n\
             up{{job=\"a\",instance=\"\"}} 1e+06 {}\n",
            now - 7_000,
            now - 10_000,
            now - 9_000,
        )
    );
    let dotted = (owned(&[("__name__", "a.b")]), vec![(now - 5_000, 1.0)]);
    server.write(&[dotted]).await;
    for (accept, name) in [
        ("text/plain;version=0.0.4", "a_b{"),
        (
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.1",
            "{\"a.b\",",
        ),
    ] {
        let request = Request::get("/federate?match[]=%7B%22a.b%22%7D").header("accept", accept);
        let page = server.send(request.body(Body::empty()).unwrap()).await;
        assert!(
            page.text().contains(&format!("\n{name}instance=")),
            "{}",
            page.text()
        );
    }
    let nothing = server.get("/federate").await;
    assert_eq!((nothing.status, nothing.text()), (StatusCode::OK, ""));
}

/// Long enough for several pieces of a series and many parts of an answer.
#[tokio::test]
async fn a_long_series_comes_whole_in_lines_of_a_bounded_length() {
    const SAMPLES: i64 = 250_000;
    let server = Server::new(&[]);
    let t_ms = |i: i64| 1_700_000_000_000 + i * 50 + i / 100_000 * 86_400_000 * 30;
    for start in (0..SAMPLES).step_by(50_000) {
        let samples = (start..start + 50_000).map(|i| (t_ms(i), i as f64));
        let written = server
            .write(&[(owned(&[("__name__", "long")]), samples.collect())])
            .await;
        assert_eq!(written.status, StatusCode::NO_CONTENT);
    }
    let exported = server.get("/api/v1/export?match[]=long").await;
    let mut next = 0;
    let mut lines = 0;
    for line in exported.text().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let values = line["values"].as_array().unwrap();
        for (value, time) in values.iter().zip(line["timestamps"].as_array().unwrap()) {
            assert_eq!(
                (value.as_f64(), time.as_i64()),
                (Some(next as f64), Some(t_ms(next)))
            );
            next += 1;
        }
        assert!(values.len() < 300_000);
        lines += 1;
    }
    assert_eq!(next, SAMPLES);
    assert!((2..10).contains(&lines), "{lines}");

    // Compressed if the client takes it.
    let request = Request::get("/api/v1/export?match[]=long").header("accept-encoding", "gzip");
    let compressed = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(compressed.header("content-encoding"), "gzip");
    assert!(compressed.body.len() * 2 < exported.body.len());
}

#[tokio::test]
async fn before_the_store_is_open_there_is_nothing_to_export() {
    let server = Server::without_store();
    for target in ["/api/v1/export?match[]=up", "/federate?match[]=up"] {
        let answer = server.get(target).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{target}");
        assert!(!answer.header("retry-after").is_empty(), "{target}");
    }
}
