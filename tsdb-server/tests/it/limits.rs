//! The configuration file, its reload, and the limits of series and memory.

use std::path::Path;

use axum::http::{Method, Request, StatusCode};
use serde_json::json;

use crate::common::process::{Process, until};
use crate::common::wire::{Series, owned};
use crate::support::Server;

fn samples(metric: &str, paths: std::ops::Range<u32>) -> Vec<Series> {
    let series = paths.map(|path| {
        let path = path.to_string();
        let labels = owned(&[("__name__", metric), ("job", "web"), ("path", &path)]);
        (labels, vec![(1_700_000_000_000, 1.0)])
    });
    series.collect()
}

/// A server with a configuration file and the flags to reload it.
fn server(file: &Path, text: &str) -> Server {
    std::fs::write(file, text).unwrap();
    let file = file.to_str().unwrap();
    Server::new(&["--config.file", file, "--web.enable-lifecycle"])
}

/// A server with this configuration in effect.
async fn configured(dir: &Path, text: &str) -> Server {
    let server = server(&dir.join("tsdb.yml"), text);
    assert_eq!(reload(&server).await.0, StatusCode::OK);
    server
}

async fn reload(server: &Server) -> (StatusCode, String) {
    let answer = server.request(Method::POST, "/-/reload").await;
    (answer.status, answer.text().to_owned())
}

#[tokio::test]
async fn the_retention_changes_with_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tsdb.yml");
    let server = server(&file, "retention: {time: 2d, size: 1GB}\n");
    let in_effect = || async {
        let info = server.get("/api/v1/status/runtimeinfo").await.json();
        info["data"]["storageRetention"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(reload(&server).await.0, StatusCode::OK);
    assert_eq!(in_effect().await, "2d or 1GB");

    const NEWEST_MS: i64 = 1_700_000_000_000;
    let accepted = |job: &'static str, days: i64| {
        let server = &server;
        async move {
            let labels = owned(&[("__name__", "up"), ("job", job)]);
            let sample = (NEWEST_MS - days * 86_400_000, 1.0);
            server.write(&[(labels, vec![sample])]).await.status == StatusCode::NO_CONTENT
        }
    };
    assert!(accepted("a", 0).await && accepted("a", 1).await);
    assert!(!accepted("a", 3).await && !accepted("b", 3).await);

    let classes = "retention:\n  classes:\n    - {match: 'up{job=\"a\"}', time: 0}\n";
    std::fs::write(&file, classes).unwrap();
    assert_eq!(reload(&server).await.0, StatusCode::OK);
    assert_eq!(in_effect().await, "15d");
    assert!(accepted("a", 30).await && accepted("b", 14).await);
    assert!(!accepted("b", 16).await);
    let yaml = server.get("/api/v1/status/config").await.json();
    let yaml = yaml["data"]["yaml"].as_str().unwrap();
    assert!(yaml.contains("time: 15d"), "{yaml}");

    std::fs::write(&file, "retention:\n  classes: [{match: '{}', time: 1d}]\n").unwrap();
    let (status, reason) = reload(&server).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        reason.contains(":2:") && reason.contains("matcher"),
        "{reason}"
    );
    assert!(accepted("a", 31).await, "what was stays in effect");
}

#[tokio::test]
async fn a_setting_is_a_flag_or_stands_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tsdb.yml");
    std::fs::write(&file, "retention: {size: 1GB}\n").unwrap();
    let flags = |size| {
        let file = file.to_str().unwrap();
        let server = Server::new(&["--web.enable-lifecycle", "--config.file", file, size]);
        async move { reload(&server).await }
    };
    let (status, reason) = flags("--storage.tsdb.retention.size=2GB").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(reason.contains("--storage.tsdb.retention.size"), "{reason}");
    let other = "--storage.tsdb.retention.time=1d";
    assert_eq!(flags(other).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_reload_applies_the_file_or_keeps_what_was() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tsdb.yml");
    let server = server(&file, "global: {external_labels: {cluster: a}}\n");
    let yaml = || async {
        let answer = server.get("/api/v1/status/config").await.json();
        answer["data"]["yaml"].as_str().unwrap().to_owned()
    };
    assert_eq!(reload(&server).await.0, StatusCode::OK);
    let before = yaml().await;
    assert!(before.contains("cluster: a"), "{before}");

    std::fs::write(&file, "limits:\n  activ_series: 1\n").unwrap();
    let (status, reason) = reload(&server).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let place = format!("failed to reload config: {}:2:", file.display());
    assert!(reason.starts_with(&place), "{reason}");
    assert!(
        reason.contains("perhaps \"active_series\" is meant"),
        "{reason}"
    );
    assert_eq!(yaml().await, before);
    let metrics = server.get("/metrics").await;
    assert!(
        metrics
            .text()
            .contains("\ntsdb_config_last_reload_successful 0\n")
    );
    let info = server.get("/api/v1/status/runtimeinfo").await.json();
    assert_eq!(info["data"]["reloadConfigSuccess"], json!(false));

    std::fs::write(&file, "limits:\n  active_series: 1\n").unwrap();
    assert_eq!(reload(&server).await.0, StatusCode::OK);
    assert!(yaml().await.contains("active_series: 1"));
    let metrics = server.get("/metrics").await;
    assert!(
        metrics
            .text()
            .contains("\ntsdb_config_last_reload_successful 1\n")
    );
    let refused = server.write(&samples("up", 0..2)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn new_series_beyond_the_limit_are_refused_for_now_and_known_ones_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let text = "limits: {new_series: 10, new_series_interval: 1h}\n";
    let server = configured(dir.path(), text).await;
    assert_eq!(
        server.write(&samples("http", 0..10)).await.status,
        StatusCode::NO_CONTENT
    );

    let refused = server.write(&samples("http", 5..17)).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let wait_s: u64 = refused.header("retry-after").parse().unwrap();
    assert!((3500..=3601).contains(&wait_s), "{wait_s}");
    let text = refused.text();
    assert!(text.contains("limit of new series"), "{text}");
    assert!(text.contains("accepted: 5 samples"), "{text}");
    assert!(
        text.contains("\"http\" (10 and 7 refused, by labels path)"),
        "{text}"
    );

    let answer = server.get("/api/v1/status/tsdb").await.json();
    let makers = &answer["data"]["newSeriesCountByMetricName"];
    assert_eq!(
        *makers,
        json!([{"name": "http", "value": 10, "refused": 7, "labels": ["path"]}])
    );
    let query = "/api/v1/query?query=count(http)&time=1700000000";
    let count = server.get(query).await.json();
    assert_eq!(count["data"]["result"][0]["value"][1], "10");
}

#[test]
fn samples_of_more_days_than_may_be_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let flags = [
        "--storage.max-partitions",
        "2",
        "--storage.tsdb.retention.time",
        "0",
        "--influx.create-databases",
    ];
    let process = Process::start_at("127.0.0.1:0", dir.path(), &flags);
    for (day, expected) in [(0, 204), (1, 204), (2, 400), (1, 204)] {
        let ns = (1_700_000_000 - day * 86_400_i64) * 1_000_000_000;
        let line = format!("up value=1 {ns}");
        let (status, text) = process.request("POST /write?db=days", line.as_bytes());
        assert_eq!(status, expected, "day {day}: {text}");
        let told = text.contains("storage.max-partitions");
        assert_eq!(told, expected == 400, "{text}");
    }
}

