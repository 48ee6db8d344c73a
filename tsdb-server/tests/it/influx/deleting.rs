//! What InfluxQL deletes, and what retention policies let go.

use serde_json::{Value, json};
use tsdb_core::{Db, Options};
use tsdb_influx::line::{Point, lines};
use tsdb_influx::{Influx, Limits, Outcome, Precision, Session, Target};

use super::{query, series, with_database, write};
use crate::support::Server;

/// Three series of `cpu`, one of `mem`, two points in one millisecond.
const LINES: &str = "cpu,host=a v=1 1000000001\ncpu,host=a v=2 1000000002\ncpu,host=b,region=eu v=3,w=2i 1000000001\n\
    cpu v=4 5000000000\nmem,host=a v=5 1000000001";

async fn filled() -> Server {
    let server = with_database("d", &[]).await;
    assert_eq!(write(&server, "/write?db=d", LINES).await.status, 204);
    server
}

/// Executes a statement that gives nothing.
async fn done(server: &Server, statement: &str) {
    let answer = query(server, "d", statement).await;
    let expected = json!({"results": [{"statement_id": 0}]});
    assert_eq!(answer, expected, "{statement}");
}

/// The points of `cpu`: time, host, v, w.
async fn cpu(server: &Server) -> Value {
    let answer = query(server, "d", "SELECT host, v, w FROM cpu").await;
    series(&answer)[0]["values"].clone()
}

async fn keys(server: &Server) -> Value {
    let answer = query(server, "d", "SHOW SERIES").await;
    series(&answer)[0]["values"].clone()
}

#[tokio::test]
async fn a_delete_takes_points_to_the_nanosecond() {
    let server = filled().await;
    done(&server, "DELETE FROM cpu WHERE time = 1000000001").await;
    let left = json!([
        [1_000_000_002, "a", 2, null],
        [5_000_000_000_i64, null, 4, null]
    ]);
    assert_eq!(cpu(&server).await, left);
    assert_eq!(
        keys(&server).await,
        json!([["cpu"], ["cpu,host=a"], ["mem,host=a"]]),
        "a series without points is gone"
    );
    done(&server, "DELETE WHERE time < 2s").await;
    assert_eq!(keys(&server).await, json!([["cpu"]]));
    let answer = query(&server, "d", "SHOW MEASUREMENTS").await;
    assert_eq!(series(&answer)[0]["values"], json!([["cpu"]]));
    done(&server, "DELETE FROM cpu WHERE time > 3s AND time < 2s").await;
    assert_eq!(keys(&server).await, json!([["cpu"]]));
}

#[tokio::test]
async fn tags_choose_series_exactly() {
    for (condition, left) in [
        (
            "host = 'a'",
            json!([["cpu"], ["cpu,host=b,region=eu"], ["mem,host=a"]]),
        ),
        (
            "region = ''",
            json!([["cpu,host=b,region=eu"], ["mem,host=a"]]),
        ),
        (
            "host =~ /^[ab]$/ AND region != 'eu'",
            json!([["cpu"], ["cpu,host=b,region=eu"], ["mem,host=a"]]),
        ),
        (
            "host = 'b' OR host = ''",
            json!([["cpu,host=a"], ["mem,host=a"]]),
        ),
        ("nosuch = ''", json!([["mem,host=a"]])),
    ] {
        for verb in ["DELETE", "DROP SERIES"] {
            let server = filled().await;
            done(&server, &format!("{verb} FROM cpu WHERE {condition}")).await;
            assert_eq!(keys(&server).await, left, "{verb} {condition}");
        }
    }
    let server = filled().await;
    done(&server, "DROP SERIES FROM /c.u/, mem WHERE host = 'a'").await;
    assert_eq!(
        keys(&server).await,
        json!([["cpu"], ["cpu,host=b,region=eu"]])
    );
}

/// `a_b.c` and `a.b_c` are one metric name, with the same tags.
#[tokio::test]
async fn the_field_of_another_measurement_with_the_same_name_stays() {
    let server = with_database("d", &[]).await;
    for statement in [
        "DROP MEASUREMENT a_b",
        "DELETE FROM a_b WHERE host = 'x'",
        "DROP SERIES FROM a_b WHERE host = 'x'",
    ] {
        let lines = "a_b,host=x c=1 1\na,host=x b_c=2 1";
        assert_eq!(write(&server, "/write?db=d", lines).await.status, 204);
        done(&server, statement).await;
        assert_eq!(keys(&server).await, json!([["a,host=x"]]), "{statement}");
    }
}

