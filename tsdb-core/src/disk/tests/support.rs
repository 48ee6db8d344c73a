//! Runs made from plain maps, and plain maps read back from runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use crate::budget::MemoryBudget;
use crate::codec::StoreIdentity;
use crate::disk::{
    EndMemory, FinishedRun, GroupCache, Partition, Run, RunSpec, RunWriter, publish,
};
use crate::error::Result;
use crate::io::{FaultFs, Fs};
use crate::model::histogram::testing::bits_of_number;
use crate::model::{Columns, Labels, STALE_NAN_BITS, TimeRange, TimeUnit, testing};

pub(crate) const DIR: &str = "/data";
pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const IDENTITY: StoreIdentity = StoreIdentity {
    id: 0x0123_4567_89ab_cdef_0011_2233_4455_6677,
    key: *b"golden test key!",
};

/// Bits of the values at the times of each series; some stand for values of other kinds. Times are in the unit of the
/// series.
pub(crate) type Contents = BTreeMap<Labels, BTreeMap<i64, u64>>;

pub(crate) fn dir() -> &'static Path {
    Path::new(DIR)
}

/// Memory for the ends of as many runs as there are.
pub(crate) fn end_memory() -> EndMemory {
    EndMemory::of(&MemoryBudget::new(u64::MAX))
}

pub(crate) fn fault_fs() -> FaultFs {
    let fs = FaultFs::new();
    fs.create_dir_all(dir()).unwrap();
    fs
}

pub(crate) fn shared(fs: &FaultFs) -> Arc<dyn Fs> {
    Arc::new(fs.clone())
}

pub(crate) fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied()).unwrap()
}

/// Series of this job count nanoseconds.
pub(crate) fn unit_of(labels: &Labels) -> TimeUnit {
    match labels.get("job") {
        Some("y") => TimeUnit::Nanoseconds,
        _ => TimeUnit::Milliseconds,
    }
}

/// A run of one file in the partition that `t_ms` lies in.
pub(crate) fn spec(file_id: u64, generation: u64, t_ms: i64) -> RunSpec {
    RunSpec {
        file_id,
        set_id: file_id,
        part: 1,
        parts: 1,
        partition: Partition::of(t_ms, HOUR_MS),
        generations: generation..=generation,
        sealed: false,
        level: 0,
        class: 0,
        classes: 0,
        tombstones: 0,
        replaces: Vec::new(),
    }
}

pub(crate) fn columns(samples: &BTreeMap<i64, u64>) -> Columns {
    let mut columns = Columns::default();
    for (&t_ms, &bits) in samples {
        testing::push(&mut columns, t_ms, bits);
    }
    columns
}

/// The start time of a sample in a test, which its series has or has not.
pub(crate) fn start_of(labels: &Labels, t_ms: i64, bits: u64) -> Option<i64> {
    let sum: u32 = labels.as_bytes().iter().map(|&byte| u32::from(byte)).sum();
    match (sum % 3, (bits ^ (bits >> 50)) % 4) {
        (1.., _) | (_, 0) => None,
        (_, 1 | 2) => Some(-3_600_000),
        _ => Some(t_ms.saturating_sub(1_000)).filter(|&start_ms| start_ms != 0),
    }
}

/// As [`columns`], with the start times.
pub(crate) fn columns_since(labels: &Labels, samples: &BTreeMap<i64, u64>) -> Columns {
    let mut columns = Columns::with_start_times();
    for (&t_ms, &bits) in samples {
        testing::push(&mut columns, t_ms, bits);
        columns.set_start_time(start_of(labels, t_ms, bits).unwrap_or(0));
    }
    columns
}

pub(crate) fn map_of(columns: &Columns) -> BTreeMap<i64, u64> {
    testing::bits_of_columns(columns).into_iter().collect()
}

pub(crate) fn finish(fs: &Arc<dyn Fs>, spec: RunSpec, contents: &Contents) -> Result<FinishedRun> {
    let mut writer = RunWriter::create(Arc::clone(fs), dir(), IDENTITY, spec)?;
    for (labels, samples) in contents {
        let samples = columns_since(labels, samples);
        writer.push_series(labels, unit_of(labels), &samples)?;
    }
    writer.finish()
}

pub(crate) fn write(fs: &Arc<dyn Fs>, spec: RunSpec, contents: &Contents) -> Result<Arc<Run>> {
    let finished = finish(fs, spec, contents)?;
    Ok(publish(fs, dir(), vec![finished], &end_memory())?.remove(0))
}

