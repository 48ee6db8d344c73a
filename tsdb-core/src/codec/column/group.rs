//! A group: columns of values, one after the other, of which some follow an earlier one.

use std::collections::VecDeque;

use super::pack::{Packer, Unpacker};
use super::streams::{Streams, StreamsReader};
use super::values::{Choice, IS_FOLLOWED, ValuesHeader, ValuesPlan};
use super::{MAX_VALUES, check_count};
use crate::codec::DecodeError;

/// Most columns that have to be read before one that follows another, which may follow another, and so on.
const MAX_CHAIN: usize = 8;

/// Most columns that a column is compared with.
const MAX_COMPARED: usize = 8;

/// Most integers kept to compare later columns with, and most columns.
const MAX_RECENT_INTEGERS: usize = 1 << 17;
const MAX_RECENT: usize = 64;

/// Columns being gathered into a group.
#[derive(Debug, Default)]
pub(crate) struct GroupWriter {
    streams: Streams,
    columns: usize,
    recent: VecDeque<Recent>,
    recent_integers: usize,
}

/// A column that a later one may follow.
#[derive(Debug)]
struct Recent {
    column: usize,
    /// Where its first byte stands in the symbols.
    start: usize,
    times: u32,
    integers: Vec<i64>,
    /// Number of columns that have to be read before it.
    chain: usize,
}

impl GroupWriter {
    /// A group without columns.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Appends a column. `times` is any number that is the same for columns with the same timestamps; only among those
    /// may a column follow another. A hint is what was chosen for the column before of the same series; where it still
    /// fits, no other choice is tried.
    ///
    /// # Panics
    /// For no values, and for more than [`MAX_VALUES`].
    pub(crate) fn push(&mut self, times: u32, values: &[f64], hint: Option<Choice>) -> Choice {
        assert!(!values.is_empty(), "a column without values");
        assert!(values.len() <= MAX_VALUES, "a column of too many values");
        let mut plan = ValuesPlan::new(values, hint);
        let mut chain = 0;
        let may_follow = plan.may_follow();
        if may_follow
            && let Some(back) =
                plan.follow(candidates(&self.recent, self.columns, times, values.len()))
        {
            let column = self.columns - back;
            if let Some(recent) = self.recent.iter().find(|recent| recent.column == column) {
                chain = recent.chain + 1;
                if let Some(byte) = self.streams.symbols.get_mut(recent.start) {
                    *byte |= IS_FOLLOWED;
                }
            }
        }
        let start = self.streams.symbols.len();
        plan.encode(&mut self.streams);
        let choice = plan.choice();
        if may_follow {
            self.remember(Recent {
                column: self.columns,
                start,
                times,
                integers: plan.integers,
                chain,
            });
        }
        self.columns += 1;
        choice
    }

    fn remember(&mut self, recent: Recent) {
        self.recent_integers += recent.integers.len();
        self.recent.push_back(recent);
        while self.recent.len() > MAX_RECENT || self.recent_integers > MAX_RECENT_INTEGERS {
            let oldest = self.recent.pop_front();
            self.recent_integers -= oldest.map_or(0, |oldest| oldest.integers.len());
        }
    }

    /// Number of columns.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Number of bytes before compression.
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    /// What was written so far.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Appends the group, and starts the next one.
    ///
    /// # Errors
    /// When zstd has no memory.
    pub(crate) fn finish(&mut self, packer: &mut Packer, out: &mut Vec<u8>) -> std::io::Result<()> {
        packer.pack(&self.streams, out)?;
        self.streams.clear();
        self.columns = 0;
        self.recent.clear();
        self.recent_integers = 0;
        Ok(())
    }
}

/// The integers of the last columns with these timestamps, and how many columns before the next each stands.
fn candidates(
    recent: &VecDeque<Recent>,
    columns: usize,
    times: u32,
    count: usize,
) -> impl Iterator<Item = (usize, &[i64])> {
    recent
        .iter()
        .rev()
        .filter(move |recent| {
            recent.times == times && recent.integers.len() == count && recent.chain < MAX_CHAIN
        })
        .take(MAX_COMPARED)
        .map(move |recent| (columns - recent.column, recent.integers.as_slice()))
}

/// Reads the columns of a group: one after the other without further cost, or any.
#[derive(Debug)]
pub(crate) struct GroupReader {
    unpacker: Unpacker,
    streams: Streams,
    counts: Vec<usize>,
    /// Where columns start in both streams: those known so far.
    starts: Vec<(usize, usize)>,
    /// The integers of columns read that others follow.
    kept: VecDeque<(usize, Vec<i64>)>,
}

