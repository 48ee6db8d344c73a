//! Prometheus's own test scripts, and ours. All evaluations pass; how many there are stands here, so that none gets lost.

#![expect(clippy::unwrap_used, reason = "test code")]

mod compare;
mod nhcb;
mod pinned;
mod run;
mod script;
mod series;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tsdb_core::{Db, HistogramSample, Options, WriteBatch};
use tsdb_query::{Engine, EngineOptions, Storage};

use crate::memory::{Data, Memory, StartTimes, Value};
use run::Outcome;

/// Evaluations of each script of Prometheus.
const EVALUATIONS: &[(&str, usize)] = &[
    ("aggregators.test", 75),
    ("at_modifier.test", 38),
    ("collision.test", 0),
    ("duration_expression.test", 33),
    ("extended_vectors.test", 86),
    ("fill-modifier.test", 23),
    ("functions.test", 224),
    ("histograms.test", 93),
    ("info.test", 28),
    ("limit.test", 19),
    ("literals.test", 15),
    ("name_label_dropping.test", 14),
    ("native_histograms.test", 252),
    ("operators.test", 102),
    ("range_queries.test", 10),
    ("selectors.test", 16),
    ("staleness.test", 5),
    ("start_timestamps.test", 18),
    ("subquery.test", 18),
    ("trig_functions.test", 9),
    ("type_and_unit.test", 24),
];

/// Evaluations that differ without delayed name removal, the default: names in annotations, and what the feature is for.
const ONLY_WITH_DELAYED_NAMES: &[&str] = &[
    "histograms.test:863",
    "histograms.test:868",
    "histograms.test:882",
    "histograms.test:894",
    "histograms.test:899",
    "histograms.test:913",
    "name_label_dropping.test:45",
    "name_label_dropping.test:64",
    "name_label_dropping.test:84",
    "name_label_dropping.test:88",
    "name_label_dropping.test:92",
    "native_histograms.test:1178",
    "native_histograms.test:1183",
    "native_histograms.test:1188",
    "native_histograms.test:1194",
    "native_histograms.test:1198",
    "native_histograms.test:1367",
    "native_histograms.test:1370",
    "type_and_unit.test:135",
];

/// As the engine that Prometheus runs its scripts with.
fn engine() -> Engine {
    let mut options = EngineOptions::default();
    options.delayed_name_removal = true;
    options.use_start_timestamps = true;
    Engine::new(options)
}

fn in_memory(data: &Data, start_times: &StartTimes) -> Box<dyn Storage> {
    Box::new(Memory::with_start_times(data, start_times))
}

/// In the head of a store.
fn in_store(data: &Data, start_times: &StartTimes) -> Box<dyn Storage> {
    Box::new(store(data, start_times))
}

/// In runs of a store.
fn in_flushed_store(data: &Data, start_times: &StartTimes) -> Box<dyn Storage> {
    let db = store(data, start_times);
    db.flush().unwrap();
    Box::new(db)
}

fn store(data: &Data, start_times: &StartTimes) -> Db {
    let options = Options::new().retention(None).future_limit(None);
    let db = Db::in_memory(options).unwrap();
    let mut batch = WriteBatch::new();
    for (labels, samples) in data {
        if samples.is_empty() {
            continue;
        }
        let starts = start_times.get(labels).map_or(&[][..], Vec::as_slice);
        let mut series = batch.series_labels(labels).unwrap();
        for (t_ms, value) in samples {
            let start = starts.iter().find(|(t, _)| t == t_ms);
            let start_ms = start.map_or(0, |(_, start_ms)| *start_ms);
            match value {
                Value::Float(v) => series.sample_since(start_ms, *t_ms, *v),
                Value::Histogram(h) => {
                    let histogram = HistogramSample::Float(Arc::clone(h));
                    series.histogram_since(start_ms, *t_ms, histogram)
                }
            };
        }
    }
    let report = db.write(&batch).unwrap();
    assert!(report.rejected.is_empty(), "{report:?}");
    db
}

fn run_file(path: &Path, engine: &Engine, make: run::MakeStorage<'_>) -> Vec<Outcome> {
    let text = std::fs::read_to_string(path).unwrap();
    let commands = script::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    run::run(&commands, engine, make)
}

