//! The series that frames define.

use super::unknown_record;
use crate::error::Result;
use crate::head::{Generation, PairRef, SeriesRef};
use crate::store::lookup::hash_labels;
use crate::wal::{DefinedSeries, Frame, read_definitions};

/// A number of the log and the series that it means.
pub(super) type Made = (u32, SeriesRef);

/// Makes the series.
#[derive(Debug, Default)]
pub(super) struct SeriesReplay {
    pub(super) hasher: foldhash::fast::RandomState,
    /// The numbers of the last generation that are defined.
    defined: Vec<bool>,
    pub(super) shifted: bool,
    /// The label pairs of a record in its generation, by their place in the record.
    pairs: Vec<Option<PairRef>>,
    /// Room for a label set.
    of_series: Vec<PairRef>,
    canonical: Vec<u8>,
}

impl SeriesReplay {
    pub(super) fn begin_generation(&mut self) {
        self.defined.clear();
        self.shifted = false;
    }

    /// Makes the series that a frame defines for the first time.
    ///
    /// # Errors
    /// [`Error::Corrupt`](crate::Error::Corrupt) for a record that this program does not know.
    pub(super) fn frame(
        &mut self,
        generation: &Generation,
        frame: &Frame<'_>,
    ) -> Result<Vec<Made>> {
        self.pairs.clear();
        let mut made = Vec::new();
        let read = read_definitions(frame.payload, |series| {
            let at = series.series as usize;
            if self.defined.len() <= at {
                self.defined.resize(at + 1, false);
            }
            // A number means one series in a whole generation: this may be its second definition.
            if !std::mem::replace(&mut self.defined[at], true) {
                let number = self.define(generation, &series);
                self.shifted |= number != series.series;
                made.push((series.series, number));
            }
        });
        read.map_err(unknown_record)?;
        Ok(made)
    }

    /// The series with these labels, which is made if it is not there.
    fn define(&mut self, generation: &Generation, series: &DefinedSeries<'_>) -> SeriesRef {
        self.of_series.clear();
        self.canonical.clear();
        for (place, pair) in series.labels.iter() {
            if self.pairs.len() <= place {
                self.pairs.resize(place + 1, None);
            }
            let number = *self.pairs[place].get_or_insert_with(|| generation.number_of_pair(pair));
            self.of_series.push(number);
            self.canonical.extend_from_slice(pair);
        }
        let hash = hash_labels(&self.hasher, &self.canonical);
        generation
            .find(hash, &self.canonical)
            .unwrap_or_else(|| generation.replay(hash, &self.of_series, series.unit))
    }
}
