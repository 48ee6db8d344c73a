//! Lines of line protocol with the verdict of InfluxDB 1.6.7 and what it stored: all agree.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::{query, series, with_database, write};

#[derive(Deserialize)]
struct Case {
    input: String,
    influxdb: Verdict,
}

#[derive(Deserialize)]
struct Verdict {
    status: u16,
    body: Option<Value>,
    stored: Option<Value>,
    field_keys: Option<Value>,
    tag_keys: Option<Value>,
}

/// Without the times that are the clock's: those of the year of the recording.
fn without_clock(mut series: Value) -> Value {
    for row in series.as_array_mut().into_iter().flatten() {
        for values in row["values"].as_array_mut().into_iter().flatten() {
            let is_now = values[0]
                .as_i64()
                .is_some_and(|t_ns| t_ns > 1_790_000_000_000_000_000);
            if is_now {
                values[0] = Value::from("now");
            }
        }
    }
    series
}

#[tokio::test]
async fn every_verdict_agrees() {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let path = Path::new(&package).join(
        "../../shared/expositions/influx-line-protocol/cases-with-influxdb-1.6.7-verdicts.jsonl",
    );
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: no verdicts at {}", path.display());
        return;
    };
    let mut faults = Vec::new();
    let mut cases = 0;
    for line in text.lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        cases += 1;
        let server = with_database("d", &[]).await;
        let answer = write(&server, "/write?db=d", &case.input).await;
        let body = (!answer.body.is_empty()).then(|| answer.json());
        let of = |series: &Value| (!series.is_null()).then(|| without_clock(series.clone()));
        let stored = query(&server, "d", "SELECT * FROM /.*/").await;
        let fields = query(&server, "d", "SHOW FIELD KEYS").await;
        let tags = query(&server, "d", "SHOW TAG KEYS").await;
        let ours = (
            answer.status.as_u16(),
            body,
            of(series(&stored)),
            of(series(&fields)),
            of(series(&tags)),
        );
        let theirs = case.influxdb;
        let theirs = (
            theirs.status,
            theirs.body,
            theirs.stored.map(without_clock),
            theirs.field_keys,
            theirs.tag_keys,
        );
        if ours != theirs {
            faults.push(format!(
                "{:?}\n  ours   {ours:?}\n  theirs {theirs:?}",
                case.input
            ));
        }
    }
    assert!(
        faults.is_empty(),
        "{} of {cases} differ\n{}",
        faults.len(),
        faults.join("\n")
    );
    assert_eq!(cases, 251);
}
