//! The chunk against chunks that a Prometheus made of the same samples (`testdata/golden/prometheus-2.42-xor`).

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::model::Columns;

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/golden/prometheus-2.42-xor")
}

/// The lines of a `.samples` file: milliseconds, and the bits of the value.
fn samples(text: &str) -> Columns {
    let mut samples = Columns::default();
    for line in text.lines() {
        let (t_ms, bits) = line.split_once(' ').unwrap();
        let bits = u64::from_str_radix(bits, 16).unwrap();
        samples.push(t_ms.parse().unwrap(), f64::from_bits(bits));
    }
    samples
}

fn value_bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Compares a chunk with what becomes of its samples here, on every way there is; the number of samples in it.
fn check(file: &Path, times_ms: &[i64], values: &[f64]) -> usize {
    let golden = fs::read(file).unwrap();
    let n = usize::from(encode::parse_header([golden[0], golden[1]]));
    let (times_ms, values) = (&times_ms[..n], &values[..n]);
    let name = file.display();
    assert_eq!(encode(times_ms, values).unwrap(), golden, "{name}");

    let mut appender = XorAppender::new();
    for (&t_ms, &value) in times_ms.iter().zip(values) {
        appender.append(t_ms, value).unwrap();
    }
    let bytes = appender.chunk().to_bytes(appender.prefix());
    assert_eq!(bytes, golden, "{name}");

    let mut decoded = Columns::default();
    decode_into(&golden, &mut decoded).unwrap();
    assert_eq!(decoded.times_ms, times_ms, "{name}");
    assert_eq!(value_bits(&decoded.values), value_bits(values), "{name}");
    n
}

#[test]
fn chunks_are_those_of_prometheus() {
    let mut chunks = 0;
    for entry in fs::read_dir(dir()).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_none_or(|extension| extension != "samples")
        {
            continue;
        }
        let samples = samples(&fs::read_to_string(&path).unwrap());
        let mut done = 0;
        for i in 0.. {
            let file = path.with_extension(format!("{i}.bin"));
            if done == samples.len() {
                assert!(!file.exists(), "{} has no samples", file.display());
                break;
            }
            done += check(&file, &samples.times_ms[done..], &samples.values[done..]);
            chunks += 1;
        }
    }
    assert_eq!(chunks, 21);
}
