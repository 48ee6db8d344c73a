//! The store as its users see it, on file systems that fail.

mod classify;
mod clock;
mod copies;
mod crash;
mod damage;
mod delete;
mod delete_crash;
mod exemplars;
mod faults;
mod histograms;
mod kinds;
mod life;
mod limits;
mod model;
mod pace;
mod partitions;
mod retention;
mod snapshot;
mod verify;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::Store;
use crate::error::Result;
use crate::io::{FaultFs, Fs};
use crate::model::histogram::testing::bits_of_number;
use crate::model::{ConflictPolicy, MatchOp, Matcher, TimeRange, TimeUnit, WriteBatch, testing};
use crate::options::{Clock, ManualClock, Options};
use crate::store::WriteReport;

pub(super) const DIR: &str = "/db/store";
pub(super) const MINUTE: i64 = 60_000;
pub(super) const HOUR: i64 = 60 * MINUTE;
/// The manual clock of the tests stands here.
pub(super) const NOW: i64 = 1_000 * HOUR;

/// Small files and short partitions, a clock that stands, no threads.
pub(super) fn options() -> Options {
    Options::new()
        .clock(Clock::Manual(ManualClock::new(NOW)))
        .retention(None)
        .min_block_duration(std::time::Duration::from_secs(600))
        .max_block_duration(std::time::Duration::from_secs(1800))
        .wal_segment_bytes(64 << 10)
}

pub(super) fn open(fs: &FaultFs) -> Result<Store> {
    open_with(fs, options())
}

pub(super) fn open_with(fs: &FaultFs, options: Options) -> Result<Store> {
    let fs: Arc<dyn Fs> = Arc::new(fs.clone());
    Store::open(fs, Path::new(DIR), options)
}

/// Samples of a store or a model: series name → time in milliseconds → bits, of which some stand for other values than
/// floats.
pub(super) type Contents = BTreeMap<String, BTreeMap<i64, u64>>;

