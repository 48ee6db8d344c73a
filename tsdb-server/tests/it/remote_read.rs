//! Remote read in both forms.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use proptest::prelude::*;
use tsdb_core::{Columns, Kind, decode_chunk};

use crate::common::compress;
use crate::common::protobuf::fields;
use crate::common::remote_read::{
    ChunkedSeries, EQUAL, Query, REGEX, SAMPLES, STREAMED_XOR_CHUNKS, XOR, chunked_series, label,
    request,
};
use crate::common::wire::{Message, Series, encode, owned};
use crate::support::{Answer, Server};

const T_MS: i64 = 1_700_000_000_000;

fn everything() -> Query {
    Query::new(i64::MIN / 2, i64::MAX / 2).matching(REGEX, "__name__", ".+")
}

/// The results of an answer of samples: each the bytes of a `QueryResult`, which are those of a `WriteRequest`.
fn results(answer: &Answer) -> Vec<Vec<u8>> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/x-protobuf");
    assert_eq!(answer.header("content-encoding"), "snappy");
    let message = snap::raw::Decoder::new()
        .decompress_vec(&answer.body)
        .unwrap();
    let results = fields(&message).into_iter();
    results.map(|(_, result)| result.bytes().to_vec()).collect()
}

fn stream(answer: &Answer) -> Vec<ChunkedSeries> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"
    );
    assert_eq!(answer.header("content-encoding"), "");
    chunked_series(&answer.body)
}

fn label_sets(result: &[u8]) -> Vec<Vec<(String, String)>> {
    let series = fields(result).into_iter().map(|(_, series)| {
        let fields = fields(series.bytes()).into_iter();
        fields
            .filter(|(n, _)| *n == 1)
            .map(|(_, l)| label(l.bytes()))
            .collect()
    });
    series.collect()
}

/// A `Histogram` of integers.
fn histogram(t_ms: i64, n: u64) -> Message {
    let span = Message::default().varint(1, 2).varint(2, 2);
    let deltas = Message::default();
    let histogram = deltas
        .varint(1, 3 * n + 2)
        .double(3, n as f64)
        .varint(4, 6)
        .double(5, 0.001);
    let histogram = histogram
        .varint(6, n)
        .bytes(11, &span.0)
        .bytes(12, &[2 * (n as u8 + 1), 0]);
    histogram.varint(15, t_ms.cast_unsigned())
}

/// A request that writes floats and, behind them, histograms.
fn written(series: &[(Series, u64)]) -> Vec<u8> {
    let mut request = Message::default();
    for ((labels, samples), histograms) in series {
        let one = encode(&[(labels.clone(), samples.clone())], &[]);
        let mut message = Message(fields(&one)[0].1.bytes().to_vec());
        let last = samples.last().map_or(T_MS, |(t_ms, _)| *t_ms);
        for i in 0..*histograms {
            let t_ms = last + 1_000 * (i as i64 + 1);
            message = message.bytes(4, &histogram(t_ms, i % 40).0);
        }
        request = request.bytes(1, &message.0);
    }
    request.0
}

/// What a stream holds, by series: of each sample its time, and the bits of a float or the text of a histogram.
fn samples_of(stream: &[ChunkedSeries]) -> BTreeMap<String, Vec<(i64, String)>> {
    let mut all: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
    for series in stream {
        let samples = all.entry(format!("{:?}", series.labels)).or_default();
        for chunk in &series.chunks {
            let kind = match chunk.encoding {
                XOR => Kind::Float,
                2 => Kind::Histogram,
                _ => Kind::FloatHistogram,
            };
            let mut columns = Columns::default();
            decode_chunk(kind, &chunk.data, &mut columns).unwrap();
            assert!(columns.len() <= 120);
            assert_eq!(columns.times_ms.first(), Some(&chunk.min_ms));
            assert_eq!(columns.times_ms.last(), Some(&chunk.max_ms));
            for (i, t_ms) in columns.times_ms.iter().enumerate() {
                let histogram = columns.histograms.iter().find(|(at, _)| *at == i);
                let value = match histogram {
                    Some((_, histogram)) => format!("{histogram:?}"),
                    None => columns.values[i].to_bits().to_string(),
                };
                samples.push((*t_ms, value));
            }
        }
    }
    all
}

