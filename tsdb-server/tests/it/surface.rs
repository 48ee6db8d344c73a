//! What does not depend on what is stored.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn until_the_store_is_open_the_server_is_healthy_but_not_ready() {
    let server = Server::without_store();
    assert_eq!(server.get("/-/healthy").await.status, StatusCode::OK);
    for target in ["/-/ready", "/api/v1/labels", "/api/v1/query?query=1"] {
        let answer = server.get(target).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{target}");
        assert!(!answer.header("retry-after").is_empty(), "{target}");
    }
    let written = server.write_raw(Vec::new()).await;
    assert_eq!(written.status, StatusCode::SERVICE_UNAVAILABLE);
    let metrics = server.get("/metrics").await;
    assert!(metrics.text().contains("\ntsdb_ready 0\n"));
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_plain_text() {
    let server = Server::without_store();
    for target in ["/api/v1/nosuch", "/nosuch", "/api/v1/label/a/b/values"] {
        let answer = server.get(target).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer.text(), "404 page not found\n");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    }
    let answer = server.request(Method::DELETE, "/api/v1/query").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(
        server.get("/api/v1/write").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn origins_may_read_if_they_are_named() {
    let server = Server::new(&["--web.cors.origin=.*"]);
    let request = |method| {
        Request::builder()
            .method(method)
            .uri("/api/v1/rules")
            .header("origin", "http://x")
    };
    let preflight = server
        .send(request(Method::OPTIONS).body(Body::empty()).unwrap())
        .await;
    assert_eq!(
        (preflight.status, preflight.body.len()),
        (StatusCode::NO_CONTENT, 0)
    );
    let answer = server
        .send(request(Method::GET).body(Body::empty()).unwrap())
        .await;
    for a in [preflight, answer] {
        assert_eq!(a.header("access-control-allow-origin"), "*");
        assert_eq!(
            a.header("access-control-allow-methods"),
            "GET, POST, OPTIONS"
        );
    }
    assert_eq!(
        server
            .get("/api/v1/rules")
            .await
            .header("access-control-allow-origin"),
        ""
    );
    // By default no page of another origin may.
    for (flags, allowed) in [
        (&[][..], ""),
        (&["--web.cors.origin=http://(x|y)"], "http://x"),
    ] {
        let answer = Server::new(flags)
            .send(request(Method::GET).body(Body::empty()).unwrap())
            .await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
    }
}

#[tokio::test]
async fn the_reading_side_is_behind_a_prefix_as_well() {
    let server = Server::new(&[]);
    for path in [
        "/api/v1/query?query=1&time=4",
        "/api/v1/labels",
        "/api/v1/status/buildinfo",
        "/federate?match[]=up",
        "/-/ready",
    ] {
        let plain = server.get(path).await;
        let prefixed = server.get(&format!("/prometheus{path}")).await;
        assert_eq!(plain.status, StatusCode::OK, "{path}");
        assert_eq!(
            (prefixed.status, prefixed.text()),
            (plain.status, plain.text()),
            "{path}"
        );
    }
    for path in [
        "/prometheus/remote/write",
        "/api/v1/push",
        "/api/v1/prom/write",
    ] {
        let written = server.request(Method::POST, path).await;
        assert_eq!(written.status, StatusCode::NO_CONTENT, "{path}");
    }
    for path in ["/prometheus/api/v1/read", "/api/v1/prom/read"] {
        let answer = server.request(Method::POST, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn what_is_not_here_is_an_empty_list() {
    let server = Server::without_store();
    for (path, data) in [
        ("rules?type=alert", json!({"groups": []})),
        ("alerts", json!({"alerts": []})),
        (
            "alertmanagers",
            json!({"activeAlertmanagers": [], "droppedAlertmanagers": []}),
        ),
        (
            "targets",
            json!({"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}}),
        ),
        ("targets/metadata?limit=1", json!([])),
        ("scrape_pools", json!({"scrapePools": []})),
        ("notifications", json!([])),
    ] {
        let answer = server.get(&format!("/api/v1/{path}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(
            answer.json(),
            json!({"status": "success", "data": data}),
            "{path}"
        );
    }
    // With it Grafana would take us for another system; without the search API it asks otherwise.
    for path in ["features", "search/metric_names"] {
        let answer = server.get(&format!("/api/v1/{path}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn buildinfo_is_a_prometheus_without_features() {
    let info = Server::without_store()
        .get("/api/v1/status/buildinfo")
        .await
        .json();
    let data = info["data"].as_object().unwrap();
    assert_eq!(data["version"], "3.14.0");
    assert!(data.values().all(serde_json::Value::is_string));
    assert!(!data.contains_key("features"));
}

#[tokio::test]
async fn switches_that_are_off_say_so() {
    let server = Server::without_store();
    for target in [
        "/api/v1/admin/tsdb/flush",
        "/api/v1/admin/tsdb/snapshot",
        "/api/v1/admin/tsdb/delete_series?match[]=up",
        "/api/v1/admin/tsdb/clean_tombstones",
    ] {
        let answer = server.request(Method::POST, target).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(
            answer.json(),
            json!({"status": "error", "errorType": "unavailable", "error": "admin APIs disabled"})
        );
    }
    let reload = server.request(Method::POST, "/-/reload").await;
    assert_eq!(
        (reload.status, reload.text()),
        (StatusCode::FORBIDDEN, "Lifecycle API is not enabled.")
    );
}

#[tokio::test]
async fn large_answers_are_compressed_when_asked() {
    let server = Server::without_store();
    let ask = |encoding| {
        let request = Request::get("/metrics").header("accept-encoding", encoding);
        server.send(request.body(Body::empty()).unwrap())
    };
    assert_eq!(ask("gzip").await.header("content-encoding"), "gzip");
    for other in ["identity", "deflate", "zstd", "br"] {
        assert_eq!(ask(other).await.header("content-encoding"), "", "{other}");
    }
}

#[tokio::test]
async fn paths_from_outside_make_no_series_of_ours() {
    let server = Server::without_store();
    server.get("/nosuch/7c2b").await;
    server.get("/api/v1/label/7c2b/values").await;
    let metrics = server.get("/metrics").await;
    assert!(!metrics.text().contains("7c2b"), "{}", metrics.text());
    assert!(
        metrics
            .text()
            .contains("handler=\"/api/v1/label/{name}/values\",code=\"503\"} 1")
    );
}

#[tokio::test]
async fn nothing_redirects() {
    let server = Server::new(&["--web.enable-admin-api"]);
    let mut targets: Vec<String> = tsdb_server::paths();
    for target in [
        "//evil.example",
        "/new//evil.example",
        "/graph",
        "/%5cevil.example",
        "/api/v1/query/",
        "/?u=https://evil.example",
    ] {
        targets.push(target.to_owned());
    }
    for target in targets {
        for method in [Method::GET, Method::POST] {
            let answer = server.request(method, &target).await;
            assert_eq!(answer.header("location"), "", "{target}");
            assert_ne!(answer.status.as_u16() / 100, 3, "{target}");
        }
    }
}

#[tokio::test]
async fn a_snapshot_has_the_name_that_we_give() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let server = Server::on(&store);
    let target = "/api/v1/admin/tsdb/snapshot?name=../../evil&dir=/evil";
    let answer = server.request(Method::POST, target).await;
    let name = answer.json()["data"]["name"].as_str().unwrap().to_owned();
    assert!(
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
        "{name}"
    );
    assert!(store.join("snapshots").join(&name).is_dir());
    let beside: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
}

/// Names of our metrics in a text.
fn metrics_named(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '_');
    words.filter(|word| word.starts_with("tsdb_"))
}

#[tokio::test]
async fn every_metric_that_alerts_and_operations_name_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("web.yml");
    std::fs::write(&file, "http_server_config: {http2: true}\n").unwrap();
    let (server, _) = Server::guarded(&file, &[]);
    server.get("/-/healthy").await; // so that a request is counted
    let page = server.get("/metrics").await;
    let alerts = include_str!("../../../docs/alerts/tsdb.rules.yml");
    let operations = include_str!("../../../docs/operations.md");
    let mut named = 0;
    for name in metrics_named(alerts).chain(metrics_named(operations)) {
        let family = format!("# TYPE {name} ");
        assert!(page.text().contains(&family), "{name}");
        named += 1;
    }
    assert!(named > 20, "{named}");
}