/// One batch: `(series, time, value)`.
pub(super) type Rows<'a> = &'a [(&'a str, i64, f64)];

/// The unit of a series of the tests: those whose names begin so count nanoseconds.
fn unit_of(series: &str) -> TimeUnit {
    match series.starts_with("ns") {
        true => TimeUnit::Nanoseconds,
        false => TimeUnit::Milliseconds,
    }
}

/// The tick of a sample of the tests: in nanoseconds no whole millisecond.
fn tick_of(series: &str, t_ms: i64) -> i64 {
    match unit_of(series) {
        TimeUnit::Nanoseconds => t_ms * 1_000_000 + 123_456,
        TimeUnit::Milliseconds => t_ms,
    }
}

pub(super) fn batch(rows: Rows<'_>) -> WriteBatch {
    batch_with(ConflictPolicy::Refuse, rows)
}

pub(super) fn batch_with(policy: ConflictPolicy, rows: Rows<'_>) -> WriteBatch {
    batch_of(policy, rows.iter().map(|row| (0, *row)))
}

/// One batch of rows with their start times, 0 for none.
pub(super) fn batch_since<'a>(
    rows: impl IntoIterator<Item = (i64, (&'a str, i64, f64))>,
) -> WriteBatch {
    batch_of(ConflictPolicy::Refuse, rows)
}

fn batch_of<'a>(
    policy: ConflictPolicy,
    rows: impl IntoIterator<Item = (i64, (&'a str, i64, f64))>,
) -> WriteBatch {
    let mut batch = WriteBatch::with_policy(policy);
    for (start_ms, (series, t_ms, value)) in rows {
        let labels = [("__name__", "m"), ("series", series), ("job", "test")];
        let tick = tick_of(series, t_ms);
        let unit = unit_of(series);
        let mut series = batch.series(labels).unwrap();
        testing::add_since(series.unit(unit), start_ms, tick, value.to_bits());
    }
    batch
}

/// Start times of all samples that have one: series name → time → start time.
pub(super) fn start_times(store: &Store) -> BTreeMap<String, BTreeMap<i64, i64>> {
    let querier = store.querier(TimeRange::ALL).unwrap();
    let all = querier.select(&[Matcher::equal("__name__", "m")]).unwrap();
    let starts = all.iter().map(|series| {
        let samples = series.samples().unwrap();
        let starts = samples.iter().filter_map(|s| Some((s.t_ms, s.start_ms?)));
        let name = series.labels().get("series").unwrap().to_owned();
        (name, starts.collect::<BTreeMap<_, _>>())
    });
    starts.filter(|(_, starts)| !starts.is_empty()).collect()
}

/// A value that [`batch`] makes a histogram of: even numbers are of integers, odd ones of floats.
pub(super) const fn hist(number: u16) -> f64 {
    f64::from_bits(bits_of_number(number))
}

/// A value that [`batch`] makes an integer, a boolean or a string of: see [`testing::bits_of_field_number`].
pub(super) const fn field(number: u16) -> f64 {
    f64::from_bits(testing::bits_of_field_number(number))
}

pub(super) fn write(store: &Store, rows: Rows<'_>) -> Result<WriteReport> {
    store.submit(&batch(rows))?.wait()
}

/// Everything that can be read, checking order and labels on the way.
pub(super) fn contents(store: &Store) -> Contents {
    select(store, &[Matcher::equal("__name__", "m")], TimeRange::ALL)
}

pub(super) fn select(store: &Store, matchers: &[Matcher], range: TimeRange) -> Contents {
    let series = store.querier(range).unwrap().select(matchers).unwrap();
    assert!(series.is_sorted_by(|a, b| a.labels() < b.labels()));
    let mut contents = Contents::new();
    for series in series {
        let mut samples = BTreeMap::new();
        let mut last = None;
        let name = series.labels().get("series").unwrap().to_owned();
        for sample in &series.samples().unwrap() {
            assert!(last < Some(sample.tick), "times rise strictly");
            last = Some(sample.tick);
            assert_eq!(sample.tick, tick_of(&name, sample.t_ms));
            samples.insert(sample.t_ms, testing::bits_of_value(sample.value));
        }
        if !samples.is_empty() {
            assert_eq!(series.unit(), unit_of(&name));
            assert!(
                contents.insert(name, samples).is_none(),
                "a series comes once"
            );
        }
    }
    contents
}

/// Deletes the samples in the range of the series with one of these names.
pub(super) fn delete(store: &Store, names: &[&str], range: TimeRange) -> Result<()> {
    let pattern = names.join("|");
    let matcher = Matcher::new(MatchOp::Regex, "series", &pattern).unwrap();
    store.delete(&[&[matcher]], range, TimeUnit::Milliseconds)
}

/// Does the same to a model.
pub(super) fn delete_from_model<T>(
    model: &mut BTreeMap<String, BTreeMap<i64, T>>,
    names: &[&str],
    range: TimeRange,
) {
    for name in names {
        if let Some(samples) = model.get_mut(*name) {
            samples.retain(|t_ms, _| !range.contains(*t_ms));
        }
    }
    model.retain(|_, samples| !samples.is_empty());
}

/// The last value of each `(series, time)`.
pub(super) fn model_of<'a>(rows: impl IntoIterator<Item = &'a (&'a str, i64, f64)>) -> Contents {
    let mut contents = Contents::new();
    for (series, t_ms, value) in rows {
        contents
            .entry((*series).to_owned())
            .or_default()
            .insert(*t_ms, value.to_bits());
    }
    contents
}

/// How many warnings a query over everything has.
pub(super) fn warnings(store: &Store) -> usize {
    let matchers = [Matcher::equal("__name__", "m")];
    let snapshot = store.snapshot(&[&matchers]).unwrap();
    for series in snapshot.select(&matchers, TimeRange::ALL).unwrap() {
        series.samples().unwrap();
    }
    snapshot.warnings().len()
}