#[tokio::test]
async fn what_is_dropped_does_not_come_back_with_its_name() {
    for (drop, make) in [
        ("DROP DATABASE d", "CREATE DATABASE d"),
        ("DROP MEASUREMENT cpu; DROP MEASUREMENT mem", ""),
        ("DROP SERIES FROM /.*/", ""),
        (
            "DROP RETENTION POLICY autogen ON d",
            "CREATE RETENTION POLICY autogen ON d DURATION 0s REPLICATION 1 DEFAULT",
        ),
    ] {
        let server = filled().await;
        query(&server, "", "CREATE DATABASE other").await;
        assert_eq!(write(&server, "/write?db=other", LINES).await.status, 204);
        let answer = query(&server, "d", drop).await;
        assert_eq!(answer["results"][0].get("error"), None, "{drop}: {answer}");
        query(&server, "d", make).await;
        assert_eq!(keys(&server).await, Value::Null, "{drop}");
        // The type of a field is forgotten too.
        let again = write(&server, "/write?db=d", "cpu,host=a v=\"text\" 7").await;
        assert_eq!(again.status, 204, "{drop}: {}", again.text());
        assert_eq!(
            cpu(&server).await,
            json!([[7, "a", "text", null]]),
            "{drop}"
        );
        let other = query(&server, "other", "SHOW SERIES CARDINALITY").await;
        assert_eq!(series(&other)[0]["values"], json!([[4]]), "{drop}");
    }
}

#[tokio::test]
async fn other_policies_and_promql_lose_only_what_is_theirs() {
    let server = filled().await;
    let made = "CREATE RETENTION POLICY p ON d DURATION 0s REPLICATION 1";
    query(&server, "d", made).await;
    assert_eq!(write(&server, "/write?db=d&rp=p", LINES).await.status, 204);
    let page = "cpu_v{db=\"d\",host=\"a\",of=\"prometheus\"} 9 1000\n";
    let posted = write(&server, "/api/v1/import/prometheus", page).await;
    assert_eq!(posted.status, 204);
    done(&server, "DROP RETENTION POLICY p ON d").await;
    assert_eq!(
        keys(&server).await.as_array().unwrap().len(),
        5,
        "InfluxQL shows that one too"
    );
    done(&server, "DROP DATABASE d").await;
    let left = server
        .get("/api/v1/series?match[]=%7Bdb=%22d%22%7D&start=0")
        .await;
    let left = left.json()["data"].clone();
    assert_eq!(left[0]["of"], "prometheus", "{left}");
    assert_eq!(left.as_array().unwrap().len(), 1, "{left}");
}

/// As InfluxDB 1.6.7 answers.
#[tokio::test]
async fn what_cannot_be_deleted_is_told() {
    let server = filled().await;
    for (database, statement, error) in [
        (
            "d",
            "DROP SERIES FROM cpu WHERE time > 5",
            "DROP SERIES doesn't support time in WHERE clause",
        ),
        (
            "d",
            "DELETE FROM cpu WHERE v > 5",
            "fields not supported in WHERE clause during deletion",
        ),
        ("no", "DELETE FROM cpu", "database not found: no"),
        ("", "DROP SERIES FROM cpu", "database not found: "),
        ("", "DROP MEASUREMENT cpu", "database not found: "),
    ] {
        let answer = query(&server, database, statement).await;
        assert_eq!(answer["results"][0]["error"], error, "{statement}");
    }
    for statement in [
        "DROP MEASUREMENT nosuch",
        "DROP DATABASE nosuch",
        "DROP RETENTION POLICY p ON nosuch",
        "DROP RETENTION POLICY p ON d",
        "DELETE FROM nosuch",
    ] {
        done(&server, statement).await;
    }
    assert_eq!(keys(&server).await.as_array().unwrap().len(), 4);
}

const HOUR_NS: i64 = 3_600_000_000_000;
const NOW_NS: i64 = 480_000 * HOUR_NS + HOUR_NS / 2;

fn open(dir: &std::path::Path) -> Influx {
    let options = Options::new().retention(None).future_limit(None);
    Influx::open(Db::open(dir, options).unwrap(), Some(dir)).unwrap()
}

fn execute(influx: &Influx, statement: &str) -> Outcome {
    let limits = Limits {
        values: 1_000_000,
        buckets: 1_000_000,
    };
    let session = Session::new(Some("d"), NOW_NS, limits);
    let parsed = tsdb_influx::influxql::parse(statement, &Default::default()).unwrap();
    influx.execute(&parsed[0], &session).unwrap()
}

