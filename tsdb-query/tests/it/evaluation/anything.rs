//! Any tree at all has a value or an error, within the budget.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::sync::Arc;

use proptest::prelude::*;
use tsdb_core::histogram::{CUSTOM_BUCKETS_SCHEMA, Side};
use tsdb_core::{FloatHistogram, Labels, Matcher, STALE_NAN_BITS, Span, TimeRange};
use tsdb_query::{
    Engine, EngineOptions, QueryOptions, QueryValue, SeriesReader, Snapshot, StorageError,
};

use crate::memory::{Data, Memory, Value};
use crate::parsing::arbitrary::Source;

/// The same series whatever is selected, so that no selector is without samples.
struct Always(Memory);

impl Snapshot for Always {
    fn select(
        &self,
        _: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<Arc<dyn SeriesReader>>, StorageError> {
        self.0.select(&[], range)
    }
}

fn histogram(n: i64, i: i64) -> FloatHistogram {
    let counts = [n as f64, i as f64, 2.0];
    let custom = i > 6;
    FloatHistogram {
        schema: if custom {
            CUSTOM_BUCKETS_SCHEMA
        } else {
            (n % 3) as i32
        },
        count: counts.iter().sum(),
        sum: if n == 5 { f64::NAN } else { counts[0] },
        positive: Side {
            spans: vec![Span {
                offset: 0,
                length: 3,
            }],
            buckets: counts.to_vec(),
        },
        custom_values: if custom {
            [-1.0, n as f64].into()
        } else {
            [].into()
        },
        ..FloatHistogram::default()
    }
}

fn storage() -> Always {
    let series = |i: i64| {
        let pairs = [
            ("__name__", ["a", "b", "c_total"][i as usize % 3].to_owned()),
            ("le", ["0.1", "1", "+Inf", ""][i as usize % 4].to_owned()),
            ("job", (i % 2).to_string()),
            ("x", i.to_string()),
        ];
        let value = move |k: i64| match (k + i) % 11 {
            0 => Value::Float(f64::NAN),
            1 => Value::Float(f64::from_bits(STALE_NAN_BITS)),
            2 => Value::Float(f64::NEG_INFINITY),
            n if i % 3 == 0 && (i > 3 || n > 7) => Value::Histogram(Arc::new(histogram(n, i))),
            n => Value::Float((n * i) as f64 - 5.5),
        };
        let samples = (0..90).filter(move |k| (k * i) % 5 != 1);
        (
            Labels::from_pairs(pairs).unwrap(),
            samples.map(|k| (k * 10_000, value(k))).collect(),
        )
    };
    let data: Data = (0..9).map(series).collect();
    Always(Memory::new(&data))
}

fn evaluate(query: &str, t_ms: i64) {
    let storage = storage();
    let mut options = EngineOptions::default();
    options.max_samples = 50_000;
    let engine = Engine::new(options);
    let limits = QueryOptions::default();
    if let Ok(result) = engine.instant(&storage, query, t_ms, &limits)
        && let QueryValue::Vector(samples) = result.value
    {
        let mut labels: Vec<_> = samples.iter().map(|s| &s.labels).collect();
        labels.sort();
        assert!(labels.is_sorted_by(|a, b| a < b), "{query}: {labels:?}");
    }
    let range = engine.range(&storage, query, t_ms, t_ms + 300_000, 7_000, &limits);
    if let Ok(result) = range
        && let QueryValue::Matrix(series) = result.value
    {
        assert!(series.is_sorted_by(|a, b| a.labels < b.labels), "{query}");
        assert!(series.iter().all(|s| {
            !(s.values.is_empty() && s.histograms.is_empty())
                && s.values.len() == s.times_ms.len()
                && s.times_ms.is_sorted()
                && s.histograms.is_sorted_by(|a, b| a.0 < b.0)
        }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn random_trees_are_evaluated(
        decisions in proptest::collection::vec(any::<u16>(), 0..200),
        t_ms in prop_oneof![Just(600_000i64), -100_000i64..1_200_000],
    ) {
        evaluate(&Source::new(&decisions).expr().to_string(), t_ms);
    }
}
