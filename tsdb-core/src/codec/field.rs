//! Integers, booleans and strings: one alone, as the log has it, and the chunks in which the head holds them.
//!
//! ```text
//! chunk   │ sample │ sample │ …
//! sample  │ time, less what the two samples before let expect <ivarint> │ value │
//! value   │ integer less the one before <ivarint> │, │ boolean u8 │, or │ length <uvarint> │ UTF-8 │
//! ```
//!
//! Arithmetic wraps, so that every time and every integer comes back. Chunks are never written to a file: runs have columns.

use super::DecodeError;
use super::cursor::Cursor;
use super::varint::{push_ivarint, push_uvarint};
use crate::model::{Columns, FieldValue, Kind, TimeRange};

/// Appends a value; its kind is not in the bytes.
pub(crate) fn push_alone(out: &mut Vec<u8>, value: &FieldValue) {
    match value {
        FieldValue::Integer(integer) => push_ivarint(out, *integer),
        FieldValue::Boolean(boolean) => out.push(u8::from(*boolean)),
        FieldValue::String(text) => {
            push_uvarint(out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// Reads a value of this kind.
///
/// # Errors
/// When the bytes are not such a value.
pub(crate) fn read_alone(kind: Kind, cursor: &mut Cursor<'_>) -> Result<FieldValue, DecodeError> {
    match kind {
        Kind::Integer => cursor.ivarint().map(FieldValue::Integer),
        Kind::Boolean => match cursor.u8()? {
            0 => Ok(FieldValue::Boolean(false)),
            1 => Ok(FieldValue::Boolean(true)),
            _ => Err(cursor.error("boolean is neither 0 nor 1")),
        },
        Kind::String => {
            let len = cursor.count(cursor.remaining())?;
            cursor.str(len).map(FieldValue::string)
        }
        Kind::Float | Kind::Histogram | Kind::FloatHistogram => {
            Err(cursor.error("value is of another kind"))
        }
    }
}

/// What a sample is told by.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    tick: i64,
    delta: i64,
    integer: i64,
}

/// A chunk that is appended to.
#[derive(Debug)]
pub(crate) struct FieldAppender {
    kind: Kind,
    samples: u16,
    before: Before,
    bytes: Vec<u8>,
}

impl FieldAppender {
    /// An empty chunk for values of this kind.
    pub(crate) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            samples: 0,
            before: Before {
                tick: 0,
                delta: 0,
                integer: 0,
            },
            bytes: Vec::new(),
        }
    }

    /// Of its values.
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Number of samples.
    pub(crate) const fn samples(&self) -> u16 {
        self.samples
    }

    /// The chunk.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Memory of the bytes.
    pub(crate) const fn memory_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Appends a sample, whose value is of the kind of the chunk. The caller closes the chunk before 2¹⁶ samples.
    pub(crate) fn append(&mut self, tick: i64, value: &FieldValue) {
        debug_assert_eq!(value.kind(), self.kind);
        let before = &mut self.before;
        let delta = tick.wrapping_sub(before.tick);
        push_ivarint(&mut self.bytes, delta.wrapping_sub(before.delta));
        (before.tick, before.delta) = (tick, delta);
        match value {
            FieldValue::Integer(integer) => {
                push_ivarint(&mut self.bytes, integer.wrapping_sub(before.integer));
                before.integer = *integer;
            }
            value => push_alone(&mut self.bytes, value),
        }
        self.samples += 1;
    }
}

/// The samples of a chunk of this kind, in the order in which they were appended. After an error it yields nothing more.
fn samples(
    kind: Kind,
    chunk: &[u8],
) -> impl Iterator<Item = Result<(i64, FieldValue), DecodeError>> {
    let mut cursor = Cursor::new(chunk);
    let mut before = Before::default();
    std::iter::from_fn(move || {
        if cursor.is_empty() {
            return None;
        }
        let sample = sample(kind, &mut cursor, &mut before);
        if sample.is_err() {
            cursor = Cursor::new(&[]);
        }
        Some(sample)
    })
}

fn sample(
    kind: Kind,
    cursor: &mut Cursor<'_>,
    before: &mut Before,
) -> Result<(i64, FieldValue), DecodeError> {
    before.delta = before.delta.wrapping_add(cursor.ivarint()?);
    before.tick = before.tick.wrapping_add(before.delta);
    let mut value = read_alone(kind, cursor)?;
    if let FieldValue::Integer(integer) = &mut value {
        before.integer = before.integer.wrapping_add(*integer);
        *integer = before.integer;
    }
    Ok((before.tick, value))
}

/// Appends the samples of a chunk of this kind inside `range` to `out`; ends at the first behind it, since times rise.
pub(crate) fn take_range(
    kind: Kind,
    chunk: &[u8],
    range: TimeRange,
    out: &mut Columns,
) -> Result<(), DecodeError> {
    for sample in samples(kind, chunk) {
        let (tick, value) = sample?;
        if tick > range.end_ms {
            break;
        }
        if tick >= range.start_ms {
            out.push_field(tick, value);
        }
    }
    Ok(())
}

/// The last sample of a chunk of this kind.
pub(crate) fn last_sample(
    kind: Kind,
    chunk: &[u8],
) -> Result<Option<(i64, FieldValue)>, DecodeError> {
    samples(kind, chunk).last().transpose()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn integer() -> impl Strategy<Value = FieldValue> {
        let integers = prop_oneof![
            any::<i64>(),
            -3..3i64,
            Just(i64::MIN),
            Just(i64::MAX),
            Just((1 << 53) + 1)
        ];
        integers.prop_map(FieldValue::Integer)
    }

    fn values() -> impl Strategy<Value = Vec<FieldValue>> {
        prop_oneof![
            prop::collection::vec(integer(), 0..40),
            prop::collection::vec(any::<bool>().prop_map(FieldValue::Boolean), 0..40),
            prop::collection::vec(any::<String>().prop_map(|s| FieldValue::string(&s)), 0..40),
        ]
    }

    proptest! {
        #[test]
        fn chunks_come_back(
            values in values(),
            times in prop::collection::btree_set(any::<i64>(), 40),
            ends in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        ) {
            let Some(kind) = values.first().map(FieldValue::kind) else {
                return Ok(());
            };
            let samples: Vec<(i64, FieldValue)> = times.into_iter().zip(values).collect();
            let mut chunk = FieldAppender::new(kind);
            for (tick, value) in &samples {
                chunk.append(*tick, value);
            }
            prop_assert_eq!(usize::from(chunk.samples()), samples.len());
            let found = last_sample(kind, chunk.bytes()).unwrap();
            prop_assert_eq!(found.as_ref(), samples.last());
            let range = TimeRange::new(ends.0.get(&samples).0, ends.1.get(&samples).0);
            for range in [TimeRange::ALL, range] {
                let mut out = Columns::default();
                take_range(kind, chunk.bytes(), range, &mut out).unwrap();
                let fields = out.fields.iter().map(|(_, value)| value.clone());
                let found: Vec<_> = out.times_ms.iter().copied().zip(fields).collect();
                let inside = samples.iter().filter(|(tick, _)| range.contains(*tick));
                prop_assert_eq!(found, inside.cloned().collect::<Vec<_>>());
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), kind in 1u8..7) {
            let kind = Kind::from_u8(kind).unwrap();
            let mut out = Columns::default();
            let read = take_range(kind, &bytes, TimeRange::ALL, &mut out);
            prop_assert!(read.is_ok() || out.len() < bytes.len());
        }
    }
}
