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

/// What only lines with a kind can say, as it is written.
const EXACT: [&str; 7] = [
    r#"{"metric":{"__name__":"b"},"kind":"boolean","unit":"ns","values":[true,false],"timestamps":[1700000000000000001,1700000000000000002]}"#,
    r#"{"metric":{"__name__":"f"},"kind":"float","values":[0.5,"NaN(7ff0000000000002)","-Infinity",-0,"NaN(7ff8000000000001)"],"timestamps":[1700000000000,1700000000001,1700000000002,1700000000003,1700000000004]}"#,
    r#"{"metric":{"__name__":"h"},"kind":"histogram","values":[{"hint":0,"schema":3,"zero_threshold":0.001,"sum":18.5,"zero_count":2,"count":9,"positive":{"spans":[[0,2],[1,1]],"buckets":[1,1,-1]},"negative":{"spans":[[-2,1]],"buckets":[3]},"custom_values":[]}],"timestamps":[1700000000000]}"#,
    r#"{"metric":{"__name__":"h"},"kind":"float","values":[1],"timestamps":[1700000001000]}"#,
    r#"{"metric":{"__name__":"h"},"kind":"float_histogram","values":[{"hint":3,"schema":-53,"zero_threshold":0,"sum":"NaN(7ff8000000000001)","zero_count":0,"count":3.5,"positive":{"spans":[[0,2]],"buckets":[1,2.5]},"negative":{"spans":[],"buckets":[]},"custom_values":[0.5,5]}],"timestamps":[1700000002000]}"#,
    r#"{"metric":{"__name__":"i","db":"d"},"kind":"integer","unit":"ns","values":[9007199254740993,-1],"timestamps":[-2,-1]}"#,
    r#"{"metric":{"__name__":"s"},"kind":"string","unit":"ns","values":["NaN(1)","a\nb \"c\"",""],"timestamps":[1,2,3]}"#,
];

#[tokio::test]
async fn exact_lines_hold_every_kind_and_come_back() {
    let server = Server::new(&[]);
    let lines = EXACT.join("\n") + "\n";
    let import = |body: String| Request::post("/api/v1/import").body(Body::from(body));
    // Twice: what is there already is accepted.
    for _ in 0..2 {
        let answer = server.send(import(lines.clone()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    }
    let everything = "match[]=%7B__name__!=%22%22%7D";
    let target = format!("/api/v1/export?{everything}&exact=1");
    assert_eq!(server.get(&target).await.text(), lines);
    let rows = server.get(&format!("{target}&max_rows_per_line=1")).await;
    assert_eq!(rows.text().lines().count(), 15);
    // VictoriaMetrics's lines have floats alone.
    let plain = server.get(&format!("/api/v1/export?{everything}")).await;
    assert!(!plain.text().contains("kind") && plain.text().contains("\"b\""));
}

#[tokio::test]
async fn what_influxdb_clients_wrote_is_exported_exactly() {
    let server = Server::new(&["--influx.create-databases"]);
    let lines = "m,host=a i=9007199254740993i,s=\"x\" 1700000000000000001\nm,host=a i=7i 1700000000000000002";
    let written = Request::post("/write?db=d").body(Body::from(lines));
    assert_eq!(
        server.send(written.unwrap()).await.status,
        StatusCode::NO_CONTENT
    );
    let exported = server
        .get("/api/v1/export?match[]=%7Bdb=%22d%22%7D&exact=1")
        .await;
    let expected = r#"{"metric":{"__name__":"m_i","db":"d","host":"a"},"kind":"integer","unit":"ns","values":[9007199254740993,7],"timestamps":[1700000000000000001,1700000000000000002]}
{"metric":{"__name__":"m_s","db":"d","host":"a"},"kind":"string","unit":"ns","values":["x"],"timestamps":[1700000000000000001]}
"#;
    assert_eq!(exported.text(), expected);
}

#[tokio::test]
async fn exact_lines_that_are_wrong_are_told() {
    let server = Server::new(&[]);
    let cases = [
        (
            r#"{"metric":{},"kind":"complex","values":[],"timestamps":[]}"#,
            "kind \"complex\" is not known",
        ),
        (
            r#"{"metric":{},"unit":"s","values":[],"timestamps":[]}"#,
            "unit \"s\" is not known",
        ),
        (
            r#"{"metric":{},"values":[1],"kind":"integer","timestamps":[1]}"#,
            "kind stands after the values",
        ),
        (
            r#"{"metric":{},"kind":"integer","values":[1.5],"timestamps":[1]}"#,
            "expected i64",
        ),
        (
            r#"{"metric":{},"kind":"string","values":[1],"timestamps":[1]}"#,
            "expected a string",
        ),
        (
            r#"{"metric":{},"values":["NaN(3ff0000000000000)"],"timestamps":[1]}"#,
            "invalid value",
        ),
        (
            r#"{"metric":{},"kind":"histogram","values":[{}],"timestamps":[1]}"#,
            "missing field `hint`",
        ),
        (
            &EXACT[2].replace("\"count\":9", "\"count\":8"),
            "observations",
        ),
        (
            r#"{"metric":{},"timestamps":[1]}"#,
            "missing field `values`",
        ),
        (
            r#"{"values":[1],"timestamps":[1]}"#,
            "missing field `metric`",
        ),
        (
            r#"{"metric":{},"values":[1]}"#,
            "missing field `timestamps`",
        ),
    ];
    for (line, reason) in cases {
        let request = Request::post("/api/v1/import").body(Body::from(line.to_owned()));
        let answer = server.send(request.unwrap()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{line}");
        let text = answer.text();
        assert!(
            text.contains("line 1") && text.contains(reason),
            "{line}: {text}"
        );
    }
}
