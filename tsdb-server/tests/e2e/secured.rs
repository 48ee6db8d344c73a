//! A real Prometheus with TLS, a user and a token.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::asked_for;
use crate::common::http::encoded;
use crate::common::https::{Client, FILES};
use crate::common::process::{Process, Program, until};
use crate::prometheus::{Prometheus, ask, two_addresses};

/// `grafana:grafana-password`
const GRAFANA: &str = "authorization: Basic Z3JhZmFuYTpncmFmYW5hLXBhc3N3b3Jk\r\n";

/// Our server; its data and its web configuration are in `dir`.
fn start(dir: &Path) -> Process {
    let hash = |password| bcrypt::hash(password, 6).unwrap();
    let config = format!(
        "tls_server_config:\n  cert_file: {FILES}server.crt\n  key_file: {FILES}server.key\n\
         basic_auth_users:\n  prometheus: {}\n  grafana: {}\n\
         basic_auth_scopes:\n  prometheus: [write, read]\n  grafana: [read]\n\
         bearer_tokens:\n  - token_file: writer\n    scopes: [write]\n  - token_file: reader\n    scopes: [read]\n",
        hash("prometheus-password"),
        hash("grafana-password")
    );
    std::fs::write(dir.join("web.yml"), config).unwrap();
    std::fs::write(dir.join("writer"), "writer-token").unwrap();
    std::fs::write(dir.join("reader"), "reader-token").unwrap();
    let mut command = Command::new(Process::path());
    command
        .args(["--listen=127.0.0.1:0", "--data-dir"])
        .arg(dir.join("data"))
        .arg("--web.config.file")
        .arg(dir.join("web.yml"));
    Process::of(Program::start(command))
}

/// The configuration of a Prometheus that scrapes itself and our server; the indented lines say who it is to us.
fn config(own: &str, ours: &str, name: &str, credentials: &str, more: &str) -> String {
    format!(
        "global:\n  scrape_interval: 1s\n  external_labels: {{ sender: {name} }}\n\
         scrape_configs:\n\
         - job_name: self\n  static_configs: [ targets: [ \"{own}\" ] ]\n\
         - job_name: ours\n  scheme: https\n  tls_config: {{ ca_file: {FILES}ca.crt }}\n  \
           basic_auth: {{ username: prometheus, password: prometheus-password }}\n  \
           static_configs: [ targets: [ \"{ours}\" ] ]\n\
         remote_write:\n- url: https://{ours}/api/v1/write\n  tls_config: {{ ca_file: {FILES}ca.crt }}\n  \
           queue_config: {{ batch_send_deadline: 1s }}\n{credentials}{more}"
    )
}

#[test]
fn prometheus_writes_is_scraped_and_reads_with_tls_users_and_tokens() {
    if !asked_for("secured") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let ours = start(dir.path());
    let (one, two) = two_addresses();
    let by_user = "  basic_auth: { username: prometheus, password: prometheus-password }\n";
    let by_token = "  authorization: { credentials: writer-token }\n";
    let read = format!(
        "remote_read:\n- url: https://{}/api/v1/read\n  read_recent: true\n  \
         authorization: {{ credentials: reader-token }}\n  tls_config: {{ ca_file: {FILES}ca.crt }}\n",
        ours.address
    );
    let mut running = Vec::new();
    for (address, name, credentials, more) in [
        (&one, "user", by_user, ""),
        (&two, "token", by_token, read.as_str()),
    ] {
        let dir = dir.path().join(name);
        std::fs::create_dir(&dir).unwrap();
        let config = config(address, &ours.address, name, credentials, more);
        running.push(Prometheus::start(&dir, address, &config, &[]));
    }

    // As Grafana asks: a form, and headers of its own.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let query = |target: &str, form: &str, headers: &str| {
        let headers = format!(
            "{headers}x-grafana-org-id: 1\r\nuser-agent: Grafana/11.0\r\ncontent-type: application/x-www-form-urlencoded\r\n"
        );
        let line = format!("POST {target}");
        let answer = Client::default().send(&ours.address, &line, &headers, form);
        let answer = runtime.block_on(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    };
    let senders = until("samples of both senders", || {
        let form = encoded(&[("query", "count by (sender) (up == 1)")]);
        let (head, body) = query("/api/v1/query", &form, GRAFANA);
        assert!(head.starts_with("HTTP/1.0 200"), "{head}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        let result = answer["data"]["result"].as_array().unwrap().clone();
        let complete = result.len() == 2 && result.iter().all(|r| r["value"][1] == "2");
        complete.then_some(result)
    });
    assert_eq!(senders.len(), 2);

    // Our server's own metrics were scraped over TLS, and come back by remote read.
    until("remote read", || {
        let answer = ask(
            &two,
            "/api/v1/query",
            &[("query", "count(tsdb_ready{sender=\"user\"})")],
        );
        let answer = answer.unwrap();
        (answer["result"][0]["value"][1] == "1").then_some(())
    });
    let failed = "prometheus_remote_storage_samples_failed_total";
    assert!(
        running
            .iter()
            .all(|prometheus| prometheus.metric(failed) <= 0.0)
    );

    let (head, _) = query("/api/v1/query", "query=1", "");
    assert!(head.starts_with("HTTP/1.0 401"), "{head}");
    let (head, _) = query("/api/v1/write", "", GRAFANA);
    assert!(head.starts_with("HTTP/1.0 403"), "{head}");
}