#[tokio::test]
async fn points_of_too_many_new_series_are_refused_for_now() {
    let dir = tempfile::tempdir().unwrap();
    let text = "limits: {new_series: 2, new_series_interval: 1h}\n";
    let server = configured(dir.path(), text).await;
    let make = "/query?q=CREATE%20DATABASE%20d";
    let made = server.request(Method::POST, make).await;
    assert_eq!(made.status, StatusCode::OK);
    let lines = "m,host=a v=1\nm,host=b v=1\nm,host=c v=1\n";
    let write = Request::post("/write?db=d").body(lines.into()).unwrap();
    let refused = server.send(write).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!refused.header("retry-after").is_empty());
    let text = refused.text();
    assert!(text.contains("partial write: "), "{text}");
    assert!(text.contains("dropped=1"), "{text}");
}

#[tokio::test]
async fn what_needs_more_memory_than_there_is_comes_again_later() {
    let server = Server::with_memory(33 << 20);
    let body = vec![0; 34 << 20];
    let answer = server.write_raw(body).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.header("retry-after").is_empty());
    assert!(answer.text().contains("memory"), "{}", answer.text());
}

#[tokio::test]
async fn statements_take_memory_for_what_they_read_and_give_it_back_group_by_group() {
    let server = Server::with_memory(33 << 20);
    let made = server
        .request(Method::POST, "/query?q=CREATE%20DATABASE%20d")
        .await;
    assert_eq!(made.status, StatusCode::OK);
    for host in 0..20 {
        for part in 0..5 {
            let lines = (0..500).map(|i| {
                let t_ms = 1_700_000_000_000_u64 + 500 * part + i;
                format!("m,host={host} v={i},a={i},b={i},c={i} {t_ms}\n")
            });
            let body = lines.collect::<String>();
            let write = Request::post("/write?db=d&precision=ms")
                .header("content-length", body.len())
                .body(body.into());
            let answer = server.send(write.unwrap()).await;
            assert!(answer.status.is_success(), "{host} {}", answer.text());
        }
    }
    let ask = async |q: &str| {
        let target = format!(
            "/query?db=d&q={}",
            q.replace(' ', "%20").replace('*', "%2A")
        );
        server.get(&target).await
    };
    let refused = ask("SELECT * FROM m").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!refused.header("retry-after").is_empty());
    assert!(refused.text().contains("memory"), "{}", refused.text());
    let counted = ask("SELECT count(v) FROM m GROUP BY host").await.json();
    let series = counted["results"][0]["series"].as_array().unwrap();
    assert_eq!(series.len(), 20);
    let newest = ask("SELECT v FROM m GROUP BY host ORDER BY time DESC LIMIT 1").await;
    assert_eq!(
        newest.json()["results"][0]["series"]
            .as_array()
            .unwrap()
            .len(),
        20
    );
}

#[tokio::test]
async fn the_progress_of_recovery_is_told_before_the_store_is_open() {
    let answer = Server::without_store()
        .get("/api/v1/status/walreplay")
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.json()["data"],
        json!({"min": 0, "max": 0, "current": 0})
    );
}

#[test]
fn signals_and_requests_steer_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tsdb.yml");
    std::fs::write(&file, "global: {external_labels: {cluster: a}}\n").unwrap();
    let flags = [
        "--config.file",
        file.to_str().unwrap(),
        "--web.enable-lifecycle",
    ];
    let mut process = Process::start_at("127.0.0.1:0", &dir.path().join("data"), &flags);
    let config = |process: &Process| process.request("GET /api/v1/status/config", &[]).1;
    assert!(config(&process).contains("cluster: a"));
    std::fs::write(&file, "global: {external_labels: {cluster: b}}\n").unwrap();
    process.program.signal("HUP");
    until("reload", || {
        config(&process).contains("cluster: b").then_some(())
    });
    let replay = process.request("GET /api/v1/status/walreplay", &[]).1;
    assert!(replay.contains("\"min\":0"), "{replay}");
    assert_eq!(process.request("PUT /-/quit", &[]).0, 200);
    assert_eq!(process.program.wait(), Some(0));
}
