//! What is particular to us: PromQL's view, ambiguous names, version 2, limits.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use super::{query, series, with_database, write};
use crate::support::Server;

const T: &str = "1700000000000000000";

#[tokio::test]
async fn promql_sees_numbers_and_not_text() {
    let server = with_database("telegraf", &[]).await;
    let line = format!("cpu,host=a,db=x usage=1.5,cores=4i,up=true,state=\"ok\" {T}");
    assert_eq!(
        write(&server, "/write?db=telegraf", &line).await.status,
        204
    );
    let answer = server
        .get("/api/v1/query?query=%7Bdb%3D%22telegraf%22%7D&time=1700000000")
        .await;
    let mut found: Vec<(String, String)> = answer.json()["data"]["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|series| {
            assert_eq!(series["metric"]["host"], "a");
            assert_eq!(
                series["metric"]["tag_db"], "x",
                "the tag gives way to the database"
            );
            let value = series["value"][1].as_str().unwrap();
            (
                series["metric"]["__name__"].as_str().unwrap().to_owned(),
                value.to_owned(),
            )
        })
        .collect();
    found.sort();
    let expected = [("cpu_cores", "4"), ("cpu_up", "1"), ("cpu_usage", "1.5")];
    assert_eq!(
        found,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[tokio::test]
async fn the_same_metric_name_is_two_fields() {
    let server = with_database("d", &[]).await;
    let lines = format!("a_b c=1 {T}\na b_c=2i {T}\na,t=x b_c=3i {T}");
    assert_eq!(write(&server, "/write?db=d", &lines).await.status, 204);
    let first = query(&server, "d", "SELECT * FROM a_b").await;
    assert_eq!(
        series(&first)[0]["values"],
        json!([[1_700_000_000_000_000_000_i64, 1]])
    );
    let second = query(&server, "d", "SELECT b_c FROM a GROUP BY t").await;
    assert_eq!(series(&second)[0]["values"][0][1], 2);
    assert_eq!(series(&second)[1]["values"][0][1], 3);
    let answer = server.get("/api/v1/series?match[]=a_b_c").await;
    assert_eq!(
        answer.json()["data"].as_array().unwrap().len(),
        3,
        "{answer:?}"
    );
}

#[tokio::test]
async fn databases_and_policies_are_apart() {
    let server = with_database("one", &[]).await;
    query(&server, "", "CREATE DATABASE two").await;
    query(
        &server,
        "",
        "CREATE RETENTION POLICY p ON one DURATION 0s REPLICATION 1",
    )
    .await;
    for (target, value) in [("db=one", 1), ("db=two", 2), ("db=one&rp=p", 3)] {
        let answer = write(
            &server,
            &format!("/write?{target}"),
            &format!("m v={value}i {T}"),
        )
        .await;
        assert_eq!(answer.status, 204);
    }
    for (database, source, value) in [("one", "m", 1), ("two", "m", 2), ("one", "p.m", 3)] {
        let answer = query(&server, database, &format!("SELECT v FROM {source}")).await;
        assert_eq!(series(&answer)[0]["values"][0][1], value);
        assert_eq!(series(&answer)[0]["values"].as_array().unwrap().len(), 1);
    }
    let answer = query(&server, "one", "SELECT v FROM two..m").await;
    assert_eq!(series(&answer)[0]["values"][0][1], 2);
}

#[tokio::test]
async fn integers_and_nanoseconds_are_exact() {
    let server = with_database("d", &[]).await;
    let lines = "m v=9007199254740993i 1\nm v=-9223372036854775808i 2\nm v=9223372036854775807i -1";
    assert_eq!(write(&server, "/write?db=d", lines).await.status, 204);
    let answer = query(&server, "d", "SELECT v FROM m").await;
    let expected = json!([
        [-1, i64::MAX],
        [1, 9_007_199_254_740_993_i64],
        [2, i64::MIN]
    ]);
    assert_eq!(series(&answer)[0]["values"], expected);
}

#[tokio::test]
async fn precisions_scale_and_the_last_write_wins() {
    let server = with_database("d", &[]).await;
    for (precision, time) in [
        ("n", "3600000000000"),
        ("u", "3600000000"),
        ("ms", "3600000"),
        ("s", "3600"),
        ("m", "60"),
        ("h", "1"),
    ] {
        let target = format!("/write?db=d&precision={precision}");
        let answer = write(
            &server,
            &target,
            &format!("m v=\"{precision}\",{precision}=1 {time}"),
        )
        .await;
        assert_eq!(answer.status, 204);
    }
    let answer = query(&server, "d", "SELECT v FROM m").await;
    assert_eq!(
        series(&answer)[0]["values"],
        json!([[3_600_000_000_000_i64, "h"]])
    );
    let answer = query(&server, "d", "SELECT count(*) FROM m").await;
    assert_eq!(
        series(&answer)[0]["columns"].as_array().unwrap().len(),
        8,
        "fields merge"
    );
}

#[tokio::test]
async fn version_2_writes_a_bucket() {
    let server = with_database("d", &[]).await;
    let line = format!("m v=1 {T}");
    assert_eq!(
        write(&server, "/api/v2/write?bucket=d&org=o", &line)
            .await
            .status,
        204
    );
    let precise = write(
        &server,
        "/api/v2/write?bucket=d/autogen&precision=us",
        "m v=2 5",
    )
    .await;
    assert_eq!(precise.status, 204);
    let answer = query(&server, "d", "SELECT v FROM m").await;
    assert_eq!(series(&answer)[0]["values"][0][0], 5000);
    let unsigned = "m u=7u,most=9223372036854775807u 6000";
    assert_eq!(
        write(&server, "/write?db=d", unsigned).await.status,
        400,
        "version 1 has none"
    );
    let bucket = "/api/v2/write?bucket=d";
    assert_eq!(write(&server, bucket, unsigned).await.status, 204);
    let answer = query(&server, "d", "SELECT u, most FROM m WHERE u > 0").await;
    assert_eq!(
        series(&answer)[0]["values"],
        json!([[6000, 7, 9_223_372_036_854_775_807_i64]])
    );
    let refused = write(&server, bucket, "m u=9223372036854775808u").await;
    assert_eq!(refused.status, 400);
    assert_eq!(write(&server, bucket, "m u=-7u").await.status, 400);
    let missing = write(&server, "/api/v2/write?bucket=none", &line).await;
    assert_eq!(missing.status, 404);
    let expected = json!({"code": "not found", "message": "database not found: \"none\""});
    assert_eq!(missing.json(), expected);
    let bad = write(&server, "/api/v2/write?bucket=d", "m").await;
    assert_eq!(bad.json()["code"], "invalid");
    assert_eq!(server.get("/health").await.json()["status"], "pass");
}

#[tokio::test]
async fn a_write_makes_a_database_only_if_told() {
    let line = format!("m v=1 {T}");
    let server = Server::new(&[]);
    assert_eq!(
        write(&server, "/write?db=cadvisor", &line).await.status,
        404
    );
    let server = Server::new(&["--influx.create-databases"]);
    assert_eq!(
        write(&server, "/write?db=cadvisor", &line).await.status,
        204
    );
    let answer = query(&server, "cadvisor", "SELECT v FROM m").await;
    assert_eq!(series(&answer)[0]["values"][0][1], 1);
    // And only one that `CREATE DATABASE` makes.
    for name in ["a%2Fb", "a%5Cb", "..", "."] {
        let answer = write(&server, &format!("/write?db={name}"), &line).await;
        assert_eq!(answer.status, 400, "{name}");
        assert_eq!(answer.json(), json!({ "error": "invalid name" }));
    }
}

#[tokio::test]
async fn head_changes_as_little_as_get() {
    let server = with_database("d", &[]).await;
    let answer = server
        .request(Method::HEAD, "/query?q=DROP%20DATABASE%20d")
        .await;
    assert_eq!(answer.status, 405);
    assert_eq!(write(&server, "/write?db=d", "m v=1").await.status, 204);
}

#[tokio::test]
async fn points_beyond_the_policy_are_told() {
    let server = with_database("d", &[]).await;
    query(
        &server,
        "",
        "CREATE RETENTION POLICY p ON d DURATION 1h REPLICATION 1 DEFAULT",
    )
    .await;
    let answer = write(&server, "/write?db=d", &format!("m v=1 {T}\nm v=2")).await;
    assert_eq!(answer.status, 400);
    let text = "partial write: points beyond retention policy dropped=1";
    assert_eq!(answer.json(), json!({ "error": text }));
    assert_eq!(answer.header("x-influxdb-error"), text);
    let answer = query(&server, "d", "SELECT count(v) FROM m").await;
    assert_eq!(series(&answer)[0]["values"][0][1], 1);
}

#[tokio::test]
async fn bodies_have_limits() {
    let server = with_database(
        "d",
        &[
            "--web.max-body-bytes",
            "1000",
            "--web.max-decoded-bytes",
            "2000",
        ],
    )
    .await;
    let large = format!("m v=\"{}\" {T}", "x".repeat(2000));
    let answer = write(&server, "/write?db=d", &large).await;
    assert_eq!(answer.status, 413);
    assert!(
        answer.json()["error"]
            .as_str()
            .unwrap()
            .contains("1000 bytes")
    );
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, large.repeat(2).as_bytes()).unwrap();
    let request = Request::post("/write?db=d")
        .header("content-encoding", "gzip")
        .body(Body::from(encoder.finish().unwrap()));
    assert_eq!(server.send(request.unwrap()).await.status, 413);
    let request = Request::post("/write?db=d")
        .header("content-encoding", "gzip")
        .body(Body::from("no gzip"));
    assert_eq!(server.send(request.unwrap()).await.status, 400);
}

