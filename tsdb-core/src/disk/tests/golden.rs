//! The bytes of a run are those that were committed.

use super::support::*;
use crate::disk::RunSpec;
use crate::golden;
use crate::model::histogram::testing::bits_of_number;
use crate::model::{STALE_NAN_BITS, testing};

fn golden_contents() -> Contents {
    let mut all = Contents::new();
    for series in 0..40u64 {
        let instance = format!("host-{:02}:9100", series % 4);
        let name = format!("node_metric_{}", series / 4);
        let labels = labels(&[
            ("__name__", &name),
            ("instance", &instance),
            ("job", "node"),
        ]);
        let samples = (0..(series as i64 + 1) * 20).map(|i| {
            (
                1_000 + i * 1_500,
                (i as f64 * 0.25 * series as f64).to_bits(),
            )
        });
        all.insert(labels, samples.collect());
    }
    let special = [
        STALE_NAN_BITS,
        1,
        1 << 63,
        f64::INFINITY.to_bits(),
        u64::MAX,
    ];
    let samples = (0..)
        .map(|i: i64| i * 10 - 7)
        .filter(|t| *t >= 0)
        .zip(special);
    all.insert(labels(&[("höhe", "99 %")]), samples.collect());
    // Integers, floats among them, and histograms of floats.
    let samples = (0..300u16).map(|i| {
        let bits = match i {
            100..120 => u64::from(i),
            120..200 => bits_of_number(2 * i + 1),
            _ => bits_of_number(2 * i),
        };
        (i64::from(i) * 5_000, bits)
    });
    all.insert(labels(&[("__name__", "node_hist")]), samples.collect());
    // Integers, booleans and strings with nanoseconds, floats among them.
    let samples = (0..200u16).map(|i| {
        let bits = match i {
            0..60 => testing::bits_of_field_number(2 * i + 3),
            60..90 => testing::bits_of_field_number(i / 20 % 2),
            90..100 => (f64::from(i) / 4.0).to_bits(),
            _ => testing::bits_of_field_number(4 + i / 30 * 2),
        };
        (i64::from(i) * 5_000_000_001, bits)
    });
    all.insert(
        labels(&[("__name__", "fields"), ("job", "y")]),
        samples.collect(),
    );
    all
}

#[test]
fn bytes_are_those_committed() {
    let fs = fault_fs();
    let spec = RunSpec {
        set_id: 6,
        part: 2,
        parts: 3,
        generations: 4..=5,
        sealed: true,
        level: 1,
        class: 2,
        classes: 0x1234_5678,
        tombstones: 9,
        replaces: vec![3, 4],
        ..spec(7, 4, 0)
    };
    let run = write(&shared(&fs), spec, &golden_contents()).unwrap();
    let bytes = fs.contents(run.path()).unwrap();
    let committed = golden::committed("run-v4.run", &bytes);
    fs.overwrite(run.path(), &committed);
    assert_eq!(contents(&[run]).unwrap(), golden_contents());
}
