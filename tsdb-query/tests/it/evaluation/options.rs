//! What the options of an engine change.

#![expect(clippy::unwrap_used, reason = "test code")]

use tsdb_core::Labels;
use tsdb_query::{Engine, EngineOptions, QueryOptions, QueryValue};

use crate::memory::{Data, Memory, StartTimes};

fn data(labels: &[(&str, &str)]) -> Data {
    let samples = (0..10).map(|i| (i * 10_000, (i as f64).into()));
    let labels = Labels::from_pairs(labels.iter().copied()).unwrap();
    Data::from([(labels, samples.collect())])
}

#[test]
fn counters_are_told_by_their_type() {
    let mut options = EngineOptions::default();
    options.type_and_unit_labels = true;
    let engine = Engine::new(options);
    let infos = |labels: &[(&str, &str)]| {
        let storage = Memory::new(&data(labels));
        let query = "rate({__name__=~\".+\"}[1m])";
        let result = engine.instant(&storage, query, 90_000, &QueryOptions::default());
        result.unwrap().infos
    };
    assert_eq!(
        infos(&[("__name__", "m_total"), ("__type__", "gauge")]),
        [
            "PromQL info: metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", \
             got \"gauge\": \"m_total\" (1:6)"
        ]
    );
    assert!(infos(&[("__name__", "m"), ("__type__", "counter")]).is_empty());
}

#[test]
fn start_times_are_given_when_asked_for() {
    let data = data(&[("__name__", "m")]);
    let starts = data.keys().map(|l| (l.clone(), vec![(90_000, 85_500)]));
    let storage = Memory::with_start_times(&data, &starts.collect::<StartTimes>());
    let value = |used: bool, query: &str| {
        let mut options = EngineOptions::default();
        options.use_start_timestamps = used;
        let result =
            Engine::new(options).instant(&storage, query, 95_000, &QueryOptions::default());
        match result.unwrap().value {
            QueryValue::Vector(samples) => samples.first().map(|s| s.value),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(value(true, "start_timestamp(m)"), Some(85.5));
    assert_eq!(value(true, "start_timestamp(m offset 10s)"), Some(0.0));
    assert_eq!(value(true, "start_timestamp(m + 0)"), None);
    assert_eq!(value(false, "start_timestamp(m)"), None);
    assert_eq!(value(true, "resets(m[1m])"), Some(1.0));
    assert_eq!(value(false, "resets(m[1m])"), Some(0.0));
}