#[tokio::test]
async fn intervals_are_bounded() {
    let server = with_database("d", &[]).await;
    write(&server, "/write?db=d", "m v=1 1").await;
    let answer = query(
        &server,
        "d",
        "SELECT mean(v) FROM m WHERE time > 0 GROUP BY time(1u)",
    )
    .await;
    let error = answer["results"][0]["error"].as_str().unwrap();
    assert!(
        error.starts_with("max-select-buckets limit exceeded"),
        "{error}"
    );
}

#[tokio::test]
async fn answers_come_as_csv_and_pretty() {
    let server = with_database("d", &[]).await;
    write(
        &server,
        "/write?db=d",
        "m,h=a v=1.5,s=\"x,y\" 1\nm,h=b v=2 2",
    )
    .await;
    let request = Request::get("/query?db=d&epoch=ns&q=SELECT+v,s+FROM+m+GROUP+BY+h")
        .header("accept", "application/csv")
        .body(Body::empty());
    let answer = server.send(request.unwrap()).await;
    assert_eq!(answer.header("content-type"), "text/csv");
    assert_eq!(
        answer.text(),
        "name,tags,time,v,s\nm,h=a,1,1.5,\"x,y\"\nm,h=b,2,2,\n"
    );
    let answer = server
        .get("/query?db=d&pretty=true&q=SHOW+MEASUREMENTS")
        .await;
    assert!(
        answer
            .text()
            .starts_with("{\n    \"results\": [\n        {\n            \"statement_id\": 0,")
    );
}

