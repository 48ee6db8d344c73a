//! Runs a script and compares.

use std::sync::Arc;

use tsdb_core::Labels;
use tsdb_query::{Engine, QueryError, QueryOptions, QueryResult, QueryValue, Storage};

use super::compare::{instant, matrix};
use super::nhcb;
use super::pinned::pinned;
use super::script::{Command, Eval, Expect, Load, When};
use super::series::Value;
use crate::memory::{self, Data};

/// Makes a storage of the series that were loaded.
pub(crate) type MakeStorage<'a> = &'a dyn Fn(&Data) -> Box<dyn Storage>;

/// How an evaluation of a script ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) line: usize,
    pub(crate) expr: String,
    /// Native histograms were loaded.
    pub(crate) histograms: bool,
    pub(crate) result: Result<(), Failure>,
}

/// Why an evaluation did not pass.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The feature that is lacking, as far as can be told.
    pub(crate) lacks: &'static str,
    pub(crate) message: String,
}

/// What was loaded, and what of it this storage does not hold.
#[derive(Default)]
struct Loaded {
    data: Data,
    histograms: bool,
    start_timestamps: bool,
}

impl Loaded {
    fn add(&mut self, load: &Load) {
        self.start_timestamps |= load.with_start_timestamps;
        for (line, series) in load.series.iter().enumerate() {
            // Of several lines for a series the last counts.
            let later = &load.series[line + 1..];
            if later.iter().any(|other| other.labels == series.labels) {
                continue;
            }
            let mut new = Vec::new();
            for (i, value) in (0..).zip(&series.values) {
                match value {
                    Value::Omitted => {}
                    Value::Float(v) => new.push((i * load.step_ms, memory::Value::Float(*v))),
                    Value::Histogram(h, _) => {
                        new.push((i * load.step_ms, memory::Value::Histogram(Arc::clone(h))));
                    }
                }
            }
            self.insert(&series.labels, new);
        }
        if load.with_nhcb {
            for (labels, histograms) in nhcb::convert(load) {
                let histograms = histograms.into_iter();
                let new = histograms.map(|(t, h)| (t, memory::Value::Histogram(Arc::new(h))));
                self.insert(&labels, new.collect());
            }
        }
    }

    fn insert(&mut self, labels: &Labels, mut new: Vec<(i64, memory::Value)>) {
        self.histograms |= new
            .iter()
            .any(|(_, v)| matches!(v, memory::Value::Histogram(_)));
        let samples = self.data.entry(labels.clone()).or_default();
        new.retain(|(t, _)| !samples.iter().any(|(known, _)| known == t));
        samples.extend(new);
        samples.sort_by_key(|(t, _)| *t);
    }
}

/// Runs all commands.
pub(crate) fn run(commands: &[Command], engine: &Engine, make: MakeStorage<'_>) -> Vec<Outcome> {
    let mut loaded = Loaded::default();
    let mut storage = make(&loaded.data);
    let mut changed = false;
    let mut outcomes = Vec::new();
    for command in commands {
        match command {
            Command::Clear => {
                loaded = Loaded::default();
                changed = true;
            }
            Command::Load(load) => {
                loaded.add(load);
                changed = true;
            }
            Command::Eval(eval) => {
                if std::mem::take(&mut changed) {
                    storage = make(&loaded.data);
                }
                let result = evaluate(eval, engine, storage.as_ref()).map_err(|e| Failure {
                    lacks: lacks(eval, &loaded, &e),
                    message: e.message,
                });
                outcomes.push(Outcome {
                    line: eval.line,
                    expr: eval.expr.clone(),
                    histograms: loaded.histograms,
                    result,
                });
            }
        }
    }
    outcomes
}

fn lacks(eval: &Eval, loaded: &Loaded, mismatch: &Mismatch) -> &'static str {
    let expects_histogram = |(_, values): &(Labels, Vec<Value>)| {
        values.iter().any(|v| matches!(v, Value::Histogram(..)))
    };
    if loaded.histograms || eval.expect.series.iter().any(expects_histogram) {
        "native histograms"
    } else if loaded.start_timestamps {
        "start timestamps"
    } else if mismatch.annotations {
        "annotations"
    } else if eval.expr.contains("info(") {
        "info()"
    } else {
        "unknown"
    }
}

/// A difference between what was expected and what came.
struct Mismatch {
    /// It concerns annotations alone.
    annotations: bool,
    message: String,
}

impl From<String> for Mismatch {
    fn from(message: String) -> Self {
        Self {
            annotations: false,
            message,
        }
    }
}

