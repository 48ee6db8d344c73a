//! What surrounds a query: statistics, limits, the tree.

use serde_json::{Value, json};

use crate::common::wire::owned;
use crate::support::Server;

/// 0 s to 600 s of samples each 10 s, of `m` for three instances.
async fn server(flags: &[&str]) -> Server {
    let server = Server::new(flags);
    let series: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|instance| {
            let samples = (0..=60).map(|i| (10_000 * i, i as f64));
            (
                owned(&[("__name__", "m"), ("instance", instance)]),
                samples.collect(),
            )
        })
        .collect();
    assert_eq!(server.write(&series).await.status, 204);
    server
}

async fn samples(server: &Server, target: &str) -> Value {
    let answer = server.get(target).await.json();
    answer["data"]["stats"]["samples"].clone()
}

#[tokio::test]
async fn samples_are_counted_as_prometheus_counts_them() {
    let server = server(&[]).await;
    for (query, queryable, read) in [
        ("m", 3, 3),
        ("m{instance=\"a\"}", 1, 1),
        ("m[60s]", 18, 18),
        ("max_over_time(m[60s])", 18, 18),
        ("max_over_time(m[60s]) + m", 21, 21),
        ("max_over_time(m[60s:5s])", 36, 36),
        ("m[60s:5s]", 36, 36),
        ("max_over_time(m[60s] @ 30)", 12, 12),
        ("1", 0, 0),
    ] {
        let form = format!("query={}&time=201&stats=true", encoded(query));
        let answer = server.form("/api/v1/query", &form).await.json();
        let samples = &answer["data"]["stats"]["samples"];
        assert_eq!(
            (&samples["totalQueryableSamples"], &samples["samplesRead"]),
            (&json!(queryable), &json!(read)),
            "{query}"
        );
        assert!(samples.get("samplesReadPerStep").is_none());
    }
}

#[tokio::test]
async fn steps_of_a_range_query_share_their_windows() {
    let server = server(&[]).await;
    for (query, queryable, read) in [
        ("m", [3, 3, 3, 3], [3, 3, 3, 3]),
        // 201, 206, 211 and 216 s look at what is there at 200 and 210 s.
        ("max_over_time(m[60s])", [18; 4], [18, 0, 3, 0]),
        ("max_over_time(m[60s] @ 30)", [12; 4], [12, 0, 0, 0]),
        ("max_over_time(m[60s:5s])", [36; 4], [36, 3, 3, 3]),
        (
            "max_over_time(m[60s:5s] offset 10s)",
            [36; 4],
            [36, 3, 3, 3],
        ),
    ] {
        let target = format!(
            "/api/v1/query_range?query={}&start=201&end=216&step=5&stats=all",
            encoded(query)
        );
        let samples = samples(&server, &target).await;
        let steps = |counts: [u64; 4]| {
            let at = |(i, n): (usize, &u64)| json!([201 + 5 * i, n]);
            Value::from_iter(counts.iter().enumerate().map(at))
        };
        assert_eq!(
            samples["totalQueryableSamplesPerStep"],
            steps(queryable),
            "{query}"
        );
        assert_eq!(samples["samplesReadPerStep"], steps(read), "{query}");
        let sum = |counts: [u64; 4]| json!(counts.iter().sum::<u64>());
        assert_eq!(samples["totalQueryableSamples"], sum(queryable));
        assert_eq!(samples["samplesRead"], sum(read));
    }
}

#[tokio::test]
async fn statistics_have_the_times_of_the_phases() {
    let server = server(&[]).await;
    let answer = server
        .get("/api/v1/query?query=m&time=10.5&stats=all")
        .await;
    let stats = &answer.json()["data"]["stats"];
    let timings = stats["timings"].as_object().unwrap();
    assert_eq!(timings.len(), 6);
    assert!(timings.values().all(Value::is_number));
    assert!(timings["execTotalTime"].as_f64() > Some(0.0));
    assert_eq!(stats["samples"]["samplesReadPerStep"], json!([[10.5, 3]]));
    let plain = server.get("/api/v1/query?query=m&time=10").await.json();
    assert!(plain["data"].get("stats").is_none());
}

/// Percent-encoded, all of it.
fn encoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}