#[test]
fn databases_and_points_survive_a_kill() {
    use crate::common::http::{encoded, request};
    use crate::common::process::Process;

    let dir = tempfile::tempdir().unwrap();
    let start = || {
        Process::start_at(
            "127.0.0.1:0",
            dir.path(),
            &["--storage.tsdb.retention.time", "0"],
        )
    };
    let post = |server: &Process, parameters: &[(&str, &str)]| {
        let line = format!("POST /query?{}", encoded(parameters));
        let answer = request(&server.address, &line, &[], &[]).unwrap();
        answer.text().to_owned()
    };
    let server = start();
    post(
        &server,
        &[("q", "CREATE DATABASE d WITH DURATION 9000d NAME p")],
    );
    let (status, _) = server.request(
        "POST /write?db=d",
        format!("a_b c=1i {T}\na b_c=\"x\" {T}").as_bytes(),
    );
    assert_eq!(status, 204);
    server.program.signal("KILL");
    drop(server);
    let server = start();
    let answer = post(
        &server,
        &[
            ("q", "SHOW RETENTION POLICIES; SELECT * FROM a_b, a"),
            ("db", "d"),
            ("epoch", "ns"),
        ],
    );
    assert!(
        answer.contains(r#"["p","216000h0m0s","168h0m0s",1,true]"#),
        "{answer}"
    );
    assert!(
        answer.contains(
            r#""name":"a","columns":["time","b_c","c"],"values":[[1700000000000000000,"x",null]]"#
        ),
        "{answer}"
    );
    assert!(
        answer.contains(
            r#""name":"a_b","columns":["time","b_c","c"],"values":[[1700000000000000000,null,1]]"#
        ),
        "{answer}"
    );
}

/// Sematext's agent: a database `metrics` that nobody made, a token and the host as tags, dots in names of fields.
#[tokio::test]
async fn lines_of_sematext_are_written() {
    let server = Server::new(&["--influx.create-databases"]);
    let line = format!(
        "myapp,token=4f3c0e2a-0000-4b9f-9a55-1d1a4c0a2b6e,os.host=web-1 user.requests.count=10i,user.requests.time=1.25 {T}"
    );
    let answer = write(&server, "/write?db=metrics", &line).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    let statement = "SELECT \"user.requests.count\" FROM myapp WHERE \"os.host\" = 'web-1'";
    let answer = query(&server, "metrics", statement).await;
    assert_eq!(series(&answer)[0]["values"][0][1], 10);
    let target = "/api/v1/query?query=%7B%22myapp_user.requests.time%22,%22os.host%22=%22web-1%22%7D&time=1700000000";
    let answer = server.get(target).await.json();
    assert_eq!(answer["data"]["result"][0]["value"][1], "1.25", "{answer}");
}
