//! The definitions of series in a record: each names its label pairs, which stand in the record once.

#[cfg(any(test, fuzzing))]
use std::collections::HashMap;

use super::read::next_series;
use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::codec::varint::{push_ivarint, push_uvarint};
use crate::model::{LabelIter, MAX_LABEL_SET_BYTES, TimeUnit, check_canonical};

/// Stands for a pair that is not yet in the record and follows.
const NEW_PAIR: u64 = 0;

/// The section of a record that defines series.
#[derive(Debug, Default)]
pub(super) struct DefinitionsBuilder {
    body: Vec<u8>,
    /// By the number of a pair (they are dense): the record in which it stood last, and its place among the pairs of that, 0 for
    /// none. So nothing is cleared from record to record.
    places: Vec<(u32, u32)>,
    /// Number of this record.
    record: u32,
    /// Number of its pairs.
    pairs: u32,
    /// The series defined last.
    last: u32,
}

impl DefinitionsBuilder {
    pub(super) fn clear(&mut self) {
        self.body.clear();
        self.record = self.record.checked_add(1).unwrap_or_else(|| {
            self.places.clear();
            0
        });
        self.pairs = 0;
        self.last = 0;
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn define<'a>(
        &mut self,
        series: u32,
        unit: TimeUnit,
        pairs: impl ExactSizeIterator<Item = (u32, impl FnOnce() -> &'a [u8])>,
    ) {
        push_ivarint(&mut self.body, i64::from(series) - i64::from(self.last));
        self.last = series;
        self.body.push(unit as u8);
        push_uvarint(&mut self.body, pairs.len() as u64);
        for (number, pair) in pairs {
            let at = number as usize;
            if self.places.len() <= at {
                self.places.resize(at + 1, (0, 0));
            }
            let (record, place) = &mut self.places[at];
            if *record == self.record && *place != 0 {
                push_uvarint(&mut self.body, u64::from(*place));
                continue;
            }
            self.pairs += 1;
            (*record, *place) = (self.record, self.pairs);
            push_uvarint(&mut self.body, NEW_PAIR);
            self.body.extend_from_slice(pair());
        }
    }
}

/// A series that a record defines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct DefinedSeries<'a> {
    /// Its number from here on.
    pub(crate) series: u32,
    pub(crate) unit: TimeUnit,
    pub(crate) labels: DefinedLabels<'a>,
}

/// The labels of a series that a record defines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct DefinedLabels<'a> {
    /// The pairs of the record so far.
    pairs: &'a [&'a [u8]],
    places: &'a [usize],
}

impl<'a> DefinedLabels<'a> {
    /// The label pairs in order: the place of each among the pairs of the record, and its part of the canonical bytes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &'a [u8])> {
        let pair = |&place: &usize| (place, self.pairs.get(place).copied().unwrap_or_default());
        self.places.iter().map(pair)
    }

    /// The canonical bytes.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn canonical(&self) -> Vec<u8> {
        self.iter().flat_map(|(_, pair)| pair).copied().collect()
    }
}

/// Reads the section. Label sets are checked to be canonical and not empty.
pub(super) fn read_section(
    mut body: Cursor<'_>,
    visit: &mut impl FnMut(DefinedSeries<'_>),
) -> Result<(), DecodeError> {
    let mut series = 0;
    let mut pairs = Vec::new();
    let mut places = Vec::new();
    while !body.is_empty() {
        series = next_series(&mut body, series)?;
        let Some(unit) = TimeUnit::from_u8(body.u8()?) else {
            return Err(body.error("unknown unit of time"));
        };
        read_labels(&mut body, &mut pairs, &mut places)?;
        let labels = DefinedLabels {
            pairs: &pairs,
            places: &places,
        };
        visit(DefinedSeries {
            series,
            unit,
            labels,
        });
    }
    Ok(())
}

/// Reads the places of the pairs of a label set, and the pairs that stand there for the first time.
fn read_labels<'a>(
    body: &mut Cursor<'a>,
    pairs: &mut Vec<&'a [u8]>,
    places: &mut Vec<usize>,
) -> Result<(), DecodeError> {
    places.clear();
    let mut last_name: &[u8] = b"";
    let mut bytes = 0;
    for _ in 0..body.count(body.remaining())? {
        let place = match body.count(pairs.len())?.checked_sub(1) {
            Some(place) => place,
            None => {
                pairs.push(read_pair(body)?);
                pairs.len() - 1
            }
        };
        let pair = pairs.get(place).copied().unwrap_or_default();
        let (name, _) = LabelIter::over(pair).next_bytes().unwrap_or_default();
        bytes += pair.len();
        if name <= last_name || bytes > MAX_LABEL_SET_BYTES {
            return Err(body.error("label set is not canonical"));
        }
        last_name = name;
        places.push(place);
    }
    if places.is_empty() {
        return Err(body.error("label set is empty"));
    }
    Ok(())
}

fn read_pair<'a>(body: &mut Cursor<'a>) -> Result<&'a [u8], DecodeError> {
    let pair = LabelIter::over(body.rest()).next_pair();
    match pair.filter(|pair| check_canonical(pair).is_ok()) {
        Some(pair) => body.bytes(pair.len()),
        None => Err(body.error("label pair is not canonical")),
    }
}

/// Gives label pairs numbers, as an index in memory does, for who has no such index.
#[cfg(any(test, fuzzing))]
#[derive(Debug, Default)]
pub(crate) struct PairNumbers(HashMap<Vec<u8>, u32>);

#[cfg(any(test, fuzzing))]
impl PairNumbers {
    /// The pairs of a label set with their numbers.
    pub(crate) fn of<'a>(
        &mut self,
        canonical: &'a [u8],
    ) -> impl ExactSizeIterator<Item = (u32, impl FnOnce() -> &'a [u8] + use<'a>)> + use<'a> {
        let mut labels = LabelIter::over(canonical);
        let pairs = std::iter::from_fn(|| labels.next_pair()).map(|pair| {
            let next = self.0.len() as u32;
            let number = *self.0.entry(pair.to_vec()).or_insert(next);
            (number, move || pair)
        });
        pairs.collect::<Vec<_>>().into_iter()
    }
}
