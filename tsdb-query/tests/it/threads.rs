//! A large query reads its series with several threads, and that changes nothing.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

use tsdb_core::{Columns, Labels, Matcher, TimeRange};
use tsdb_query::{
    Engine, EngineOptions, QueryError, QueryOptions, SeriesReader, Snapshot, StorageError,
};

const SERIES: u32 = 1_500;
const END_MS: i64 = 600_000;

/// What became of the last query.
#[derive(Default)]
struct Seen {
    threads: Mutex<HashSet<ThreadId>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Fails(u32),
    Panics(u32),
}

/// Series that take a while to read, few of them with many samples.
struct Slow {
    fault: Fault,
    seen: Arc<Seen>,
}

struct SlowSeries {
    number: u32,
    labels: Labels,
    fault: Fault,
    seen: Arc<Seen>,
}

impl Snapshot for Slow {
    fn select(
        &self,
        _: &[Matcher],
        _: TimeRange,
    ) -> Result<Vec<Arc<dyn SeriesReader>>, StorageError> {
        let series = |number: u32| {
            let number_text = format!("{number:05}");
            let group = format!("{}", number % 7);
            let pairs = [("__name__", "m"), ("g", &group), ("n", &number_text)];
            Arc::new(SlowSeries {
                number,
                labels: Labels::from_pairs(pairs).expect("valid labels"),
                fault: self.fault,
                seen: Arc::clone(&self.seen),
            }) as Arc<dyn SeriesReader>
        };
        let mut all: Vec<_> = (0..SERIES).map(series).collect();
        all.sort_by(|a, b| a.labels().cmp(b.labels()));
        Ok(all)
    }
}

impl SeriesReader for SlowSeries {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn read(&self, range: TimeRange, out: &mut Columns) -> Result<(), StorageError> {
        std::thread::sleep(Duration::from_micros(20));
        let thread = std::thread::current().id();
        self.seen
            .threads
            .lock()
            .expect("no panic inside")
            .insert(thread);
        match self.fault {
            Fault::Fails(number) if number == self.number => {
                return Err(StorageError(format!("series {number} is gone").into()));
            }
            Fault::Panics(number) => assert_ne!(number, self.number, "as the test wants"),
            _ => {}
        }
        let step_ms = match self.number % 400 {
            399 => 9,
            _ => 60_000,
        };
        for t_ms in (0..=END_MS).step_by(step_ms).filter(|&t| range.contains(t)) {
            // No sum of these is exact.
            let value = f64::from(self.number).sqrt() + (t_ms as f64).sin() * 1e9;
            out.push(t_ms, value);
        }
        Ok(())
    }
}

/// The answer, with every bit of its values, and how many threads read for it.
fn ask(threads: usize, query: &str, fault: Fault) -> (Result<String, QueryError>, usize) {
    let mut options = EngineOptions::default();
    options.threads = threads;
    let seen = Arc::<Seen>::default();
    let storage = Slow {
        fault,
        seen: Arc::clone(&seen),
    };
    let engine = Engine::new(options);
    let result = engine.range(&storage, query, 0, END_MS, 60_000, &QueryOptions::default());
    let text = result.map(|result| format!("{:?} {:?}", result.value, result.stats.samples));
    let threads = seen.threads.lock().expect("no panic inside").len();
    (text, threads)
}

#[test]
fn answers_are_the_same_with_any_number_of_threads() {
    for query in [
        "sum by (g) (m)",
        "sum by (g) (rate(m[5m]))",
        "avg(m) - avg(m)",
    ] {
        let (alone, one) = ask(1, query, Fault::None);
        let (helped, several) = ask(4, query, Fault::None);
        assert_eq!(alone.unwrap(), helped.unwrap(), "{query}");
        assert_eq!(one, 1);
        assert!(several > 1, "nobody helped");
    }
}

#[test]
fn a_series_that_cannot_be_read_ends_the_query() {
    for number in [3, 700, 1_499] {
        let (failed, _) = ask(4, "sum(m)", Fault::Fails(number));
        let error = failed.unwrap_err().to_string();
        assert!(error.contains("is gone"), "{error}");
    }
}

#[test]
fn a_panic_of_a_helper_ends_the_query() {
    for number in [700, 1_499] {
        let asked = std::panic::catch_unwind(|| ask(4, "sum(m)", Fault::Panics(number)));
        assert!(asked.is_err());
    }
}
