//! Text as a PromQL query, evaluated over a small store at an instant and over a range: a value or an error, in bounded time and
//! memory. The range begins at the instant: what its first step has, the instant query has as well.
#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use tsdb_core::{Db, Options, STALE_NAN_BITS, WriteBatch};
use tsdb_query::{Engine, EngineOptions, QueryOptions, QueryValue};

/// A few series with gaps, resets, staleness, NaN, buckets and info metrics.
static STORE: LazyLock<Db> = LazyLock::new(|| {
    let options = Options::new().retention(None).future_limit(None);
    let db = Db::in_memory(options).expect("a store in memory opens");
    let mut batch = WriteBatch::new();
    let metrics = ["m", "n_total", "b_bucket", "target_info"];
    for (i, name) in metrics.into_iter().cycle().take(24).enumerate() {
        let pairs = [
            ("__name__", name.to_owned()),
            ("instance", format!("i{}", i % 3)),
            ("job", format!("j{}", i % 2)),
            ("le", ["0.1", "1", "+Inf", ""][i / 4 % 4].to_owned()),
            ("i", i.to_string()),
        ];
        let mut series = batch.series(pairs).expect("labels are well-formed");
        for k in 0..200i64 {
            let value = match (k * 7 + i as i64) % 23 {
                0 => continue,
                1 => f64::from_bits(STALE_NAN_BITS),
                2 if i % 5 == 0 => f64::NAN,
                3 if i % 7 == 0 => f64::INFINITY,
                _ => (k % (20 + i as i64)) as f64 * 1.5,
            };
            series.sample(k * 10_000 + i as i64, value);
        }
    }
    db.write(&batch).expect("samples are written");
    db
});

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut options = EngineOptions::default();
    options.max_samples = 200_000;
    Engine::new(options)
});

fuzz_target!(|text: &str| {
    let options = QueryOptions {
        deadline: Some(Instant::now() + Duration::from_secs(2)),
        ..QueryOptions::default()
    };
    let start_ms = 600_000;
    let instant = ENGINE.instant(&*STORE, text, start_ms, &options);
    let range = ENGINE.range(
        &*STORE,
        text,
        start_ms,
        start_ms + 900_000,
        37_000,
        &options,
    );
    // The query's own times are not the same for both, and limits depend on the series that are looked at.
    let own_times = [
        "start", "end", "step", "range", "topk", "bottomk", "limit", "sort",
    ];
    if own_times
        .iter()
        .any(|name| text.to_lowercase().contains(name))
    {
        return;
    }
    let (Ok(instant), Ok(range)) = (instant, range) else {
        return;
    };
    if let (QueryValue::Vector(samples), QueryValue::Matrix(series)) = (instant.value, range.value)
    {
        let first = series
            .iter()
            .filter(|s| s.times_ms.first() == Some(&start_ms));
        assert_eq!(first.count(), samples.len(), "{text}");
    }
});