async fn both_forms(body: Vec<u8>) -> Result<(), TestCaseError> {
    let server = Server::new(&["--storage.remote.read-max-bytes-in-frame=200"]);
    let answer = server.write_raw(compress(&body)).await;
    prop_assert_eq!(answer.status, 204, "{}", answer.text());
    let samples = results(&server.read(&request(&[everything()], &[SAMPLES])).await);
    let streamed = stream(
        &server
            .read(&request(&[everything()], &[STREAMED_XOR_CHUNKS]))
            .await,
    );

    // What is answered can be written, and is the same then.
    let copy = Server::new(&[]);
    let answer = copy.write_raw(compress(&samples[0])).await;
    prop_assert_eq!(answer.status, 204, "{}", answer.text());
    let again = results(&copy.read(&request(&[everything()], &[])).await);
    prop_assert_eq!(&again, &samples);
    let copied = stream(
        &copy
            .read(&request(&[everything()], &[STREAMED_XOR_CHUNKS]))
            .await,
    );
    let streamed = samples_of(&streamed);
    prop_assert_eq!(&samples_of(&copied), &streamed);

    // Both forms have the same series and as many samples.
    let sets = label_sets(&samples[0])
        .into_iter()
        .map(|labels| format!("{labels:?}"));
    prop_assert_eq!(
        sets.collect::<Vec<_>>(),
        streamed.keys().cloned().collect::<Vec<_>>()
    );
    for ((_, series), streamed) in fields(&samples[0]).iter().zip(streamed.values()) {
        let times = fields(series.bytes()).into_iter().filter(|(n, _)| *n != 1);
        let times = times.map(|(n, sample)| {
            let time_field = if n == 2 { 2 } else { 15 };
            let time = fields(sample.bytes())
                .into_iter()
                .find(|(n, _)| *n == time_field);
            time.map_or(0, |(_, t)| t.number().cast_signed())
        });
        prop_assert_eq!(
            times.collect::<Vec<_>>(),
            streamed.iter().map(|s| s.0).collect::<Vec<_>>()
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn both_forms_hold_what_was_written(
        series in proptest::collection::vec(
            (0_usize..300, 1_i64..100_000, any::<u64>(), 0_u64..200), 1..5,
        )
    ) {
        let series = series.into_iter().enumerate().map(|(i, (floats, step_ms, seed, histograms))| {
            let job = i.to_string();
            let samples = (0..floats as i64).map(|n| {
                (T_MS + n * step_ms, f64::from_bits(seed.wrapping_mul(n as u64 + 1)))
            });
            let labels = owned(&[("__name__", "m"), ("job", &job)]);
            ((labels, samples.collect()), histograms + u64::from(floats == 0))
        });
        let body = written(&series.collect::<Vec<_>>());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(both_forms(body))?;
    }
}

fn up(job: &str, cluster: Option<&str>) -> Series {
    let mut labels = owned(&[("__name__", "up"), ("job", job)]);
    labels.extend(cluster.map(|cluster| ("cluster".to_owned(), cluster.to_owned())));
    (
        labels,
        (0..10).map(|i| (T_MS + i * 1_000, i as f64)).collect(),
    )
}

#[tokio::test]
async fn external_labels_are_added_and_matched() {
    let server = Server::configured("global: {external_labels: {cluster: eu, replica: a}}\n");
    assert_eq!(
        server
            .write(&[up("x", None), up("y", Some("own"))])
            .await
            .status,
        204
    );
    let up = || Query::new(T_MS, T_MS + 60_000).matching(EQUAL, "__name__", "up");
    let x = [
        ("__name__", "up"),
        ("cluster", "eu"),
        ("job", "x"),
        ("replica", "a"),
    ];
    let y = [
        ("__name__", "up"),
        ("cluster", "own"),
        ("job", "y"),
        ("replica", "a"),
    ];
    let (x, y) = (owned(&x), owned(&y));
    let asked = [
        (up(), vec![x.clone(), y.clone()]),
        // Prometheus takes it for fulfilled by every series.
        (up().matching(EQUAL, "cluster", "eu"), vec![x, y.clone()]),
        (up().matching(EQUAL, "cluster", "own"), vec![y]),
        (up().matching(EQUAL, "replica", "b"), vec![]),
    ];
    let (queries, expected): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let results = results(&server.read(&request(&queries, &[SAMPLES])).await);
    let found: Vec<_> = results.iter().map(|result| label_sets(result)).collect();
    assert_eq!(found, expected);
    let streamed = stream(
        &server
            .read(&request(&queries, &[STREAMED_XOR_CHUNKS]))
            .await,
    );
    let streamed: Vec<_> = streamed.into_iter().map(|s| (s.query, s.labels)).collect();
    let expected = expected.into_iter().enumerate();
    let expected = expected.flat_map(|(i, sets)| sets.into_iter().map(move |s| (i as u64, s)));
    assert_eq!(streamed, expected.collect::<Vec<_>>());

    let now = now_ms();
    let labels = owned(&[("__name__", "now"), ("replica", "mine")]);
    assert_eq!(
        server.write(&[(labels, vec![(now, 1.0)])]).await.status,
        204
    );
    let page = server.get("/federate?match[]=now").await;
    let line = format!("now{{replica=\"mine\",cluster=\"eu\",instance=\"\"}} 1 {now}\n");
    assert!(page.text().ends_with(&line), "{}", page.text());
}

fn now_ms() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

#[tokio::test]
async fn hints_narrow_what_is_read_and_both_ends_are_in() {
    let server = Server::new(&[]);
    assert_eq!(server.write(&[up("x", None)]).await.status, 204);
    let query = |hint: &str, from: i64, to: i64| {
        let query = Query::new(T_MS, T_MS + 60_000).matching(EQUAL, "job", "x");
        query.hint(hint, T_MS + from, T_MS + to)
    };
    let queries = [
        query("rate", 2_000, 4_000),
        query("series", 2_000, 4_000),
        query("", 2_500, 2_600),
    ];
    let results = results(&server.read(&request(&queries, &[SAMPLES])).await);
    let samples = |result: &[u8]| -> Vec<usize> {
        let series = fields(result).into_iter();
        let samples = series.map(|(_, s)| fields(s.bytes()).iter().filter(|f| f.0 == 2).count());
        samples.collect()
    };
    let found: Vec<_> = results.iter().map(|result| samples(result)).collect();
    assert_eq!(found, [vec![3], vec![0], vec![]]);
    let streamed = stream(
        &server
            .read(&request(&queries, &[STREAMED_XOR_CHUNKS]))
            .await,
    );
    let streamed: Vec<_> = streamed
        .iter()
        .map(|s| (s.query, s.chunks[0].min_ms))
        .collect();
    assert_eq!(streamed, [(0, T_MS + 2_000)]);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_in_plain_text() {
    let server = Server::new(&["--storage.remote.read-sample-limit=9"]);
    assert_eq!(server.write(&[up("x", None)]).await.status, 204);
    let everything = || [everything()];
    let bad_regex = [Query::new(0, 1).matching(REGEX, "job", "(")];
    let bad_type = [Query::new(0, 1).matching(7, "job", "x")];
    for (request, says) in [
        (request(&everything(), &[]), "exceeded sample limit (9)\n"),
        (
            request(&everything(), &[9, 8]),
            "does not support any of the requested response types",
        ),
        (request(&bad_regex, &[]), "missing closing )"),
        (request(&bad_type, &[]), "invalid matcher type 7"),
        (vec![0x0a, 0xff], "protobuf: "),
    ] {
        let answer = server.read(&request).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert!(answer.text().contains(says), "{}", answer.text());
    }
    // Streams have no such limit.
    let streamed = server
        .read(&request(&everything(), &[STREAMED_XOR_CHUNKS]))
        .await;
    assert_eq!(stream(&streamed).len(), 1);

    let raw = |body: Vec<u8>| {
        Request::post("/api/v1/read")
            .body(Body::from(body))
            .unwrap()
    };
    let answer = server.send(raw(vec![0xff, 0xff])).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    let declared_four_gib = vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    let answer = server.send(raw(declared_four_gib)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let answer = Server::without_store()
        .read(&request(&everything(), &[]))
        .await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_sidecar_of_thanos_finds_what_it_looks_for() {
    let server = Server::configured("global: {external_labels: {cluster: eu}}\n");
    assert_eq!(server.write(&[up("x", None)]).await.status, 204);
    let data = async |page: &str| {
        let answer = server.get(&format!("/api/v1/status/{page}")).await;
        answer.json()["data"].clone()
    };
    let yaml = data("config").await["yaml"].as_str().unwrap().to_owned();
    assert!(
        yaml.contains("global:\n  external_labels:\n    cluster: eu\n"),
        "{yaml}"
    );
    let flags = data("flags").await;
    assert_eq!(flags["storage.tsdb.min-block-duration"], "2h");
    assert_eq!(flags["storage.tsdb.max-block-duration"], "1d");
    let version = data("buildinfo").await["version"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        version.starts_with("3."),
        "streamed reads are since 2.13, and 2.24 is asked for"
    );
    let metrics = server.get("/metrics").await;
    let line = "\nprometheus_tsdb_lowest_timestamp_seconds 1700000000\n";
    assert!(metrics.text().contains(line), "{}", metrics.text());
}
