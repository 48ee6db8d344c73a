//! Real metrics: those that lie beside the workspace, where they do.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::{Reader, bits};
use crate::codec::column::{
    GroupWriter, MAX_STREAM_BYTES, Packer, TimesTable, TimesTableBuilder, Unpacker,
};
use crate::model::STALE_NAN_BITS;

/// A series of the recording.
pub(super) struct Series {
    /// Name and value of its labels, sorted by name.
    pub(super) labels: Vec<(String, String)>,
    pub(super) times: Vec<i64>,
    pub(super) values: Vec<f64>,
}

/// One in so many series of the recording, in the order of their labels; `None` where there is no recording.
pub(super) fn load(one_in: usize) -> Option<Vec<Series>> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/metrics/lab-1s-60min.jsonl.zst");
    let file = File::open(path).ok()?;
    let lines = BufReader::with_capacity(1 << 20, zstd::Decoder::new(file).unwrap()).lines();
    let mut series: Vec<Series> = lines
        .step_by(one_in)
        .map(|line| parse(&line.unwrap()))
        .collect();
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    Some(series)
}

/// Only the scrapes whose number is a multiple of `step`, one a second.
pub(super) fn every(series: Vec<Series>, step: i64) -> Vec<Series> {
    let second = |time: i64| (time + 500).div_euclid(1000);
    let keep = |mut series: Series| {
        let kept = |time: &i64| second(*time) % step == 0;
        let mut times = series.times.iter();
        series.values.retain(|_| times.next().is_some_and(kept));
        series.times.retain(kept);
        (!series.times.is_empty()).then_some(series)
    };
    series.into_iter().filter_map(keep).collect()
}

fn parse(line: &str) -> Series {
    let part = |name: &str, close: char| {
        let start = line.find(name).unwrap() + name.len();
        let len = line[start..].find(close).unwrap();
        &line[start..start + len]
    };
    // Label values have escaped quotes, but no other escapes.
    let metric = &line[line.find('{').unwrap() + 1..line.find("},\"values\"").unwrap()];
    let metric = &metric[metric.find('{').unwrap() + 2..metric.len() - 1];
    let mut labels: Vec<(String, String)> = metric
        .split("\",\"")
        .map(|label| label.split_once("\":\"").unwrap())
        .map(|(name, value)| (name.to_owned(), value.replace("\\\"", "\"")))
        .collect();
    labels.sort();
    Series {
        labels,
        times: part("\"timestamps\":[", ']')
            .split(',')
            .map(|time| time.parse().unwrap())
            .collect(),
        values: part("\"values\":[", ']').split(',').map(number).collect(),
    }
}

fn number(text: &str) -> f64 {
    match text {
        "null" => f64::from_bits(STALE_NAN_BITS),
        "\"NaN\"" => f64::from_bits(0x7ff8_0000_0000_0001),
        "\"Infinity\"" => f64::INFINITY,
        "\"-Infinity\"" => f64::NEG_INFINITY,
        _ => text.parse().unwrap(),
    }
}

#[test]
fn real_metrics_come_back() {
    let Some(series) = load(41) else {
        return;
    };
    assert!(series.len() > 60);
    let mut writer = GroupWriter::new();
    let mut table = TimesTableBuilder::new();
    let mut choices = Vec::new();
    let mut refs = Vec::new();
    for series in &series {
        let times = table.push(&series.times);
        choices.push(writer.push(times.0, &series.values, None));
        refs.push(times);
    }
    let mut packer = Packer::new().unwrap();
    let mut group = Vec::new();
    writer.finish(&mut packer, &mut group).unwrap();
    let mut times = Vec::new();
    table.finish(&mut packer, &mut times).unwrap();

    let counts = series.iter().map(|series| series.values.len() as u32);
    let mut reader = Reader::open(&group, MAX_STREAM_BYTES, counts.collect()).unwrap();
    let table = TimesTable::open(&times, MAX_STREAM_BYTES, &mut Unpacker::new().unwrap()).unwrap();
    let samples: usize = series.iter().map(|series| series.values.len()).sum();
    for (i, series) in series.iter().enumerate() {
        let (mut times, mut values) = (Vec::new(), Vec::new());
        table.decode(refs[i], &mut times).unwrap();
        reader.decode(i, &mut values).unwrap();
        assert!(times == series.times, "{:?}", series.labels);
        assert!(bits(&values) == bits(&series.values), "{:?}", series.labels);
    }
    // A hint that fits gives what the search gave.
    for (series, choice) in series.iter().zip(choices) {
        assert_eq!(writer.push(0, &series.values, Some(choice)), choice);
    }
    let bytes = (group.len() + times.len()) as f64 / samples as f64;
    assert!(bytes < 0.3, "{bytes} bytes a sample");
}