fn evaluate(eval: &Eval, engine: &Engine, storage: &dyn Storage) -> Result<(), Mismatch> {
    match eval.when {
        When::Range {
            start_ms,
            end_ms,
            step_ms,
        } => {
            let options = QueryOptions::default();
            let result = engine.range(storage, &eval.expr, start_ms, end_ms, step_ms, &options);
            let Some(result) = answer(eval, result)? else {
                return Ok(());
            };
            matrix(&eval.expect, &result.value, start_ms, step_ms)?;
            annotations(&eval.expect, &result)
        }
        When::Instant { t_ms } => {
            evaluate_instant(eval, &eval.expr, t_ms, engine, storage)?;
            let (query, times) = pinned(&eval.expr, t_ms).unwrap_or_default();
            for t_ms in times {
                evaluate_instant(eval, &query, t_ms, engine, storage).map_err(|e| Mismatch {
                    message: format!("{query} at {t_ms}: {}", e.message),
                    ..e
                })?;
            }
            Ok(())
        }
    }
}

fn evaluate_instant(
    eval: &Eval,
    query: &str,
    t_ms: i64,
    engine: &Engine,
    storage: &dyn Storage,
) -> Result<(), Mismatch> {
    let options = QueryOptions::default();
    let result = engine.instant(storage, query, t_ms, &options);
    let Some(result) = answer(eval, result)? else {
        return Ok(());
    };
    if let Some((from, _, step)) = eval.expect.range_vector {
        matrix(&eval.expect, &result.value, from, step)?;
        return annotations(&eval.expect, &result);
    }
    instant(&eval.expect, &result.value)?;
    annotations(&eval.expect, &result)?;
    // The same as the middle step of a range query, where that makes sense.
    let context = ["start()", "end()", "step()", "range()"];
    if eval.expect.string.is_some()
        || eval.expect.ordered
        || context.iter().any(|f| query.contains(f))
    {
        return Ok(());
    }
    let (start_ms, end_ms) = (t_ms - 60_000, t_ms + 60_000);
    let result = engine
        .range(storage, query, start_ms, end_ms, 60_000, &options)
        .map_err(|e| format!("in range mode: {e}"))?;
    let middle = middle_step(&result.value, t_ms)?;
    instant(&eval.expect, &middle).map_err(|e| format!("in range mode: {e}").into())
}

/// The result of an evaluation that was not to fail.
fn answer(
    eval: &Eval,
    result: Result<QueryResult, QueryError>,
) -> Result<Option<QueryResult>, String> {
    match (result, &eval.expect.fail) {
        (Ok(result), None) => Ok(Some(result)),
        (Ok(_), Some(_)) => Err("expected an error, there was none".to_owned()),
        (Err(e), None) => Err(format!("error: {e}")),
        (Err(QueryError::Unsupported { feature, .. }), Some(_)) => {
            Err(format!("error: {feature} is not supported"))
        }
        (Err(e), Some(text)) if text.matches(&e.to_string()) => Ok(None),
        (Err(e), Some(text)) => Err(format!("expected an error {text:?}, got: {e}")),
    }
}

fn annotations(expect: &Expect, result: &QueryResult) -> Result<(), Mismatch> {
    let wrong = |message: String| {
        Err(Mismatch {
            annotations: true,
            message,
        })
    };
    let kinds = [
        ("warning", &expect.warn, expect.no_warn, &result.warnings),
        ("info", &expect.info, expect.no_info, &result.infos),
    ];
    for (kind, wanted, none, found) in kinds {
        if none && !found.is_empty() {
            return wrong(format!("unexpected {kind}: {found:?}"));
        }
        if let Some(text) = wanted.iter().find(|w| !found.iter().any(|f| w.matches(f))) {
            return wrong(format!("no {kind} {text:?} among {found:?}"));
        }
        let unexpected = |f: &&String| !wanted.is_empty() && !wanted.iter().any(|w| w.matches(f));
        if let Some(text) = found.iter().find(unexpected) {
            return wrong(format!("unexpected {kind}: {text}"));
        }
    }
    Ok(())
}

fn middle_step(value: &QueryValue, t_ms: i64) -> Result<QueryValue, String> {
    let QueryValue::Matrix(series) = value else {
        return Err("a range query gives a matrix".to_owned());
    };
    let samples = series.iter().filter_map(|s| {
        let histogram = s.histograms.iter().find(|(t, _)| *t == t_ms);
        let value = match (s.times_ms.binary_search(&t_ms), histogram) {
            (Ok(at), _) => s.values[at],
            (_, Some(_)) => f64::NAN,
            _ => return None,
        };
        Some(tsdb_query::VectorSample {
            labels: s.labels.clone(),
            t_ms,
            value,
            histogram: histogram.map(|(_, h)| Arc::clone(h)),
        })
    });
    Ok(QueryValue::Vector(samples.collect()))
}
