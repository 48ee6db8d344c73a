//! Grafana's Prometheus data source: its 52 calls.

use serde_json::{Value, json};

use super::{Exchange, Expect, lines, loaded, recordings, replay_all, shape};
use crate::common::wire::owned;
use crate::support::Server;

fn expect(exchange: &Exchange) -> Expect {
    let path = exchange.target.split('?').next().unwrap();
    match (path, exchange.note.as_str()) {
        ("/api/v1/rules" | "/api/v1/alerts", _) => {
            Expect::Empty("rules are evaluated by the Prometheus that writes here")
        }
        ("/api/v1/targets" | "/api/v1/targets/metadata" | "/api/v1/alertmanagers", _) => {
            Expect::Empty("nothing is scraped here, and nobody is alerted")
        }
        ("/api/v1/label/U__http_2e_status:code/values", _) => Expect::Differs(
            "3.x unescapes names that begin with U__, and there is no such label",
            200,
            json!({"status": "success", "data": []}),
        ),
        (_, "missing query") => Expect::Differs(
            "3.x names no position in an empty query",
            400,
            json!({
                "status": "error",
                "errorType": "bad_data",
                "error": "invalid parameter \"query\": unknown position: parse error: no expression found in input",
            }),
        ),
        ("/api/v1/query", _)
            if exchange
                .request_body
                .as_deref()
                .is_some_and(|b| b.starts_with("query=topk%28")) =>
        {
            Expect::Unordered(
                "of equal values the order in the store decides, which is not that of Prometheus's head",
            )
        }
        ("/api/v1/parse_query", _) => {
            Expect::Elsewhere("2.42 has none, see `trees_are_those_that_prometheus_shows`")
        }
        ("/federate", _) => Expect::Elsewhere(
            "what is federated depends on the clock, see `federation_is_the_recorded_page`",
        ),
        (_, "series, limit=3 (2.42 does not know limit)") => {
            Expect::Elsewhere("3.x cuts at the limit and warns, see `series_are_cut_at_the_limit`")
        }
        (_, "instant: problem_counter * on(nope) up") => Expect::Elsewhere(
            "3.x words the error otherwise, see `the_many_to_many_error_is_the_one_of_3_14`",
        ),
        ("/api/v1/query_range", note) if note.starts_with("custom parameter") => Expect::Elsewhere(
            "3.x has `samplesRead` as well, see `samples_are_counted_as_prometheus_counts_them`",
        ),
        (
            "/api/v1/status/buildinfo"
            | "/api/v1/status/config"
            | "/api/v1/status/tsdb"
            | "/api/v1/status/walreplay",
            _,
        ) => Expect::Shape,
        ("/api/v1/status/runtimeinfo", _) => {
            Expect::Elsewhere("3.x has more keys, see `runtimeinfo_has_the_keys_of_2_42_and_more`")
        }
        ("/api/v1/status/flags", _) => {
            Expect::Elsewhere("other flags, see `flags_are_a_map_of_strings`")
        }
        _ => Expect::Same,
    }
}

#[tokio::test]
async fn recorded_requests_get_the_recorded_answers() {
    let Some(dir) = recordings() else { return };
    let exchanges: Vec<Exchange> = lines(&dir.join("grafana-replayed.jsonl"));
    assert_eq!(exchanges.len(), 52);
    let compared = replay_all(&loaded(&dir).await, exchanges, expect).await;
    assert_eq!(compared, 45, "and the others elsewhere");
}

#[tokio::test]
async fn series_are_cut_at_the_limit() {
    let Some(dir) = recordings() else { return };
    let answer = loaded(&dir)
        .await
        .form(
            "/api/v1/series",
            "match%5B%5D=%7B__name__%21%3D%22%22%7D&limit=3",
        )
        .await
        .json();
    assert_eq!(answer["data"].as_array().unwrap().len(), 3);
    assert_eq!(
        answer["warnings"],
        json!(["results truncated due to limit"])
    );
}

#[tokio::test]
async fn the_many_to_many_error_is_the_one_of_3_14() {
    let Some(dir) = recordings() else { return };
    let target = "/api/v1/query?query=problem_counter+%2A+on%28nope%29+up&time=1795446030.249";
    let answer = loaded(&dir).await.get(target).await;
    assert_eq!(answer.status, 422);
    let answer = answer.json();
    assert_eq!(answer["errorType"], "execution");
    let text = answer["error"].as_str().unwrap();
    assert!(
        text.starts_with("found duplicate series for the match group {} on the right"),
        "{text}"
    );
    assert!(
        text.ends_with(
            "many-to-many matching not allowed: matching labels must be unique on one side"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn runtimeinfo_has_the_keys_of_2_42_and_more() {
    let Some(dir) = recordings() else { return };
    let recorded = lines::<Exchange>(&dir.join("grafana-replayed.jsonl"));
    let recorded = recorded
        .iter()
        .find(|e| e.target == "/api/v1/status/runtimeinfo")
        .unwrap();
    let theirs: Value = serde_json::from_str(&recorded.response_body).unwrap();
    let ours = Server::without_store()
        .get("/api/v1/status/runtimeinfo")
        .await
        .json();
    for (key, value) in theirs["data"].as_object().unwrap() {
        assert_eq!(shape(&ours["data"][key]), shape(value), "{key}");
    }
}

#[tokio::test]
async fn flags_are_a_map_of_strings() {
    let flags = Server::without_store()
        .get("/api/v1/status/flags")
        .await
        .json();
    let flags = flags["data"].as_object().unwrap();
    assert!(flags.values().all(Value::is_string));
    assert_eq!(flags["query.lookback-delta"], "5m");
    assert_eq!(flags["storage.tsdb.retention.time"], "15d");
}

#[tokio::test]
async fn federation_is_the_recorded_page() {
    let Some(dir) = recordings() else { return };
    let recorded: Vec<Exchange> = lines(&dir.join("grafana-replayed.jsonl"));
    let recorded = recorded.iter().find(|e| e.target.starts_with("/federate"));
    let recorded = recorded.unwrap();
    let server = Server::configured("global: {external_labels: {cluster: test, replica: a}}\n");
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    let now_ms = i64::try_from(since.as_millis()).unwrap();
    // The recorded samples, moved to now.
    let mut expected = recorded.response_body.clone();
    for (job, value, t_ms) in [
        ("cadvisor", 1.0, 1_795_446_029_038_i64),
        ("gone", 0.0, 1_795_446_028_374),
        ("ksm", 1.0, 1_795_446_029_761),
        ("npd", 1.0, 1_795_446_029_396),
    ] {
        let moved_ms = t_ms - 1_795_446_030_000 + now_ms;
        let labels = [
            ("__name__", "up"),
            ("instance", "127.0.0.1:28417"),
            ("job", job),
        ];
        let written = server
            .write(&[(owned(&labels), vec![(moved_ms, value)])])
            .await;
        assert_eq!(written.status, 204);
        expected = expected.replace(&t_ms.to_string(), &moved_ms.to_string());
    }
    let page = server.get(&recorded.target).await;
    assert_eq!(page.text(), expected);
    let content_type = page.header("content-type");
    let type_2_42 = "text/plain; version=0.0.4; charset=utf-8";
    // 3.x names the escaping.
    assert_eq!(content_type, format!("{type_2_42}; escaping=underscores"));
}
