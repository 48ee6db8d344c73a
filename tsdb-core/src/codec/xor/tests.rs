//! The chunk against a bit-by-bit model of its specification, against itself, and against damaged bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use proptest::prelude::*;

use super::encode::header;
use super::*;
use crate::codec::DecodeError;
use crate::model::{Columns, STALE_NAN_BITS};

type Samples = Vec<(i64, u64)>;

fn bits(
    samples: impl Iterator<Item = Result<(i64, f64), DecodeError>>,
) -> Result<Samples, DecodeError> {
    samples
        .map(|sample| sample.map(|(t_ms, value)| (t_ms, value.to_bits())))
        .collect()
}

fn encode_bits(samples: &[(i64, u64)]) -> Vec<u8> {
    let times: Vec<i64> = samples.iter().map(|s| s.0).collect();
    let values: Vec<f64> = samples.iter().map(|s| f64::from_bits(s.1)).collect();
    encode(&times, &values).unwrap()
}

fn decode_bits(bytes: &[u8]) -> Result<Samples, DecodeError> {
    bits(XorIter::new(bytes)?)
}

fn appender(samples: &[(i64, u64)]) -> XorAppender {
    let mut appender = XorAppender::new();
    for &(t_ms, value) in samples {
        appender.append(t_ms, f64::from_bits(value)).unwrap();
    }
    appender
}

/// The bit stream of the reference, one bit or one byte at a time: `free` is 8 where an empty byte is open.
#[derive(Default)]
struct ModelStream {
    bytes: Vec<u8>,
    free: u32,
}

impl ModelStream {
    fn bit(&mut self, bit: bool) {
        if self.free == 0 {
            self.bytes.push(0);
            self.free = 8;
        }
        *self.bytes.last_mut().unwrap() |= u8::from(bit) << (self.free - 1);
        self.free -= 1;
    }

    fn byte(&mut self, byte: u8) {
        let free = if self.free == 0 { 8 } else { self.free };
        for i in (0..8).rev() {
            self.bit(byte >> i & 1 == 1);
        }
        // A byte that ends on the border opens the next.
        if free == 8 {
            self.bytes.push(0);
            self.free = 8;
        }
    }

    fn field(&mut self, value: u64, n: u32) {
        for byte in 0..n / 8 {
            self.byte((value >> (n - 8 * (byte + 1))) as u8);
        }
        for i in (0..n % 8).rev() {
            self.bit(value >> i & 1 == 1);
        }
    }

    fn uvarint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }
}

/// A chunk as `docs/format/chunk.md` describes it, as directly as it can be written down.
fn model(samples: &[(i64, u64)]) -> Vec<u8> {
    let mut out = ModelStream::default();
    let mut window: Option<(u32, u32)> = None;
    let mut before = (0_i64, 0_u64);
    let mut delta = 0_i64;
    for (i, &(t_ms, value)) in samples.iter().enumerate() {
        if i == 0 {
            out.uvarint(((t_ms << 1) ^ (t_ms >> 63)) as u64);
            out.field(value, 64);
            before = (t_ms, value);
            continue;
        }
        let new_delta = t_ms.wrapping_sub(before.0);
        let dod = new_delta.wrapping_sub(delta);
        match dod {
            _ if i == 1 => out.uvarint(new_delta as u64),
            0 => out.bit(false),
            -8191..=8192 => {
                out.field(0b10, 2);
                out.field(dod as u64, 14);
            }
            -65535..=65536 => {
                out.field(0b110, 3);
                out.field(dod as u64, 17);
            }
            -524_287..=524_288 => {
                out.field(0b1110, 4);
                out.field(dod as u64, 20);
            }
            _ => {
                out.field(0b1111, 4);
                out.field(dod as u64, 64);
            }
        }
        delta = new_delta;
        let xor = value ^ before.1;
        before = (t_ms, value);
        if xor == 0 {
            out.bit(false);
            continue;
        }
        out.bit(true);
        let (leading, trailing) = (xor.leading_zeros().min(31), xor.trailing_zeros());
        if let Some((l, t)) = window
            && leading >= l
            && trailing >= t
        {
            out.bit(false);
            out.field(xor >> t, 64 - l - t);
        } else {
            window = Some((leading, trailing));
            out.bit(true);
            out.field(u64::from(leading), 5);
            out.field(u64::from(64 - leading - trailing) % 64, 6);
            out.field(xor >> trailing, 64 - leading - trailing);
        }
    }
    let mut bytes = header(samples.len() as u16).to_vec();
    bytes.extend(out.bytes);
    bytes
}

fn any_bits() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        any::<f64>().prop_map(f64::to_bits),
        (-1000_i32..1000).prop_map(|v| f64::from(v).to_bits()),
        (0_i32..10_000).prop_map(|v| (f64::from(v) / 100.0).to_bits()),
        // One xor of a whole number of bytes after another ends on borders of bytes.
        any::<u8>().prop_map(|v| 0x3ff0_0000_0000_0000 | u64::from(v) << 40),
        Just(STALE_NAN_BITS),
        Just(0x7ff8_0000_0000_0001),
        Just(0xfff8_dead_beef_0001),
        Just((-0.0_f64).to_bits()),
        Just(0),
        Just(f64::INFINITY.to_bits()),
        Just(f64::NEG_INFINITY.to_bits()),
        Just(1),
        Just(0x000f_ffff_ffff_ffff),
    ]
}

