//! The file of exemplars. Drawn in `docs/format/store.md`.

use std::collections::HashMap;
use std::path::Path;

use super::exemplars::{Kept, Unsaved};
use super::sealed::Seal;
use crate::codec::cursor::Cursor;
use crate::codec::varint::{push_ivarint, push_uvarint};
use crate::codec::{DecodeError, StoreIdentity};
use crate::error::Result;
use crate::model::{Exemplar, Labels};

pub(super) const NAME: &str = "exemplars";

const SEAL: Seal = Seal {
    magic: *b"TSDBEXEM",
    version: 1,
};

/// The bytes of the file. A series is written where it is first used, and named by its number from then on.
pub(super) fn encode(unsaved: &Unsaved, identity: StoreIdentity) -> Vec<u8> {
    SEAL.close(identity, |bytes| {
        bytes.extend(unsaved.seq.to_le_bytes());
        push_uvarint(bytes, unsaved.kept.len() as u64);
        let mut numbers: HashMap<&Labels, u64> = HashMap::new();
        let mut last_ms = 0;
        for kept in &unsaved.kept {
            let next = numbers.len() as u64;
            let number = *numbers.entry(&kept.series).or_insert(next);
            push_uvarint(bytes, number);
            if number == next {
                push_labels(bytes, &kept.series);
            }
            let Exemplar {
                labels,
                value,
                t_ms,
            } = &kept.exemplar;
            push_ivarint(bytes, t_ms.wrapping_sub(last_ms));
            bytes.extend(value.to_bits().to_le_bytes());
            push_labels(bytes, labels);
            last_ms = *t_ms;
        }
    })
}

/// The number of the frame up to which the file has the exemplars, and these, the oldest first.
///
/// # Errors
/// When the bytes are not such a file.
pub(super) fn decode(
    path: &Path,
    bytes: &[u8],
    identity: StoreIdentity,
) -> Result<(u64, Vec<Kept>)> {
    SEAL.open(path, bytes, identity, |cursor| {
        let seq = cursor.u64()?;
        let count = cursor.count(cursor.remaining())?;
        let mut all_series: Vec<Labels> = Vec::new();
        let mut kept = Vec::new();
        let mut t_ms = 0_i64;
        for _ in 0..count {
            let number = cursor.count(all_series.len())?;
            if number == all_series.len() {
                all_series.push(read_labels(cursor)?);
            }
            let series = all_series.get(number).cloned().unwrap_or_default();
            t_ms = t_ms.wrapping_add(cursor.ivarint()?);
            let value = f64::from_bits(cursor.u64()?);
            let labels = read_labels(cursor)?;
            let exemplar = Exemplar {
                labels,
                value,
                t_ms,
            };
            kept.push(Kept { series, exemplar });
        }
        Ok((seq, kept))
    })
}

fn push_labels(bytes: &mut Vec<u8>, labels: &Labels) {
    push_uvarint(bytes, labels.as_bytes().len() as u64);
    bytes.extend(labels.as_bytes());
}

fn read_labels(cursor: &mut Cursor<'_>) -> std::result::Result<Labels, DecodeError> {
    let len = cursor.count(cursor.remaining())?;
    let canonical = cursor.bytes(len)?;
    Labels::from_canonical(canonical).map_err(|_| cursor.error("label set is not canonical"))
}
