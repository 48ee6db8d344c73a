//! Runs and their index.

use std::path::Path;
use std::sync::Arc;

use super::SampleBits;

use crate::budget::MemoryBudget;
use crate::codec::StoreIdentity;
use crate::disk::{EndMemory, GroupCache, Partition, RunSpec, RunWriter, catalog, publish};
use crate::error::Result as CoreResult;
use crate::index::{FoundPairs, postings_codec, resolve};
use crate::io::{Fs, MemFs};
use crate::model::histogram::Side;
use crate::model::{Columns, FieldValue, Histogram, Labels, Matcher, Span, TimeRange, TimeUnit};

/// Decodes a list of `count` postings below `series`, which bounds the memory.
///
/// # Errors
/// The text of the decoder's error.
pub fn decode_postings(bytes: &[u8], count: u32, series: u32) -> Result<Vec<u32>, String> {
    postings_codec::decode(bytes, count, series).map_err(|e| e.to_string())
}

/// Encodes ids below `series`, strictly rising.
#[must_use]
pub fn encode_postings(ids: &[u32], series: u32) -> Vec<u8> {
    let mut out = Vec::new();
    postings_codec::encode(ids, series, &mut out);
    out
}

/// Memory for the end of any run.
fn end_memory() -> EndMemory {
    EndMemory::of(&MemoryBudget::new(u64::MAX))
}

const DIR: &str = "/data";
const IDENTITY: StoreIdentity = StoreIdentity {
    id: 1,
    key: [2; 16],
};

/// The path of the run that [`sample_run`] writes and [`read_run`] reads.
const RUN: &str = "/data/8000000000000000-0000000000000001.run";

/// A run with a few series, groups and chunks, as a place to start from.
///
/// # Panics
/// Never: memory does not fail.
#[must_use]
pub fn sample_run() -> Vec<u8> {
    let fs = MemFs::default();
    write_sample(&fs).expect("memory does not fail");
    let map = fs.map(Path::new(RUN)).expect("just written");
    map.to_vec()
}

fn write_sample(fs: &MemFs) -> CoreResult<()> {
    let spec = RunSpec {
        file_id: 1,
        set_id: 1,
        part: 1,
        parts: 1,
        partition: Partition::of(0, 3_600_000),
        generations: 1..=2,
        sealed: false,
        level: 0,
        class: 0,
        classes: 0,
        tombstones: 0,
        replaces: vec![0],
    };
    let fs: Arc<dyn Fs> = Arc::new(fs.clone());
    let mut writer = RunWriter::create(Arc::clone(&fs), Path::new(DIR), IDENTITY, spec)?;
    for series in 0..24u32 {
        let name = format!("metric_{:02}", series / 3);
        let job = ["a", "node", "web"][series as usize % 3];
        let labels = Labels::from_pairs([("__name__", name.as_str()), ("job", job)])?;
        let mut samples = Columns::with_start_times();
        for i in 0..u32::min(1_000, 3 << (series % 12)) {
            let t_ms = i64::from(i) * 900;
            match series % 5 {
                // Floats, then histograms.
                4 if i > 200 => samples.push_histogram(t_ms, sample_histogram(i).into()),
                3 => samples.push_histogram(t_ms, sample_histogram(i).to_float().into()),
                _ => samples.push(t_ms, f64::from(i % (series + 1)) / 4.0),
            }
            if series % 4 == 1 {
                samples.set_start_time(i64::from(i / 300));
            }
        }
        writer.push_series(&labels, TimeUnit::Milliseconds, &samples)?;
    }
    for series in 0..12u32 {
        let name = format!("series_{series:02}");
        let labels = Labels::from_pairs([("__name__", name.as_str())])?;
        let mut samples = Columns::default();
        for i in 0..i64::min(1_000, 3 << series) {
            let value = match series % 4 {
                0 => FieldValue::Integer(i * i),
                1 => FieldValue::Boolean(i % 7 == 0),
                2 => FieldValue::string(["up", "down", ""][i as usize % 3]),
                // Integers, then strings.
                _ if i < 9 => FieldValue::Integer(-i),
                _ => FieldValue::string(&i.to_string()),
            };
            samples.push_field(i * 900_000_001, value);
        }
        writer.push_series(&labels, TimeUnit::Nanoseconds, &samples)?;
    }
    publish(&fs, Path::new(DIR), vec![writer.finish()?], &end_memory())?;
    Ok(())
}

fn sample_histogram(i: u32) -> Histogram {
    let spans = vec![Span {
        offset: -1,
        length: 2,
    }];
    let buckets = vec![i64::from(i), 1];
    Histogram {
        count: 2 * u64::from(i) + 1,
        sum: f64::from(i),
        positive: Side { spans, buckets },
        ..Histogram::default()
    }
}

/// Canonical bytes of the labels, and the samples; those that are no floats are NaN.
pub type RunSeries = (Vec<u8>, Vec<SampleBits>);

/// Opens a run and reads all of it, in every way there is.
///
/// # Errors
/// The text of the first error.
pub fn read_run(bytes: &[u8]) -> Result<Vec<RunSeries>, String> {
    read_all(bytes).map_err(|e| e.to_string())
}

fn read_all(bytes: &[u8]) -> CoreResult<Vec<RunSeries>> {
    let fs = MemFs::default();
    let file = fs.create(Path::new(RUN));
    file.and_then(|mut file| file.write_all(bytes))
        .expect("memory does not fail");
    let run = crate::disk::Run::open(&fs, Path::new(RUN), IDENTITY, &end_memory())?;
    // Bytes of another version or identity are refused, not set aside.
    assert!(catalog::identity_in_footers(&fs, Path::new(DIR)).is_ok());
    run.check(&mut |_| true)?;
    let index = run.index();
    let cache = GroupCache::new(1 << 20);
    for name in index.label_names()? {
        for value in index.label_values(&name)? {
            resolve(index, &[Matcher::equal(&name, &value)])?;
        }
    }
    let mut all = Vec::new();
    for id in 0..index.series_len() {
        let labels = index.labels(id)?;
        index.find(labels.as_bytes(), &mut FoundPairs::default())?;
        index.unit(id)?;
        let mut samples = Columns::with_start_times();
        run.read_series(id, TimeRange::ALL, &cache, &mut samples, &mut |_, _| Ok(()))?;
        assert!(samples.times_ms.is_sorted_by(|a, b| a < b));
        let mut part = Columns::default();
        let range = TimeRange::new(100_000, 500_000);
        run.read_series(id, range, &cache, &mut part, &mut |_, _| Ok(()))?;
        assert!(part.times_ms.iter().all(|&t_ms| range.contains(t_ms)));
        run.last_sample(id, &cache)?;
        let bits = samples.values.iter().map(|value| value.to_bits());
        let samples = samples.times_ms.iter().copied().zip(bits).collect();
        all.push((labels.as_bytes().to_vec(), samples));
    }
    Ok(all)
}