impl GroupReader {
    /// A reader that holds no group yet. It keeps its memory from group to group.
    ///
    /// # Errors
    /// When zstd has no memory for its tables.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            unpacker: Unpacker::new()?,
            streams: Streams::default(),
            counts: Vec::new(),
            starts: Vec::new(),
            kept: VecDeque::new(),
        })
    }

    /// Takes the group that `bytes` are, whose columns have so many values each. `max_bytes` bounds what its two streams
    /// take in memory.
    ///
    /// # Errors
    /// For bytes that do not decompress, and for a count that no column has.
    pub(crate) fn open(
        &mut self,
        bytes: &[u8],
        max_bytes: usize,
        counts: impl IntoIterator<Item = usize>,
    ) -> Result<(), DecodeError> {
        self.starts.clear();
        self.kept.clear();
        self.counts.clear();
        self.unpacker.unpack(bytes, max_bytes, &mut self.streams)?;
        self.take_counts(counts)
    }

    /// As [`GroupReader::open`], with streams that are not compressed.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn open_streams(
        &mut self,
        streams: Streams,
        counts: impl IntoIterator<Item = usize>,
    ) -> Result<(), DecodeError> {
        self.starts.clear();
        self.kept.clear();
        self.counts.clear();
        self.streams = streams;
        self.take_counts(counts)
    }

    fn take_counts(&mut self, counts: impl IntoIterator<Item = usize>) -> Result<(), DecodeError> {
        self.counts.extend(counts);
        let reader = self.streams.reader();
        self.counts
            .iter()
            .try_for_each(|&count| check_count(&reader, count))?;
        self.starts.push((0, 0));
        Ok(())
    }

    /// Number of columns.
    pub(crate) fn columns(&self) -> usize {
        self.counts.len()
    }

    /// Appends the values of a column to `out`. After an error `out` may hold some of them.
    ///
    /// # Errors
    /// For bytes that are no such column, and for a column that the group does not have.
    pub(crate) fn decode(&mut self, column: usize, out: &mut Vec<f64>) -> Result<(), DecodeError> {
        let count = self.count(column)?;
        let start = self.start(column)?;
        let mut from = self.reader(start);
        let header = ValuesHeader::read(&mut from)?;
        let end = if header.follow.is_none() && !header.is_followed {
            header.decode(&mut from, count, out)?;
            self.position(&from)
        } else {
            let (integers, at) = self.integers(column)?;
            let mut from = self.reader(at);
            header.decode_rest(&mut from, &integers, out)?;
            let end = self.position(&from);
            if header.is_followed {
                self.keep(column, integers);
            }
            end
        };
        if self.starts.len() == column + 1 {
            self.starts.push(end);
        }
        Ok(())
    }

    /// The integers of a column, and the position after them.
    fn integers(&mut self, column: usize) -> Result<(Vec<i64>, (usize, usize)), DecodeError> {
        let mut chain = vec![column];
        let mut other: Option<Vec<i64>> = None;
        let mut first = column;
        loop {
            let start = self.start(first)?;
            let mut from = self.reader(start);
            let Some(follow) = ValuesHeader::read(&mut from)?.follow else {
                break;
            };
            if chain.len() > MAX_CHAIN {
                return Err(from.error("columns follow each other too long"));
            }
            first = first
                .checked_sub(follow.back)
                .ok_or_else(|| from.error("column follows one before the group"))?;
            if let Some((_, kept)) = self.kept.iter().find(|(column, _)| *column == first) {
                other = Some(kept.clone());
                break;
            }
            chain.push(first);
        }
        let mut end = (0, 0);
        for &column in chain.iter().rev() {
            let count = self.count(column)?;
            let start = self.start(column)?;
            let mut from = self.reader(start);
            let header = ValuesHeader::read(&mut from)?;
            other = Some(header.decode_integers(&mut from, count, other.as_deref())?);
            end = self.position(&from);
        }
        Ok((other.unwrap_or_default(), end))
    }

    fn keep(&mut self, column: usize, integers: Vec<i64>) {
        if self.kept.iter().any(|(kept, _)| *kept == column) {
            return;
        }
        if self.kept.len() == MAX_CHAIN {
            self.kept.pop_front();
        }
        self.kept.push_back((column, integers));
    }

    fn count(&self, column: usize) -> Result<usize, DecodeError> {
        self.counts
            .get(column)
            .copied()
            .ok_or_else(|| self.streams.reader().error("group has no such column"))
    }

    /// The start of a column. Columns before it whose end is not known yet are walked over.
    fn start(&mut self, column: usize) -> Result<(usize, usize), DecodeError> {
        while self.starts.len() <= column {
            let before = self.starts.len().saturating_sub(1);
            let count = self.count(before)?;
            let start = self.starts.last().copied().unwrap_or_default();
            let mut from = self.reader(start);
            ValuesHeader::read(&mut from)?.skip(&mut from, count)?;
            let end = self.position(&from);
            self.starts.push(end);
        }
        Ok(self.starts.get(column).copied().unwrap_or_default())
    }

    fn reader(&self, (symbols, noise): (usize, usize)) -> StreamsReader<'_> {
        StreamsReader::new(
            self.streams.symbols.get(symbols..).unwrap_or_default(),
            self.streams.noise.get(noise..).unwrap_or_default(),
        )
    }

    fn position(&self, from: &StreamsReader<'_>) -> (usize, usize) {
        (
            self.streams.symbols.len() - from.symbols.remaining(),
            self.streams.noise.len() - from.noise.remaining(),
        )
    }
}
