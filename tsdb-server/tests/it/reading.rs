//! The query API through the router.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::common::wire::owned;
use crate::support::Server;

/// 1,700,000,000 s and 60 s of samples each 15 s, of `up` for three jobs.
async fn server() -> Server {
    let server = Server::new(&[]);
    let series: Vec<_> = ["a", "b", "c"]
        .iter()
        .zip(1u32..)
        .map(|(job, n)| {
            let samples = (0..5).map(|i| (1_700_000_000_000 + 15_000 * i, f64::from(n)));
            (
                owned(&[("__name__", "up"), ("job", job), ("http.status", "200")]),
                samples.collect(),
            )
        })
        .collect();
    assert_eq!(server.write(&series).await.status, StatusCode::NO_CONTENT);
    server
}

#[tokio::test]
async fn form_and_url_are_merged_and_empty_parameters_absent() {
    let server = server().await;
    let answer = server
        .form(
            "/api/v1/query?time=1700000000&query=nosuch&whatever=1",
            "query=sum%28up%29&timeout=&limit=&lookback_delta=",
        )
        .await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        answer.json()["data"]["result"],
        json!([{"metric": {}, "value": [1_700_000_000, "6"]}])
    );
}

#[tokio::test]
async fn ranges_have_fractional_steps() {
    let answer = server()
        .await
        .form(
            "/api/v1/query_range",
            "query=sum%28up%29&start=1700000000&end=1700000001&step=0.5",
        )
        .await;
    assert_eq!(
        answer.text(),
        r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1700000000,"6"],[1700000000.500,"6"],[1700000001,"6"]]}]}}"#
    );
}

#[tokio::test]
async fn limits_cut_with_a_warning() {
    let server = server().await;
    let warning = json!(["results truncated due to limit"]);
    for (target, rows) in [
        (
            "/api/v1/query?query=up&time=1700000000&limit=2",
            "/data/result",
        ),
        (
            "/api/v1/query_range?query=up&start=1700000000&end=1700000060&step=15&limit=2",
            "/data/result",
        ),
        ("/api/v1/series?match[]=up&limit=2", "/data"),
        ("/api/v1/labels?limit=2", "/data"),
        ("/api/v1/label/job/values?limit=2", "/data"),
    ] {
        let cut = server.get(target).await.json();
        assert_eq!(
            cut.pointer(rows).unwrap().as_array().unwrap().len(),
            2,
            "{target}"
        );
        assert_eq!(cut["warnings"], warning, "{target}");
        for unlimited in ["limit=0", "limit=3"] {
            let all = server
                .get(&target.replace("limit=2", unlimited))
                .await
                .json();
            assert_eq!(
                all.pointer(rows).unwrap().as_array().unwrap().len(),
                3,
                "{target}"
            );
            assert!(all.get("warnings").is_none(), "{target}");
        }
        for bad in ["limit=-1", "limit=x"] {
            let answer = server.get(&target.replace("limit=2", bad)).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        }
    }
}

#[tokio::test]
async fn names_and_values_come_sorted_and_restricted() {
    let server = server().await;
    let data = async |target: &str| server.get(target).await.json()["data"].clone();
    assert_eq!(
        data("/api/v1/labels").await,
        json!(["__name__", "http.status", "job"])
    );
    assert_eq!(
        data("/api/v1/label/job/values").await,
        json!(["a", "b", "c"])
    );
    assert_eq!(
        data(
            "/api/v1/label/job/values?match[]=up%7Bjob%3D%22c%22%7D&match[]=up%7Bjob%3D%22a%22%7D"
        )
        .await,
        json!(["a", "c"])
    );
    assert_eq!(
        data("/api/v1/label/U__http_2e_status/values").await,
        json!(["200"])
    );
    assert_eq!(data("/api/v1/label/nosuch/values").await, json!([]));
    assert_eq!(data("/api/v1/labels?start=1&end=2").await, json!([]));
    assert_eq!(
        data("/api/v1/series?match[]=up%7Bjob%3D%22b%22%7D&match[]=up%7Bjob!~%22a%7Cc%22%7D").await,
        json!([{"__name__": "up", "http.status": "200", "job": "b"}])
    );
    assert_eq!(data("/api/v1/series?match[]=nosuch").await, json!([]));
}