/// The scripts of a directory by their names; `None`, and said so, when it is absent.
fn scripts(dir: &str) -> Option<Vec<(String, PathBuf)>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(dir);
    let Ok(entries) = std::fs::read_dir(&dir) else {
        eprintln!("skipped: {} is absent", dir.display());
        return None;
    };
    let mut scripts: Vec<(String, PathBuf)> = entries
        .map(|e| e.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "test"))
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                path,
            )
        })
        .collect();
    scripts.sort();
    Some(scripts)
}

#[test]
fn scripts_of_prometheus() {
    let Some(scripts) = scripts("../shared/promqltest") else {
        return;
    };
    let engine = engine();
    let mut counts = Vec::new();
    let mut failures = String::new();
    for (name, path) in &scripts {
        let outcomes = run_file(path, &engine, &in_memory);
        counts.push((name.as_str(), outcomes.len()));
        for Outcome { line, expr, result } in outcomes {
            if let Err(failure) = result {
                writeln!(failures, "{name}:{line}: {expr}: {failure}").unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert_eq!(counts, EVALUATIONS);
}

#[test]
fn scripts_of_prometheus_by_default() {
    let Some(scripts) = scripts("../shared/promqltest") else {
        return;
    };
    let mut options = EngineOptions::default();
    options.use_start_timestamps = true;
    let (default, delayed) = (Engine::new(options), engine());
    let mut differ = Vec::new();
    for (name, path) in &scripts {
        let outcomes = run_file(path, &default, &in_memory);
        for (plain, delayed) in outcomes.iter().zip(run_file(path, &delayed, &in_memory)) {
            if plain.result.is_ok() != delayed.result.is_ok() {
                differ.push(format!("{name}:{}", plain.line));
            }
        }
    }
    assert_eq!(differ, ONLY_WITH_DELAYED_NAMES);
}

#[test]
fn scripts_of_prometheus_on_a_store() {
    let Some(scripts) = scripts("../shared/promqltest") else {
        return;
    };
    let engine = engine();
    let mut failures = String::new();
    for (name, path) in &scripts {
        for make in [&in_store as run::MakeStorage<'_>, &in_flushed_store] {
            for Outcome { line, expr, result } in run_file(path, &engine, make) {
                if let Err(failure) = result {
                    writeln!(failures, "{name}:{line}: {expr}: {failure}").unwrap();
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn scripts_of_ours() {
    run_ours(&in_memory);
}

#[test]
fn scripts_of_ours_on_a_store() {
    run_ours(&in_store);
    run_ours(&in_flushed_store);
}

fn run_ours(make: run::MakeStorage<'_>) {
    let scripts = scripts("testdata/promql").expect("our scripts are part of the repository");
    assert!(!scripts.is_empty());
    let engine = Engine::default();
    let mut failures = String::new();
    for (name, path) in scripts {
        for Outcome { line, expr, result } in run_file(&path, &engine, make) {
            if let Err(failure) = result {
                writeln!(failures, "{name}:{line}: {expr}: {failure}").unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn the_runner_notices_differences() {
    let outcomes = |script: &str| run::run(&script::parse(script).unwrap(), &engine(), &in_memory);
    let wrong = "load 1m\n  m{a=\"x\"} 1+1x5\n\neval instant at 2m m\n  ";
    for expectation in [
        "m{a=\"x\"} 4",
        "m{a=\"y\"} 3",
        "expect fail",
        "expect info",
        "expect warn",
        "3",
        "m{a=\"x\"} 3\n  m{a=\"y\"} 3",
    ] {
        let all = outcomes(&format!("{wrong}{expectation}"));
        assert_eq!(all.len(), 1);
        assert!(all[0].result.is_err(), "{expectation}");
    }
    assert!(
        outcomes(&format!("{wrong}m{{a=\"x\"}} 3"))[0]
            .result
            .is_ok()
    );
    let range = "load 1m\n  m 1+1x5\n\neval range from 0 to 2m step 1m m\n  m ";
    assert!(outcomes(&format!("{range}1 2 3"))[0].result.is_ok());
    assert!(outcomes(&format!("{range}1 2"))[0].result.is_err());
    assert!(outcomes(&format!("{range}1 2 4"))[0].result.is_err());
    assert!(outcomes(&format!("{range}1 _ 3"))[0].result.is_err());
}