/// Writes one point for each of these hours before the present.
fn write_hours(influx: &Influx, policy: &str, hours: &[i64]) {
    let points = hours
        .iter()
        .map(|hour| format!("m v={hour}i {}\n", NOW_NS - hour * HOUR_NS));
    let text: String = points.collect();
    let points = lines(text.as_bytes()).map(|line| Point::parse(line, Precision::Nanoseconds));
    let points: Vec<Point<'_>> = points.collect::<Result<_, _>>().unwrap();
    let target = Target {
        database: "d",
        policy: Some(policy),
    };
    let (commit, refusal) = influx.write(target, &points, NOW_NS).unwrap();
    assert_eq!(refusal, None);
    assert!(commit.unwrap().wait().unwrap().rejected.is_empty());
}

/// The hours that a policy has.
fn hours_of(influx: &Influx, policy: &str) -> Vec<String> {
    let outcome = execute(
        influx,
        &format!("SELECT v FROM {policy}.m ORDER BY time DESC"),
    );
    let rows = outcome.rows.first().map(|row| row.values.as_slice());
    let values = rows.unwrap_or_default().iter();
    values.map(|row| format!("{:?}", row[1])).collect()
}

fn integers(hours: &[i64]) -> Vec<String> {
    hours
        .iter()
        .map(|hour| format!("Integer({hour})"))
        .collect()
}

#[test]
fn a_policy_lets_go_what_it_does_not_keep_and_so_it_stays() {
    let dir = tempfile::tempdir().unwrap();
    let influx = open(dir.path());
    execute(&influx, "CREATE DATABASE d");
    execute(
        &influx,
        "CREATE RETENTION POLICY p ON d DURATION 3h REPLICATION 1 SHARD DURATION 1h",
    );
    write_hours(&influx, "autogen", &[0, 2, 9]);
    write_hours(&influx, "p", &[0, 1, 2]);
    influx.expire(NOW_NS).unwrap();
    assert_eq!(hours_of(&influx, "p"), integers(&[0, 1, 2]));
    // A shard goes when its end is too old: that of the point of 2 hours ago, after 2.5 more.
    influx.expire(NOW_NS + HOUR_NS + HOUR_NS / 4).unwrap();
    assert_eq!(hours_of(&influx, "p"), integers(&[0, 1, 2]));
    influx.expire(NOW_NS + 2 * HOUR_NS).unwrap();
    assert_eq!(hours_of(&influx, "p"), integers(&[0, 1]));
    assert_eq!(
        hours_of(&influx, "autogen"),
        integers(&[0, 2, 9]),
        "for ever"
    );

    drop(influx);
    let influx = open(dir.path());
    assert_eq!(hours_of(&influx, "p"), integers(&[0, 1]), "after a restart");
    execute(
        &influx,
        "ALTER RETENTION POLICY p ON d DURATION 1h SHARD DURATION 1h",
    );
    assert_eq!(
        hours_of(&influx, "p"),
        integers(&[0, 1]),
        "in a shard that is kept"
    );
    influx.expire(NOW_NS + HOUR_NS).unwrap();
    assert_eq!(hours_of(&influx, "p"), integers(&[0]));
    execute(
        &influx,
        "ALTER RETENTION POLICY autogen ON d DURATION 4h SHARD DURATION 1h",
    );
    assert_eq!(hours_of(&influx, "autogen"), integers(&[0, 2]), "at once");
    execute(&influx, "DROP DATABASE d");
    drop(influx);
    let influx = open(dir.path());
    execute(&influx, "CREATE DATABASE d");
    assert_eq!(hours_of(&influx, "autogen"), integers(&[]));
}

/// The age of the store is for what other protocols bring.
#[test]
fn the_age_of_the_store_does_not_take_points() {
    let dir = tempfile::tempdir().unwrap();
    let day = std::time::Duration::from_secs(24 * 3600);
    let options = Options::new().retention(Some(day)).keep_nanoseconds(true);
    let db = Db::open(dir.path(), options.future_limit(None)).unwrap();
    let influx = Influx::open(db.clone(), Some(dir.path())).unwrap();
    execute(&influx, "CREATE DATABASE d");
    write_hours(&influx, "autogen", &[0, 20, 100, 9_000]);
    db.flush().unwrap();
    assert_eq!(hours_of(&influx, "autogen"), integers(&[0, 20, 100, 9_000]));
}
