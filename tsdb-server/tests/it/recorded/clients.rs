//! Other clients: what writes to a Prometheus's receivers, Kured, prometheus-adapter, Python's prometheus-api-client.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::{Exchange, Expect, Write, lines, loaded, recordings, replay, replay_all};
use crate::common::wire::owned;
use crate::support::Server;

#[tokio::test]
async fn kured_finds_the_alerts() {
    let Some(dir) = recordings() else { return };
    let server = loaded(&dir).await;
    // The rules went on after the recording of the writes had ended.
    let t_ms = 1_795_446_390_151;
    let external = [("cluster", "test"), ("replica", "a")];
    let firing = [("__name__", "ALERTS"), ("alertstate", "firing")];
    let reboot = [("alertname", "RebootRequired"), ("severity", "info")];
    let down = [
        ("alertname", "TargetDown"),
        ("instance", "127.0.0.1:28417"),
        ("job", "gone"),
        ("severity", "warning"),
    ];
    for alert in [&reboot[..], &down[..]] {
        let labels = owned(&[&firing[..], alert, &external[..]].concat());
        assert_eq!(
            server.write(&[(labels, vec![(t_ms, 1.0)])]).await.status,
            204
        );
    }
    let exchanges: Vec<Exchange> = lines(&dir.join("kured.jsonl"));
    assert_eq!(exchanges.len(), 8);
    assert_eq!(replay_all(&server, exchanges, |_| Expect::Same).await, 8);
}

#[tokio::test]
async fn prometheus_adapter_gets_the_recorded_answers() {
    let Some(dir) = recordings() else { return };
    let exchanges: Vec<Exchange> = lines(&dir.join("prometheus-adapter-replayed.jsonl"));
    assert_eq!(exchanges.len(), 6);
    let compared = replay_all(&loaded(&dir).await, exchanges, |_| Expect::Same).await;
    assert_eq!(compared, 6);
}

#[tokio::test]
async fn prometheus_api_client_of_python_gets_the_recorded_answers() {
    let Some(dir) = recordings() else { return };
    let mut exchanges: Vec<Exchange> = lines(&dir.join("prometheus-api-client-python.jsonl"));
    assert_eq!(exchanges.len(), 9);
    for exchange in &mut exchanges {
        at_the_recorded_time(exchange);
    }
    let expect = |exchange: &Exchange| match exchange.target.as_str() {
        "/" | "/classic/graph" => Expect::Elsewhere(
            "the client wants 200 of `/`, after redirects: there is a page of our own, see `the_first_page_is_there`",
        ),
        _ => Expect::Same,
    };
    assert_eq!(replay_all(&loaded(&dir).await, exchanges, expect).await, 7);
}

/// Instant queries without a time are for that of the recording.
fn at_the_recorded_time(exchange: &mut Exchange) {
    let answer: Option<Value> = serde_json::from_str(&exchange.response_body).ok();
    let time = answer.map(|answer| answer["data"]["result"][0]["value"][0].clone());
    if exchange.target.starts_with("/api/v1/query?")
        && !exchange.target.contains("&time=")
        && let Some(time) = time
    {
        exchange.target = format!("{}&time={time}", exchange.target);
    }
    // It was asked for a time that was still to come, when no sample after 31.5 s was there.
    let to_come = (
        "%5B30s%5D&time=1795446032",
        "%5B29s500ms%5D&time=1795446031.5",
    );
    exchange.target = exchange.target.replace(to_come.0, to_come.1);
}

#[tokio::test]
async fn the_first_page_is_there() {
    let page = Server::without_store().get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.header("content-type").starts_with("text/html"));
}

#[derive(Deserialize)]
struct Decoded {
    request_no: usize,
    #[serde(default)]
    timeseries: Vec<DecodedSeries>,
    #[serde(default)]
    metadata: Vec<Value>,
}

#[derive(Deserialize)]
struct DecodedSeries {
    labels: BTreeMap<String, String>,
    samples: Vec<(i64, String)>,
}

#[tokio::test]
async fn writes_of_a_prometheus_are_stored_as_they_were_decoded() {
    let Some(dir) = recordings() else { return };
    let writes: Vec<Write> = lines(&dir.join("remote-write-v1.jsonl"));
    for decoded in lines::<Decoded>(&dir.join("remote-write-v1-decoded.jsonl")) {
        let server = Server::new(&[]);
        replay(&server, &writes[decoded.request_no]).await;
        let metadata = server.get("/api/v1/metadata").await.json();
        let metrics = metadata["data"].as_object().unwrap();
        assert_eq!(
            metrics.len(),
            decoded.metadata.len(),
            "{}",
            decoded.request_no
        );
        let query = "query=%7B__name__%3D~%22.%2B%22%7D%5B1d%5D&time=1795446400";
        let stored = server.form("/api/v1/query", query).await.json();
        let stored = stored["data"]["result"].as_array().unwrap().iter();
        let stored: BTreeMap<String, Vec<(i64, u64)>> = stored
            .map(|series| {
                let values = series["values"].as_array().unwrap().iter();
                let values = values.map(|v| (v[0].as_f64().unwrap(), v[1].as_str().unwrap()));
                let values = values.map(|(t, v)| ((t * 1000.0).round() as i64, bits(v)));
                (series["metric"].to_string(), values.collect())
            })
            .collect();
        let expected = decoded.timeseries.into_iter().map(|series| {
            // Staleness markers are stored, and not shown.
            let shown = series.samples.iter().filter(|(_, v)| v != "stale");
            let samples = shown.map(|(t_ms, v)| (*t_ms, bits(v)));
            let labels = serde_json::to_string(&series.labels).unwrap();
            (labels, samples.collect())
        });
        let mut expected: BTreeMap<String, Vec<(i64, u64)>> = expected.collect();
        expected.retain(|_, samples| !samples.is_empty());
        assert_eq!(stored, expected, "{}", decoded.request_no);
    }
}

fn bits(value: &str) -> u64 {
    value.parse::<f64>().unwrap().to_bits()
}

#[derive(Deserialize)]
struct Scrape {
    headers: Vec<(String, String)>,
}

#[tokio::test]
async fn a_prometheus_can_scrape_us() {
    let Some(dir) = recordings() else { return };
    let server = Server::without_store();
    for scrape in lines::<Scrape>(&dir.join("scrape-requests.jsonl")) {
        let mut request = Request::get("/metrics");
        for (name, value) in &scrape.headers {
            if name != "Accept-Encoding" {
                request = request.header(name, value);
            }
        }
        let page = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(
            page.header("content-type")
                .starts_with("text/plain; version=0.0.4")
        );
        assert!(page.text().contains("\ntsdb_ready 0\n"));
    }
}
