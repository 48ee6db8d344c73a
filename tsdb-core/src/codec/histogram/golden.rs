//! Against chunks of Prometheus: the same samples give the same bytes, and the bytes give the samples.

use super::read;
use super::sample::ChunkSample;
use super::tests::{chunks_of, same_observations};
use crate::model::histogram::Side;
use crate::model::{CounterResetHint, FloatHistogram, Histogram, STALE_NAN_BITS, Span};

const GOLDEN: &str =
    include_str!("../../../../testdata/golden/prometheus-2.42/native-histogram-chunks.txt");

fn list<T>(text: &str, item: impl Fn(&str) -> T) -> Vec<T> {
    let items = text.split(',').filter(|_| text != "-");
    items.map(item).collect()
}

fn side<C: std::str::FromStr<Err: std::fmt::Debug>>(spans: &str, buckets: &str) -> Side<C> {
    let span = |text: &str| {
        let (offset, length) = text.split_once(':').unwrap();
        Span {
            offset: offset.parse().unwrap(),
            length: length.parse().unwrap(),
        }
    };
    Side {
        spans: list(spans, span),
        buckets: list(buckets, |text| text.parse().unwrap()),
    }
}

fn sum(text: &str) -> f64 {
    match text {
        "stale" => f64::from_bits(STALE_NAN_BITS),
        text => text.parse().unwrap(),
    }
}

trait Parse: ChunkSample {
    fn parse(fields: &[&str]) -> Self;
}

macro_rules! parse_fields {
    ($kind:ident) => {
        impl Parse for $kind {
            fn parse(f: &[&str]) -> Self {
                $kind {
                    counter_reset_hint: CounterResetHint::from_u8(f[0].parse().unwrap()),
                    count: f[1].parse().unwrap(),
                    sum: sum(f[2]),
                    zero_threshold: f[3].parse().unwrap(),
                    zero_count: f[4].parse().unwrap(),
                    schema: f[5].parse().unwrap(),
                    positive: side(f[6], f[7]),
                    negative: side(f[8], f[9]),
                    ..$kind::default()
                }
            }
        }
    };
}
parse_fields!(Histogram);
parse_fields!(FloatHistogram);

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

fn check_series<H: Parse + PartialEq + std::fmt::Debug>(lines: &[&str]) -> usize {
    let mut samples: Vec<(i64, H)> = Vec::new();
    let mut expected = Vec::new();
    for line in lines {
        let fields: Vec<&str> = line.split(' ').collect();
        match fields[0] {
            "sample" => samples.push((fields[1].parse().unwrap(), H::parse(&fields[2..]))),
            "chunk" => {
                assert_eq!(fields[1], (H::KIND as u8).to_string());
                expected.push(hex(fields[2]));
            }
            _ => panic!("{line}"),
        }
    }
    let chunks = chunks_of(&samples);
    assert_eq!(chunks.len(), expected.len() + 1);
    let mut rest = samples.iter();
    for (i, (chunk, expected)) in chunks.iter().zip(&expected).enumerate() {
        assert_eq!(&chunk.to_bytes(), expected, "chunk {i} of {}", lines[0]);
        assert_eq!(chunk.bytes_len(), expected.len());
        for (read, (t_ms, sample)) in read::Decoder::<H, _>::new(expected).unwrap().zip(&mut rest) {
            let (read_ms, read) = read.unwrap();
            assert_eq!(read_ms, *t_ms);
            same_observations(&read, sample);
        }
    }
    expected.len()
}

#[test]
fn chunks_are_those_of_prometheus() {
    let lines: Vec<&str> = GOLDEN
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let mut chunks = 0;
    for series in lines.chunk_by(|_, next| !next.starts_with("series ")) {
        let samples = &series[1..];
        chunks += if series[0].starts_with("series int") {
            check_series::<Histogram>(samples)
        } else {
            check_series::<FloatHistogram>(samples)
        };
    }
    assert!(chunks > 40, "{chunks} chunks");
}
