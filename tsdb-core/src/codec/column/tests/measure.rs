//! What columns take, and how long they take to write and to read:
//!
//! ```text
//! cargo test --release -p tsdb-core codec::column::tests::measure -- --ignored --nocapture
//! ```

use std::time::{Duration, Instant};

use super::metrics::{Series, every, load};
use super::workload::hosts;
use crate::codec::column::{
    Choice, Followed, Group as ColumnGroup, GroupWriter, MAX_STREAM_BYTES, Packer,
    TimesTableBuilder, Unpacker,
};

/// A group as a run holds it, and the numbers of values of its columns.
type Group = (Vec<u8>, Vec<u32>);

fn write(
    series: &[Series],
    times: &[u32],
    group_bytes: usize,
    hints: Option<&[Choice]>,
) -> (Vec<Group>, Vec<Choice>) {
    let mut packer = Packer::new().unwrap();
    let mut writer = GroupWriter::new();
    let (mut groups, mut counts, mut choices) = (Vec::new(), Vec::new(), Vec::new());
    for (i, series) in series.iter().enumerate() {
        let hint = hints.map(|hints| hints[i]);
        choices.push(writer.push(times[i], &series.values, hint));
        counts.push(series.values.len() as u32);
        if writer.len() >= group_bytes || i + 1 == times.len() {
            let mut bytes = Vec::new();
            writer.finish(&mut packer, &mut bytes).unwrap();
            groups.push((bytes, std::mem::take(&mut counts)));
        }
    }
    (groups, choices)
}

/// Checksum, zstd and codec of all groups: the sum of the best times of each.
fn read(groups: &[Group], rounds: usize) -> Duration {
    let mut unpacker = Unpacker::new().unwrap();
    let mut followed = Followed::default();
    let mut values = Vec::new();
    let mut read = |(bytes, counts): &Group| {
        let start = Instant::now();
        std::hint::black_box(crc32fast::hash(bytes));
        let group =
            ColumnGroup::open(bytes, MAX_STREAM_BYTES, counts.clone(), &mut unpacker).unwrap();
        followed.clear();
        for column in 0..counts.len() {
            // What an evaluator holds of a series at a time.
            if values.len() > 1 << 13 {
                values.clear();
            }
            group.decode(column, &mut followed, &mut values).unwrap();
        }
        start.elapsed()
    };
    let mut best = vec![Duration::MAX; groups.len()];
    for _ in 0..rounds {
        for (best, group) in best.iter_mut().zip(groups) {
            *best = read(group).min(*best);
        }
    }
    best.into_iter().sum()
}

fn measure(name: &str, series: &[Series]) {
    let samples: usize = series.iter().map(|series| series.values.len()).sum();
    let per_sample = |time: Duration| time.as_secs_f64() * 1e9 / samples as f64;
    let mut packer = Packer::new().unwrap();
    let mut table = TimesTableBuilder::new();
    let start = Instant::now();
    let times: Vec<u32> = series
        .iter()
        .map(|series| table.push(&series.times).0)
        .collect();
    let distinct = table.columns();
    let mut bytes = Vec::new();
    table.finish(&mut packer, &mut bytes).unwrap();
    let times_bytes = bytes.len();
    println!(
        "{name}: {} series, {samples} samples; timestamps {distinct} columns, {times_bytes} bytes = {:.4} a sample, {:.1} ns",
        series.len(),
        times_bytes as f64 / samples as f64,
        per_sample(start.elapsed()),
    );
    for group_bytes in [16 << 10, 32 << 10, 64 << 10] {
        let start = Instant::now();
        let (groups, choices) = write(series, &times, group_bytes, None);
        let search = start.elapsed();
        let start = Instant::now();
        let (hinted, _) = write(series, &times, group_bytes, Some(&choices));
        let hint = start.elapsed();
        let total = |groups: &[Group]| groups.iter().map(|(bytes, _)| bytes.len()).sum::<usize>();
        assert_eq!(total(&groups), total(&hinted));
        let time = read(&groups, (20_000_000 / samples).clamp(5, 50));
        println!(
            "  groups of {:2} KiB: {:4} of them, {:8} bytes = {:.4} a sample; written in {:.1} ns, with hints {:.1} ns; read in {:.3} ns = {:.2} G samples/s",
            group_bytes >> 10,
            groups.len(),
            total(&groups),
            total(&groups) as f64 / samples as f64,
            per_sample(search),
            per_sample(hint),
            per_sample(time),
            1.0 / per_sample(time),
        );
    }
}

#[test]
#[ignore = "a measurement, of use in release builds only"]
fn bytes_and_speed() {
    if let Some(series) = load(1) {
        measure("real metrics, 1 s", &series);
        measure("real metrics, every 15th scrape", &every(series, 15));
    }
    measure("20 hosts, 1440 rounds", &hosts(20, 1440));
}
