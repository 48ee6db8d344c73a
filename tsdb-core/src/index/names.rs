//! Names and values of labels, of all series of an index in a file or of some.

use super::pair_set::PairSet;
use super::reader::IndexReader;
use super::{LabelBuffer, postings};
use crate::error::Result;

impl IndexReader {
    /// Names of labels, in order.
    ///
    /// # Errors
    /// When the index is damaged.
    pub(crate) fn label_names(&self) -> Result<Vec<String>> {
        self.names_from(|next| next)
    }

    /// Names of the labels of these series, which rise, in order.
    ///
    /// # Errors
    /// When the index is damaged.
    pub(crate) fn label_names_of(&self, series: &[u32]) -> Result<Vec<String>> {
        let pairs = self.pairs_of(series)?;
        self.names_from(|next| pairs.first_from(next).unwrap_or(self.pairs_len()))
    }

    /// Names of pairs, in order. `find` gives the first pair at or after one that is to be looked at.
    fn names_from(&self, find: impl Fn(u32) -> u32) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut scan = self.symbols().scan();
        let mut at = find(0);
        while at < self.pairs_len() {
            let name = self.pair(at)?.name;
            names.push(self.symbol(&mut scan, name)?.to_owned());
            at = find(self.first_pair(at, |pair| pair.name <= name)?);
        }
        Ok(names)
    }

    /// Values of one label, in order.
    ///
    /// # Errors
    /// When the index is damaged.
    pub(crate) fn label_values(&self, name: &str) -> Result<Vec<String>> {
        let mut values = Vec::new();
        self.each_value(name, "", |value, _| {
            values.push(value.to_owned());
            Ok(())
        })?;
        Ok(values)
    }

    /// Values of one label that any of these series has, which rise, in order.
    ///
    /// # Errors
    /// When the index is damaged.
    pub(crate) fn label_values_of(&self, name: &str, series: &[u32]) -> Result<Vec<String>> {
        let mut all = 0;
        self.each_value(name, "", |_, _| {
            all += 1;
            Ok(())
        })?;
        let pairs = match PairSet::is_cheaper(series.len(), all) {
            true => Some(self.pairs_of(series)?),
            false => None,
        };
        let mut values = Vec::new();
        self.each_value(name, "", |value, pair| {
            let found = match &pairs {
                Some(pairs) => pairs.contains(pair),
                None => postings::intersects(&self.list(pair)?, series),
            };
            if found {
                values.push(value.to_owned());
            }
            Ok(())
        })?;
        Ok(values)
    }

    /// The label pairs of these series, which rise.
    fn pairs_of(&self, series: &[u32]) -> Result<PairSet> {
        let mut pairs = PairSet::default();
        let mut buffer = LabelBuffer::default();
        for &id in series {
            self.read_record(id, &mut buffer.record)?;
            let numbers = buffer.record.pairs();
            // They rise: when the last is there, all are.
            numbers.last().map(|&last| self.pair(last)).transpose()?;
            pairs.extend(numbers);
        }
        Ok(pairs)
    }
}
