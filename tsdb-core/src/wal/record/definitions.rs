//! The definitions of series in a record: each names its label pairs, which stand in the record once.

use std::collections::HashMap;

use foldhash::fast::RandomState;

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
    /// The place among the record's pairs of each that is in it, by its number.
    places: HashMap<u32, u64, RandomState>,
    /// The series defined last.
    last: u32,
}

impl DefinitionsBuilder {
    pub(super) fn clear(&mut self) {
        self.body.clear();
        self.places.clear();
        self.last = 0;
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn define<'a>(
        &mut self,
        series: u32,
        unit: TimeUnit,
        pairs: impl ExactSizeIterator<Item = (u32, &'a [u8])>,
    ) {
        push_ivarint(&mut self.body, i64::from(series) - i64::from(self.last));
        self.last = series;
        self.body.push(unit as u8);
        push_uvarint(&mut self.body, pairs.len() as u64);
        for (number, pair) in pairs {
            let next = self.places.len() as u64 + 1;
            let place = *self.places.entry(number).or_insert(next);
            if place == next {
                push_uvarint(&mut self.body, NEW_PAIR);
                self.body.extend_from_slice(pair);
            } else {
                push_uvarint(&mut self.body, place);
            }
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
    ) -> impl ExactSizeIterator<Item = (u32, &'a [u8])> + use<'a> {
        let mut labels = LabelIter::over(canonical);
        let pairs = std::iter::from_fn(|| labels.next_pair()).map(|pair| {
            let next = self.0.len() as u32;
            (*self.0.entry(pair.to_vec()).or_insert(next), pair)
        });
        pairs.collect::<Vec<_>>().into_iter()
    }
}
