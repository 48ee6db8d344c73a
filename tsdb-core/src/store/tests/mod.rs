//! The store as its users see it, on file systems that fail.

mod classify;
mod crash;
mod delete;
mod delete_crash;
mod histograms;
mod life;
mod model;
mod retention;
mod snapshot;
mod verify;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::Store;
use crate::error::Result;
use crate::io::{FaultFs, Fs};
use crate::model::histogram::testing;
use crate::model::{MatchOp, Matcher, TimeRange, Value, WriteBatch};
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

/// Samples of a store or a model: series name → time → bits, of which some stand for histograms.
pub(super) type Contents = BTreeMap<String, BTreeMap<i64, u64>>;

/// One batch: `(series, time, value)`.
pub(super) type Rows<'a> = &'a [(&'a str, i64, f64)];

pub(super) fn batch(rows: Rows<'_>) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for (series, t_ms, value) in rows {
        let labels = [("__name__", "m"), ("series", series), ("job", "test")];
        let mut series = batch.series(labels).unwrap();
        match testing::histogram_of(value.to_bits()) {
            Some(histogram) => series.histogram(*t_ms, histogram),
            None => series.sample(*t_ms, *value),
        };
    }
    batch
}

/// A value that [`batch`] makes a histogram of: even numbers are of integers, odd ones of floats.
pub(super) const fn hist(number: u16) -> f64 {
    f64::from_bits(testing::bits_of_number(number))
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
        let mut last_ms = None;
        for sample in &series.samples().unwrap() {
            assert!(
                last_ms.is_none_or(|last| last < sample.t_ms),
                "times rise strictly"
            );
            last_ms = Some(sample.t_ms);
            let bits = match sample.value {
                Value::Float(value) => value.to_bits(),
                Value::Histogram(h) => testing::bits_of_histogram(&h.clone().into()),
                Value::FloatHistogram(h) => testing::bits_of_histogram(&h.clone().into()),
            };
            samples.insert(sample.t_ms, bits);
        }
        if !samples.is_empty() {
            let name = series.labels().get("series").unwrap().to_owned();
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
    store.delete(&[&[matcher]], range)
}

/// Does the same to a model.
pub(super) fn delete_from_model(model: &mut Contents, names: &[&str], range: TimeRange) {
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
