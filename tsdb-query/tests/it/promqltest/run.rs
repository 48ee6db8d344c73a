//! Runs a script and compares.

use std::sync::Arc;

use tsdb_core::Labels;
use tsdb_query::{Engine, QueryError, QueryOptions, QueryResult, QueryValue, Storage};

use super::compare::{instant, matrix};
use super::nhcb;
use super::pinned::pinned;
use super::script::{Command, Eval, Expect, Load, When};
use super::series::Value;
use crate::memory::{self, Data, StartTimes};

/// Makes a storage of the series that were loaded.
pub(crate) type MakeStorage<'a> = &'a dyn Fn(&Data, &StartTimes) -> Box<dyn Storage>;

/// How an evaluation of a script ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) line: usize,
    pub(crate) expr: String,
    pub(crate) result: Result<(), String>,
}

/// What was loaded.
#[derive(Default)]
struct Loaded {
    data: Data,
    start_times: StartTimes,
}

impl Loaded {
    fn add(&mut self, load: &Load) {
        for (labels, offsets) in &load.start_times {
            let starts = self.start_times.entry(labels.clone()).or_default();
            let times = (0..).map(|i: i64| i * load.step_ms).zip(offsets);
            starts.extend(times.filter_map(|(t, offset)| Some((t, t + (*offset)?))));
            starts.retain(|(_, start)| *start != 0);
        }
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
        let samples = self.data.entry(labels.clone()).or_default();
        new.retain(|(t, _)| !samples.iter().any(|(known, _)| known == t));
        samples.extend(new);
        samples.sort_by_key(|(t, _)| *t);
    }
}

/// Runs all commands.
pub(crate) fn run(commands: &[Command], engine: &Engine, make: MakeStorage<'_>) -> Vec<Outcome> {
    let mut loaded = Loaded::default();
    let mut storage = make(&loaded.data, &loaded.start_times);
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
                    storage = make(&loaded.data, &loaded.start_times);
                }
                let result = evaluate(eval, engine, storage.as_ref());
                outcomes.push(Outcome {
                    line: eval.line,
                    expr: eval.expr.clone(),
                    result,
                });
            }
        }
    }
    outcomes
}

fn evaluate(eval: &Eval, engine: &Engine, storage: &dyn Storage) -> Result<(), String> {
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
                evaluate_instant(eval, &query, t_ms, engine, storage)
                    .map_err(|e| format!("{query} at {t_ms}: {e}"))?;
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
) -> Result<(), String> {
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
    instant(&eval.expect, &middle).map_err(|e| format!("in range mode: {e}"))
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

fn annotations(expect: &Expect, result: &QueryResult) -> Result<(), String> {
    let kinds = [
        ("warning", &expect.warn, expect.no_warn, &result.warnings),
        ("info", &expect.info, expect.no_info, &result.infos),
    ];
    for (kind, wanted, none, found) in kinds {
        if none && !found.is_empty() {
            return Err(format!("unexpected {kind}: {found:?}"));
        }
        if let Some(text) = wanted.iter().find(|w| !found.iter().any(|f| w.matches(f))) {
            return Err(format!("no {kind} {text:?} among {found:?}"));
        }
        let unexpected = |f: &&String| !wanted.is_empty() && !wanted.iter().any(|w| w.matches(f));
        if let Some(text) = found.iter().find(unexpected) {
            return Err(format!("unexpected {kind}: {text}"));
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
