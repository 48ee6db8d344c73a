//! A doorway for the fuzz targets in `fuzz/` to what is not public. It exists under `cfg(fuzzing)` alone.

mod disk;
mod wal;

pub use disk::*;
pub use wal::*;

use crate::codec::DecodeError;
use crate::codec::xor;

/// A time and the bits of a value.
pub type SampleBits = (i64, u64);

fn collect(
    samples: impl Iterator<Item = Result<(i64, f64), DecodeError>>,
) -> Result<Vec<SampleBits>, String> {
    samples
        .map(|sample| {
            sample
                .map(|(t_ms, value)| (t_ms, value.to_bits()))
                .map_err(|e| e.to_string())
        })
        .collect()
}

/// Decodes a float chunk.
///
/// # Errors
/// The text of the decoder's error.
pub fn decode_chunk(bytes: &[u8]) -> Result<Vec<SampleBits>, String> {
    collect(xor::XorIter::new(bytes).map_err(|e| e.to_string())?)
}

/// Encodes a float chunk; at most 65,535 samples.
#[must_use]
pub fn encode_chunk(samples: &[SampleBits]) -> Vec<u8> {
    let times_ms: Vec<i64> = samples.iter().map(|sample| sample.0).collect();
    let values: Vec<f64> = samples
        .iter()
        .map(|sample| f64::from_bits(sample.1))
        .collect();
    xor::encode(&times_ms, &values).expect("a fuzz target gives no more samples than a chunk holds")
}

/// Appends samples to an open chunk; gives every prefix, as a chunk and as samples read from the open chunk.
#[must_use]
pub fn append_chunk(samples: &[SampleBits]) -> Vec<(Vec<u8>, Vec<SampleBits>)> {
    let mut appender = xor::XorAppender::new();
    let mut prefixes = vec![appender.chunk().published()];
    for &(t_ms, bits) in samples {
        appender
            .append(t_ms, f64::from_bits(bits))
            .expect("a fuzz target gives no more samples than a chunk holds");
        prefixes.push(appender.chunk().published());
    }
    let chunk = appender.chunk();
    prefixes
        .into_iter()
        .map(|published| {
            let read = collect(chunk.iter(published)).expect("an open chunk decodes");
            (chunk.to_bytes(published), read)
        })
        .collect()
}