/// Steps between times: regular, around the borders of every bucket, and anything.
fn any_step() -> impl Strategy<Value = i64> {
    let border = |bits: u32| (0_i64..6).prop_map(move |d| (1 << (bits - 1)) + d - 3);
    prop_oneof![
        4 => Just(15_000_i64),
        2 => 14_900_i64..15_100,
        1 => border(14), 1 => border(17), 1 => border(20),
        1 => border(14).prop_map(|d| -d), 1 => border(17).prop_map(|d| -d), 1 => border(20).prop_map(|d| -d),
        1 => any::<i64>(),
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
    ]
}

fn any_samples(most: usize) -> impl Strategy<Value = Samples> {
    let first = prop_oneof![
        Just(0_i64),
        Just(1_700_000_000_000_i64),
        any::<i64>(),
        Just(i64::MIN),
        Just(i64::MAX)
    ];
    let later = proptest::collection::vec(
        (
            any_step(),
            prop_oneof![1 => Just(None), 2 => any_bits().prop_map(Some)],
        ),
        0..most,
    );
    (first, any_bits(), later).prop_map(|(mut t_ms, mut value, later)| {
        let mut samples = vec![(t_ms, value)];
        for (step, new) in later {
            t_ms = t_ms.wrapping_add(step);
            value = new.unwrap_or(value);
            samples.push((t_ms, value));
        }
        samples
    })
}

#[test]
fn empty_and_single() {
    assert_eq!(encode(&[], &[]).unwrap(), [0, 0]);
    assert_eq!(decode_bits(&[0, 0]).unwrap(), []);
    let single = [0, 1, 0x01, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(
        encode(&[-1], &[1.5]).unwrap(),
        single,
        "the last byte is the one opened ahead"
    );
    assert_eq!(
        appender(&[(-1, 1.5_f64.to_bits())]).bytes_len(),
        single.len()
    );
}

/// Worked out by hand from the drawing of the format.
#[test]
fn four_samples_by_hand() {
    let expected = [
        &[0x00, 0x04, 0xd0, 0x0f][..],   // four samples; zigzag(1000)
        &[0x3f, 0xf0, 0, 0, 0, 0, 0, 0], // 1.0
        &[0xe8, 0x07],                   // 1000; then bits:
        &[0b0011_0000, 0b1001_0111, 0xff, 0b1110_0000, 0], // same | dod 0, new window (1, 11) 11×1 | 10 …
        &[0b0110_1111, 0b1111_1110],                       // … dod 1, same window 11×1
    ]
    .concat();
    assert_eq!(
        encode(&[1000, 2000, 3000, 4001], &[1.0, 1.0, 2.0, 1.0]).unwrap(),
        expected
    );
}

#[test]
fn takes_65535_samples_and_no_more() {
    let mut appender = XorAppender::new();
    for i in 0..i64::from(MAX_SAMPLES) {
        appender.append(i * i * i, (i as f64).sin()).unwrap();
    }
    let full = appender.prefix();
    assert_eq!(appender.append(0, 0.0), Err(ChunkFull));
    assert_eq!(appender.prefix(), full);
    assert_eq!(appender.samples(), MAX_SAMPLES);
    let times: Vec<i64> = (0..i64::from(MAX_SAMPLES)).map(|i| i * i * i).collect();
    let values: Vec<f64> = (0..i64::from(MAX_SAMPLES))
        .map(|i| (i as f64).sin())
        .collect();
    let bytes = encode(&times, &values).unwrap();
    assert_eq!(appender.chunk().to_bytes(full), bytes);
    let mut columns = Columns::default();
    decode_into(&bytes, &mut columns).unwrap();
    assert_eq!((columns.times_ms, columns.values), (times, values));
    assert_eq!(encode(&[0; 65_536], &[0.0; 65_536]), Err(ChunkFull));
}

/// Prometheus writes so when it takes up a chunk in which all values were equal: its window is then all 64 bits.
#[test]
fn window_of_all_bits_without_a_header() {
    let mut out = ModelStream::default();
    out.uvarint(0);
    out.field(7, 64);
    out.uvarint(1);
    out.field(0b10, 2);
    out.field(7 ^ 9, 64);
    let bytes = [header(2).to_vec(), out.bytes].concat();
    assert_eq!(decode_bits(&bytes).unwrap(), [(0, 7), (1, 9)]);
}

#[test]
fn damage_is_named() {
    let what = |bytes: &[u8]| decode_bits(bytes).map_err(|e| e.what);
    assert_eq!(what(&[0]), Err("chunk has no header"));
    assert_eq!(what(&[0, 1]), Err("chunk ends within a sample"));
    let overlong = [&[0, 1][..], &[0xff; 20]].concat();
    assert_eq!(what(&overlong), Err("varint has more than 64 bits"));
    // 31 leading zeros and 63 significant bits.
    let wide = [&[0, 2, 0][..], &[0; 8], &[1, 0xff, 0xff, 0xff]].concat();
    assert_eq!(what(&wide), Err("value has more than 64 bits"));
    let mut samples = XorIter::new(&[0xff, 0xff]).unwrap();
    assert!(samples.next().unwrap().is_err());
    assert!(samples.next().is_none(), "nothing follows an error");
}

/// Readers see a prefix of what is appended, at any moment, and the prefix stays as it is.
#[test]
fn readers_see_prefixes_while_another_thread_appends() {
    let sample = |i: i64| {
        (
            i * 15_000 + (i * i) % 7,
            if i % 3 == 0 {
                (i as f64).sqrt()
            } else {
                i as f64
            },
        )
    };
    let samples = 20_000_i64;
    let mut appender = XorAppender::new();
    let chunk = Arc::clone(appender.chunk());
    let handed = Mutex::new(appender.prefix());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let take = || *handed.lock();
                let (mut last, mut last_samples) = (take(), 0);
                let mut last_bytes = chunk.to_bytes(last);
                loop {
                    let finished = done.load(Ordering::Acquire);
                    let prefix = take();
                    let mut seen = 0;
                    for (i, read) in (0..).zip(chunk.iter(prefix)) {
                        assert_eq!(read, Ok(sample(i)));
                        seen += 1;
                    }
                    assert!(seen >= last_samples);
                    assert_eq!(chunk.to_bytes(last), last_bytes, "an older prefix changed");
                    (last, last_samples, last_bytes) = (prefix, seen, chunk.to_bytes(prefix));
                    if finished {
                        assert_eq!(seen, samples);
                        return;
                    }
                }
            });
        }
        for i in 0..samples {
            let (t_ms, value) = sample(i);
            appender.append(t_ms, value).unwrap();
            *handed.lock() = appender.prefix();
        }
        done.store(true, Ordering::Release);
    });
}

