//! The samples of `testdata/golden/prometheus-2.42-xor`, and the files there.
//!
//! `NAME.samples` has a line a sample: milliseconds, and the bits of the value in hexadecimal. `NAME.N.bin` is the N-th
//! chunk that Prometheus made of them. A test of the codec encodes the same samples and compares.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Times in milliseconds with the bits of values.
pub(crate) type Samples = Vec<(i64, u64)>;

/// Where every series begins, about: a Prometheus takes no samples that are an hour older than its newest.
pub(crate) const BASE_MS: i64 = 1_700_000_000_000;

/// Where the files are.
pub(crate) fn dir() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    Path::new(&package).join("../testdata/golden/prometheus-2.42-xor")
}

/// The text of a `.samples` file.
pub(crate) fn text(samples: &Samples) -> String {
    let mut out = String::new();
    for (t_ms, bits) in samples {
        let _ = writeln!(out, "{t_ms} {bits:016x}"); // a string takes everything
    }
    out
}

/// A generator of numbers that are the same every time (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 11) % n
    }
}

/// The series, each under its name.
pub(crate) fn cases() -> Vec<(&'static str, Samples)> {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let regular = |n: i64, step_ms: i64| (0..n).map(move |i| BASE_MS + i * step_ms);
    let floats = |times: &mut dyn Iterator<Item = i64>, value: &mut dyn FnMut(i64) -> f64| {
        times
            .enumerate()
            .map(|(i, t)| (t, value(i as i64).to_bits()))
            .collect::<Samples>()
    };
    let mut cases = vec![
        ("one", vec![(BASE_MS, 1.5f64.to_bits())]),
        ("two", vec![(BASE_MS, 0), (BASE_MS + 1, 1)]),
        ("constant", floats(&mut regular(250, 10_000), &mut |_| 42.0)),
        (
            "zero_and_minus_zero",
            floats(&mut regular(40, 10_000), &mut |i| {
                if i % 3 == 0 { -0.0 } else { 0.0 }
            }),
        ),
        (
            "counter",
            floats(&mut regular(250, 10_000), &mut |i| (i * 17) as f64),
        ),
        (
            "gauge",
            floats(&mut regular(250, 10_000), &mut |i| {
                (i * i % 101) as f64 / 10.0
            }),
        ),
    ];
    let mut total = 0;
    let uneven = floats(&mut regular(250, 15_000), &mut |_| {
        total += numbers.below(5_000);
        total as f64
    });
    cases.push(("counter_uneven", uneven));
    cases.push((
        "random_bits",
        regular(200, 1_000).map(|t| (t, numbers.next())).collect(),
    ));
    let special = [
        0x7ff8_0000_0000_0001, // the NaN of Go
        0x7ff0_0000_0000_0002, // the staleness marker
        0x7ff0_0000_0000_0000,
        0xfff0_0000_0000_0000,
        0xfff8_dead_beef_0000, // a NaN with a payload
        0x7ff0_0000_0000_0001, // a signalling NaN
        0x0000_0000_0000_0001, // the smallest subnormal
        0x7fef_ffff_ffff_ffff, // the largest number
        0x3ff0_0000_0000_0000,
    ];
    let specials = regular(150, 5_000).map(|t| (t, special[numbers.below(9) as usize]));
    cases.push(("special", specials.collect()));
    // Widths of significant bits from 1 to 64, with every number of leading zeros.
    let windows = regular(120, 1_000).map(|t| {
        let width = numbers.below(64) + 1;
        (
            t,
            (numbers.next() >> (64 - width)) << numbers.below(65 - width),
        )
    });
    cases.push(("windows", windows.collect()));
    // A scrape that is a few milliseconds early or late, and now and then one that is missing.
    let mut t = BASE_MS;
    let jitter = (0..240i64).map(|i| {
        t += 10_000 * (1 + i64::from(numbers.below(20) == 0));
        (t + numbers.below(9) as i64 - 4, (i as f64).sqrt().to_bits())
    });
    cases.push(("jitter", jitter.collect()));
    // Deltas of deltas at the bounds of every bucket.
    let bounds = [
        0, 1, -1, 8_191, 8_192, 8_193, -8_190, -8_191, -8_192, 65_535, 65_536, 65_537, -65_534,
        -65_535, -65_536, 524_287, 524_288, 524_289, -524_286, -524_287, -524_288,
    ];
    let (mut t, mut samples) = (BASE_MS, Vec::new());
    for (i, dod) in bounds.into_iter().enumerate() {
        // Two regular steps of 600 s or less, then one that is off by the bound.
        let step = 30_000 + dod.max(-dod);
        for delta in [step, step, step + dod] {
            t += delta.max(1);
            samples.push((t, (i as f64).to_bits()));
        }
    }
    cases.push(("delta_of_delta_bounds", samples));
    cases
}
