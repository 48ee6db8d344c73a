//! Many series: an aggregation holds groups, not series.

use std::sync::Arc;
use std::time::Instant;

use tsdb_core::{Columns, Labels, Matcher, TimeRange};
use tsdb_query::{Engine, QueryOptions, QueryValue, SeriesReader, Snapshot, StorageError};

const SERIES: usize = 20_000;
const SCRAPE_MS: i64 = 15_000;

/// Counters that are computed when they are read.
struct Counters(Vec<Arc<dyn SeriesReader>>);

struct Counter {
    labels: Labels,
    rate: f64,
}

impl Snapshot for Counters {
    fn select(
        &self,
        _: &[Matcher],
        _: TimeRange,
    ) -> Result<Vec<Arc<dyn SeriesReader>>, StorageError> {
        Ok(self.0.clone())
    }
}

impl SeriesReader for Counter {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn read(&self, range: TimeRange, out: &mut Columns) -> Result<(), StorageError> {
        let first = range.start_ms.max(0).div_euclid(SCRAPE_MS);
        let mut t_ms = first * SCRAPE_MS;
        while t_ms <= range.end_ms {
            if t_ms >= range.start_ms {
                out.push(t_ms, self.rate * t_ms as f64);
            }
            t_ms += SCRAPE_MS;
        }
        Ok(())
    }
}

#[test]
fn sums_of_many_series_hold_little() {
    let counters = (0..SERIES).map(|i| {
        let pairs = [
            ("__name__", "requests_total".to_owned()),
            ("instance", format!("host-{i:06}")),
            ("job", format!("job-{}", i % 10)),
        ];
        Arc::new(Counter {
            labels: Labels::from_pairs(pairs).unwrap(),
            rate: (i % 7) as f64,
        }) as Arc<dyn SeriesReader>
    });
    let storage = Counters(counters.collect());
    let engine = Engine::default();
    let options = QueryOptions::default();
    let begin = Instant::now();
    let result = engine
        .range(
            &storage,
            "sum by (job) (rate(requests_total[5m]))",
            3_600_000,
            7_200_000,
            60_000,
            &options,
        )
        .unwrap();
    let took = begin.elapsed();
    let QueryValue::Matrix(series) = result.value else {
        panic!("a range query gives a matrix");
    };
    assert_eq!(series.len(), 10);
    assert!(series.iter().all(|s| s.values.len() == 61));
    let total: f64 = series.iter().map(|s| s.values[30]).sum();
    let expected: f64 = (0..SERIES).map(|i| (i % 7) as f64 * 1000.0).sum();
    assert!((total / expected - 1.0).abs() < 1e-12);
    // 65 minutes of each series were read; groups, one series and the result were held.
    assert_eq!(result.stats.samples_read, SERIES as u64 * 260);
    assert!(result.stats.peak_samples < 3_000, "{:?}", result.stats);
    println!(
        "{SERIES} series, {} samples: {took:?}",
        result.stats.samples_read
    );
}