proptest! {
    #[test]
    fn is_the_specified_chunk(samples in any_samples(60)) {
        let bytes = encode_bits(&samples);
        prop_assert_eq!(&bytes, &model(&samples));
        prop_assert_eq!(decode_bits(&bytes).unwrap(), samples);
    }

    #[test]
    fn every_prefix_of_an_open_chunk_is_a_chunk(samples in any_samples(200)) {
        let mut appender = XorAppender::new();
        let mut prefixes = vec![appender.prefix()];
        for &(t_ms, value) in &samples {
            appender.append(t_ms, f64::from_bits(value)).unwrap();
            prefixes.push(appender.prefix());
            prop_assert_eq!(appender.last().map(|(t, v)| (t, v.to_bits())), Some((t_ms, value)));
        }
        let chunk = appender.chunk();
        for (n, &prefix) in prefixes.iter().enumerate() {
            let bytes = chunk.to_bytes(prefix);
            prop_assert_eq!(&bytes, &encode_bits(&samples[..n]));
            prop_assert_eq!(bytes.len(), prefix.bytes_len());
            prop_assert_eq!(bits(chunk.iter(prefix)).unwrap(), &samples[..n]);
        }
    }

    #[test]
    fn damaged_bytes_are_an_error_or_samples(
        samples in any_samples(60),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..8), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encode_bits(&samples);
        bytes.truncate(cut.index(bytes.len() + 1));
        for (at, bit) in flips {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
        }
        let mut columns = Columns::default();
        let result = decode_into(&bytes, &mut columns);
        prop_assert_eq!(columns.times_ms.len(), columns.values.len());
        prop_assert!(columns.times_ms.capacity() <= 16 + 8 * bytes.len());
        if let Err(error) = result {
            prop_assert!(error.at <= bytes.len());
        }
    }

    /// Samples that repeat the one before are read several at once.
    #[test]
    fn reading_into_columns_agrees_with_reading_one_by_one(
        count in any::<u8>(),
        stream in proptest::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..80),
    ) {
        let bytes = [&[0, count], &stream[..]].concat();
        let mut columns = Columns::default();
        let result = decode_into(&bytes, &mut columns);
        let mut one_by_one = Vec::new();
        let expected = XorIter::new(&bytes).unwrap().try_for_each(|sample| {
            one_by_one.push(sample.map(|(t_ms, value)| (t_ms, value.to_bits()))?);
            Ok(())
        });
        let values = columns.values.iter().map(|value| value.to_bits());
        let read: Vec<(i64, u64)> = columns.times_ms.iter().copied().zip(values).collect();
        prop_assert_eq!((result, read), (expected, one_by_one));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(samples) = decode_bits(&bytes) {
            prop_assert_eq!(decode_bits(&encode_bits(&samples)).unwrap(), samples);
        }
    }
}