/// Appends the samples of a series; an error if one of its columns is damaged.
pub(crate) fn read_strictly(
    run: &Run,
    series: u32,
    range: TimeRange,
    cache: &GroupCache,
    out: &mut Columns,
) -> Result<()> {
    let mut damage = Ok(());
    run.read_series(series, range, cache, out, &mut |_, e| {
        damage = Err(e);
        Ok(())
    })?;
    damage
}

/// Every byte of a run is as it was written.
pub(crate) fn assert_intact(run: &Run) {
    let damages = run.check(&mut |_| true).unwrap();
    assert!(damages.is_empty(), "{damages:?}");
}

/// What runs hold together, the later one winning; each series is read whole, and must have the start times that were written.
pub(crate) fn contents(runs: &[Arc<Run>]) -> Result<Contents> {
    let cache = GroupCache::new(1 << 20);
    let mut all: BTreeMap<Labels, Columns> = BTreeMap::new();
    for run in runs {
        for series in 0..run.index().series_len() {
            let out = all
                .entry(run.index().labels(series)?)
                .or_insert_with(Columns::with_start_times);
            let middle = out.len();
            read_strictly(run, series, TimeRange::ALL, &cache, out)?;
            out.merge_tail(0, middle);
        }
    }
    Ok(all
        .into_iter()
        .map(|(labels, columns)| {
            let samples = map_of(&columns);
            for (i, (&t_ms, &bits)) in samples.iter().enumerate() {
                assert_eq!(columns.start_time_ms(i), start_of(&labels, t_ms, bits));
            }
            (labels, samples)
        })
        .collect())
}

pub(crate) fn merged(parts: &[Contents]) -> Contents {
    let mut all = Contents::new();
    for (labels, samples) in parts.iter().flatten() {
        all.entry(labels.clone()).or_default().extend(samples);
    }
    all
}

/// A few series with few samples.
pub(crate) fn small(from_ms: i64, seed: u64) -> Contents {
    (0..3u64)
        .map(|series| {
            let name = format!("series_{}", (series + seed) % 4);
            let samples = (0..5i64).map(|i| (from_ms + i * 1_000, seed.wrapping_mul(31) + series));
            (
                labels(&[("__name__", &name), ("job", "test")]),
                samples.collect(),
            )
        })
        .collect()
}

/// Floats of every sort, most of them like those of real metrics, and values of all other kinds.
pub(crate) fn value_bits() -> impl Strategy<Value = u64> {
    let special = [
        STALE_NAN_BITS,
        f64::NAN.to_bits(),
        0x7ff0_0000_0000_0001,
        0xffff_ffff_ffff_ffff,
        0f64.to_bits(),
        (-0f64).to_bits(),
        f64::INFINITY.to_bits(),
        f64::NEG_INFINITY.to_bits(),
        f64::MAX.to_bits(),
        1,
    ];
    prop_oneof![
        4 => (0u32..1_000).prop_map(|n| f64::from(n).to_bits()),
        2 => prop::sample::select(special.to_vec()),
        1 => any::<u64>(),
        2 => any::<u16>().prop_map(bits_of_number),
        2 => any::<u16>().prop_map(testing::bits_of_field_number),
    ]
}

/// Label sets with samples inside `range`.
pub(crate) fn any_contents(
    range: TimeRange,
    series: std::ops::Range<usize>,
) -> impl Strategy<Value = Contents> {
    let times = prop_oneof![
        1 => range.start_ms..=range.end_ms,
        4 => (0i64..200).prop_map(move |i| range.start_ms + i * 15_000),
    ];
    let samples = prop::collection::btree_map(times, value_bits(), 1..60);
    let labels = ("[ab]{1,2}", "[xy]?", "\\PC{0,3}").prop_map(|(name, job, le)| {
        Labels::from_pairs([("__name__", &name), ("job", &job), ("le", &le)]).unwrap()
    });
    prop::collection::btree_map(labels, samples, series).prop_map(|all| {
        let series = all.into_iter().map(|(labels, samples)| {
            let each = unit_of(&labels).ticks_of(TimeRange::new(1, 1)).start_ms;
            let ticks = samples.into_iter().map(|(t_ms, bits)| {
                // Anywhere in the millisecond.
                (t_ms * each + (bits % each as u64) as i64, bits)
            });
            (labels, ticks.collect())
        });
        series.collect()
    })
}