#[tokio::test]
async fn errors_have_their_type_status_and_words() {
    let server = server().await;
    for (target, status, kind, text) in [
        (
            "/api/v1/query?query=up%7B",
            400,
            "bad_data",
            "invalid parameter \"query\": 1:4: parse error: unexpected end of input inside braces",
        ),
        (
            "/api/v1/query?query=up&time=x",
            400,
            "bad_data",
            "invalid parameter \"time\": Invalid time value for 'time': cannot parse \"x\" to a valid timestamp",
        ),
        (
            "/api/v1/query?query=up&timeout=x",
            400,
            "bad_data",
            "invalid parameter \"timeout\": cannot parse \"x\" to a valid duration",
        ),
        (
            "/api/v1/query_range?query=up&end=1&step=1",
            400,
            "bad_data",
            "invalid parameter \"start\": cannot parse \"\" to a valid timestamp",
        ),
        (
            "/api/v1/query_range?query=up&start=1&end=1",
            400,
            "bad_data",
            "invalid parameter \"step\": cannot parse \"\" to a valid duration",
        ),
        (
            "/api/v1/query_range?query=up&start=0&end=11001&step=1",
            400,
            "bad_data",
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ),
        (
            "/api/v1/series?match[]=%7B%7D",
            400,
            "bad_data",
            "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher",
        ),
        (
            "/api/v1/query?query=up+%2B+on%28%29+up&time=1700000000",
            422,
            "execution",
            "",
        ),
        (
            "/api/v1/query?query=up&timeout=-1",
            503,
            "timeout",
            "query timed out in expression evaluation",
        ),
    ] {
        let answer = server.get(target).await;
        let body = answer.json();
        assert_eq!(
            (answer.status.as_u16(), &body["errorType"]),
            (status, &json!(kind)),
            "{target}: {body}"
        );
        if !text.is_empty() {
            assert_eq!(body["error"], text, "{target}");
        }
    }
    let most = server
        .get("/api/v1/query_range?query=up&start=0&end=11000&step=1")
        .await;
    assert_eq!(most.status, StatusCode::OK);
}

#[tokio::test]
async fn status_pages_tell_of_the_store() {
    let server = server().await;
    let tsdb = server.get("/api/v1/status/tsdb?limit=1").await.json();
    assert_eq!(tsdb["data"]["headStats"]["numSeries"], 3);
    assert_eq!(
        tsdb["data"]["seriesCountByMetricName"],
        json!([{"name": "up", "value": 3}])
    );
    let metrics = server.get("/metrics").await;
    assert!(
        metrics.text().contains("\ntsdb_head_series 3\n"),
        "{}",
        metrics.text()
    );
    assert!(
        metrics
            .text()
            .contains("\ntsdb_samples_accepted_total 15\n")
    );
    assert_eq!(server.get("/-/ready").await.status, StatusCode::OK);
}

#[tokio::test]
async fn damage_is_a_warning_and_the_rest_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let day_ms = 86_400_000;
    {
        let server = Server::on(dir.path());
        let samples = (1..4).map(|day| (day * day_ms, day as f64)).collect();
        let series = (owned(&[("__name__", "m")]), samples);
        assert_eq!(server.write(&[series]).await.status, StatusCode::NO_CONTENT);
        let flushed = server
            .request(Method::POST, "/api/v1/admin/tsdb/flush")
            .await;
        assert_eq!(flushed.status, StatusCode::NO_CONTENT);
    }
    // Of the three runs, one a day, the middle one.
    let data = dir.path().join("data");
    let mut runs: Vec<_> = std::fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    runs.sort();
    let mut bytes = std::fs::read(&runs[1]).unwrap();
    bytes[40] ^= 1; // in the group of the sample, which begins behind a header of 24 bytes
    std::fs::write(&runs[1], bytes).unwrap();

    let server = Server::on(dir.path());
    let answer = server
        .get("/api/v1/query?query=m[10d]&time=864000")
        .await
        .json();
    assert_eq!(answer["status"], "success");
    let values = &answer["data"]["result"][0]["values"];
    assert_eq!(values.as_array().unwrap().len(), 2, "{answer}");
    let warning = answer["warnings"][0].as_str().unwrap();
    assert!(warning.contains("is damaged"), "{answer}");
    let undamaged = server
        .get("/api/v1/query?query=m[1h]&time=86400")
        .await
        .json();
    assert!(undamaged.get("warnings").is_none(), "{undamaged}");
}

#[tokio::test]
async fn a_snapshot_is_named_and_opens_as_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::on(dir.path());
    let write = |t_ms| {
        let series = (owned(&[("__name__", "m")]), vec![(t_ms, 1.0)]);
        let server = server.clone();
        async move { server.write(&[series]).await }
    };
    assert_eq!(write(1_000).await.status, StatusCode::NO_CONTENT);
    let make = |query| {
        let target = format!("/api/v1/admin/tsdb/snapshot{query}");
        let server = server.clone();
        async move { server.request(Method::POST, &target).await }
    };
    let answer = make("").await.json();
    assert_eq!(answer["status"], "success");
    let name = answer["data"]["name"].as_str().unwrap().to_owned();
    let (time, random) = name.split_once('-').unwrap();
    assert_eq!((time.len(), random.len()), (16, 16), "{name}");
    assert!(write(2_000).await.status.is_success());
    let without_head = make("?skip_head=true").await.json();
    let without_head = without_head["data"]["name"].as_str().unwrap().to_owned();
    assert_ne!(without_head, name);
    let refused = make("?skip_head=perhaps").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);

    for copy in [name, without_head] {
        let copy = Server::on(&dir.path().join("snapshots").join(copy));
        let answer = copy.get("/api/v1/query?query=m[1h]&time=60").await.json();
        let values = &answer["data"]["result"][0]["values"];
        assert_eq!(values, &serde_json::json!([[1, "1"]]), "{answer}");
    }
}
