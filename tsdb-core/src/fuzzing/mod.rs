//! A doorway for the fuzz targets in `fuzz/` to what is not public. It exists under `cfg(fuzzing)` alone.

mod disk;
mod wal;

pub use disk::*;
pub use wal::*;

use crate::codec::DecodeError;
use crate::codec::{column, field, xor};
use crate::model::{FieldValue, Kind, TimeRange};

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
    let mut prefixes = vec![appender.prefix()];
    for &(t_ms, bits) in samples {
        appender
            .append(t_ms, f64::from_bits(bits))
            .expect("a fuzz target gives no more samples than a chunk holds");
        prefixes.push(appender.prefix());
    }
    let chunk = appender.chunk();
    prefixes
        .into_iter()
        .map(|prefix| {
            let read = collect(chunk.iter(prefix)).expect("an open chunk decodes");
            (chunk.to_bytes(prefix), read)
        })
        .collect()
}

/// The two streams of a group of columns.
pub type Streams = (Vec<u8>, Vec<u8>);

/// Decodes a group of columns of values, from the last column to the first.
///
/// # Errors
/// The text of the decoder's error.
pub fn decode_columns(streams: Streams, counts: &[usize]) -> Result<Vec<Vec<u64>>, String> {
    let (symbols, noise) = streams;
    let streams = column::Streams { symbols, noise };
    let limited = counts.iter().map(|&n| u32::try_from(n).unwrap_or(u32::MAX));
    let group =
        column::Group::from_streams(streams, limited.collect()).map_err(|e| e.to_string())?;
    let mut followed = column::Followed::default();
    let mut columns = Vec::new();
    for column in (0..counts.len()).rev() {
        let mut values = Vec::new();
        group
            .decode(column, &mut followed, &mut values)
            .map_err(|e| e.to_string())?;
        columns.push(values.into_iter().map(f64::to_bits).collect());
    }
    columns.reverse();
    Ok(columns)
}

/// Encodes columns of values with the same timestamps; none of them is empty.
#[must_use]
pub fn encode_columns(columns: &[Vec<u64>]) -> Streams {
    let mut writer = column::GroupWriter::new();
    for bits in columns {
        let values: Vec<f64> = bits.iter().copied().map(f64::from_bits).collect();
        writer.push(0, &values, None);
    }
    let column::Streams { symbols, noise } = writer.streams().clone();
    (symbols, noise)
}

/// Decodes the columns of a table of timestamps, as long as they have no more than 65,536 in all.
///
/// # Errors
/// The text of the decoder's error.
pub fn decode_times_table(streams: Streams) -> Result<Vec<Vec<i64>>, String> {
    let (symbols, noise) = streams;
    let table = column::TimesTable::from_streams(column::Streams { symbols, noise })
        .map_err(|e| e.to_string())?;
    let mut left = 1_usize << 16;
    let mut columns = Vec::new();
    for number in 0..table.columns() {
        let column = column::TimesRef(number as u32);
        let count = table.count(column).expect("a column of the table");
        let Some(after) = left.checked_sub(count) else {
            break;
        };
        left = after;
        let mut times = Vec::new();
        table
            .decode(column, &mut times)
            .map_err(|e| e.to_string())?;
        assert_eq!(times.len(), count);
        columns.push(times);
    }
    Ok(columns)
}

/// Encodes a table of timestamps, and says which of its columns each of those given is.
#[must_use]
pub fn encode_times_table(columns: &[Vec<i64>]) -> (Streams, Vec<usize>) {
    let mut builder = column::TimesTableBuilder::new();
    let refs = columns
        .iter()
        .map(|times| builder.push(times).0 as usize)
        .collect();
    let mut streams = column::Streams::default();
    builder.encode(&mut streams);
    ((streams.symbols, streams.noise), refs)
}

/// Decodes a column of so many strings.
///
/// # Errors
/// The text of the decoder's error.
pub fn decode_strings(streams: Streams, count: usize) -> Result<Vec<String>, String> {
    let (symbols, noise) = streams;
    let streams = column::Streams { symbols, noise };
    let skipped = column::skip_strings(&mut streams.reader(), count);
    let strings =
        column::decode_strings(&mut streams.reader(), count).map_err(|e| e.to_string())?;
    assert!(skipped.is_ok(), "what is read can be passed over");
    Ok(strings.iter().map(|text| text.to_string()).collect())
}

/// Encodes a column of strings.
#[must_use]
pub fn encode_strings(strings: &[String]) -> Streams {
    let strings: Vec<&str> = strings.iter().map(String::as_str).collect();
    let mut streams = column::Streams::default();
    column::encode_strings(&strings, &mut streams);
    (streams.symbols, streams.noise)
}

/// Decodes a chunk of integers, booleans or strings, by the number of the kind, and encodes it again: both chunks. At most
/// 65,535 samples.
///
/// # Errors
/// The text of the decoder's error.
pub fn recode_field_chunk(kind: u8, bytes: &[u8]) -> Result<[Vec<(i64, String)>; 2], String> {
    let kind = Kind::from_u8(kind).ok_or("no kind")?;
    let read = |bytes: &[u8]| {
        let mut out = crate::model::Columns::default();
        field::take_range(kind, bytes, TimeRange::ALL, &mut out).map_err(|e| e.to_string())?;
        let values = out.fields.into_iter().map(|(_, value)| value);
        Ok::<Vec<(i64, FieldValue)>, String>(out.times_ms.into_iter().zip(values).collect())
    };
    let text = |samples: Vec<(i64, FieldValue)>| {
        let samples = samples.into_iter();
        samples
            .map(|(tick, value)| (tick, format!("{value:?}")))
            .collect()
    };
    let samples = read(bytes)?;
    let mut chunk = field::FieldAppender::new(kind);
    for (tick, value) in &samples {
        chunk.append(*tick, value);
    }
    Ok([text(read(chunk.bytes())?), text(samples)])
}
