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

/// A group in memory: its columns can be decoded in any order, by any number of threads.
#[derive(Debug)]
pub(crate) struct Group {
    streams: Streams,
    /// Number of values of each column.
    counts: Vec<u32>,
    /// Where each column starts in both streams.
    starts: Vec<(u32, u32)>,
}

/// The integers of columns read that others follow, so that neighbours do not decode them again. Of one group at a time.
#[derive(Debug, Default)]
pub(crate) struct Followed(VecDeque<(usize, Vec<i64>)>);

impl Followed {
    /// Forgets all, before another group is read.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    fn get(&self, column: usize) -> Option<&Vec<i64>> {
        self.0
            .iter()
            .find_map(|(kept, integers)| (*kept == column).then_some(integers))
    }

    fn keep(&mut self, column: usize, integers: Vec<i64>) {
        if self.get(column).is_some() {
            return;
        }
        if self.0.len() == MAX_CHAIN {
            self.0.pop_front();
        }
        self.0.push_back((column, integers));
    }
}

impl Group {
    /// The group that `bytes` are, whose columns have so many values each. `max_bytes` bounds what each of its two
    /// streams takes in memory.
    ///
    /// # Errors
    /// For bytes that do not decompress or hold other columns, and for a count that no column has.
    pub(crate) fn open(
        bytes: &[u8],
        max_bytes: usize,
        counts: Vec<u32>,
        unpacker: &mut Unpacker,
    ) -> Result<Self, DecodeError> {
        let mut streams = Streams::default();
        unpacker.unpack(bytes, max_bytes, &mut streams)?;
        Self::from_streams(streams, counts)
    }

    /// As [`Group::open`], with streams that are not compressed.
    pub(crate) fn from_streams(streams: Streams, counts: Vec<u32>) -> Result<Self, DecodeError> {
        let mut from = streams.reader();
        let mut starts = Vec::with_capacity(counts.len().min(streams.symbols.len()));
        for &count in &counts {
            check_count(&from, count as usize)?;
            let (symbols, noise) = streams.position(&from);
            starts.push((symbols as u32, noise as u32));
            ValuesHeader::read(&mut from)?.skip(&mut from, count as usize)?;
        }
        if !from.is_empty() {
            return Err(from.error("bytes after the columns of a group"));
        }
        Ok(Self {
            streams,
            counts,
            starts,
        })
    }

    /// Bytes of memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let tables = self.counts.capacity() * size_of::<u32>()
            + self.starts.capacity() * size_of::<(u32, u32)>();
        size_of::<Self>() + self.streams.capacity() + tables
    }

    /// Number of bytes of its streams.
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    /// Appends the values of a column to `out`. After an error `out` may hold some of them.
    ///
    /// # Errors
    /// For bytes that are no such column, and for a column that the group does not have.
    pub(crate) fn decode(
        &self,
        column: usize,
        followed: &mut Followed,
        out: &mut Vec<f64>,
    ) -> Result<(), DecodeError> {
        let (mut from, count) = self.column(column)?;
        let header = ValuesHeader::read(&mut from)?;
        if header.follow.is_none() && !header.is_followed {
            return header.decode(&mut from, count, out);
        }
        let (integers, mut from) = self.integers(column, followed)?;
        header.decode_rest(&mut from, &integers, out)?;
        if header.is_followed {
            followed.keep(column, integers);
        }
        Ok(())
    }

    /// The integers of a column, and the position after them.
    fn integers(
        &self,
        column: usize,
        followed: &Followed,
    ) -> Result<(Vec<i64>, StreamsReader<'_>), DecodeError> {
        let mut chain = vec![column];
        let mut kept: Option<&Vec<i64>> = None;
        let mut first = column;
        loop {
            let (mut from, _) = self.column(first)?;
            let Some(follow) = ValuesHeader::read(&mut from)?.follow else {
                break;
            };
            if chain.len() > MAX_CHAIN {
                return Err(from.error("columns follow each other too long"));
            }
            first = first
                .checked_sub(follow.back)
                .ok_or_else(|| from.error("column follows one before the group"))?;
            kept = followed.get(first);
            if kept.is_some() {
                break;
            }
            chain.push(first);
        }
        let mut before: Option<Vec<i64>> = None;
        let mut end = self.streams.reader();
        for &column in chain.iter().rev() {
            let (mut from, count) = self.column(column)?;
            let header = ValuesHeader::read(&mut from)?;
            let other = before.as_ref().or(kept).map(Vec::as_slice);
            before = Some(header.decode_integers(&mut from, count, other)?);
            end = from;
        }
        Ok((before.unwrap_or_default(), end))
    }

    /// The start of a column, and its number of values.
    fn column(&self, column: usize) -> Result<(StreamsReader<'_>, usize), DecodeError> {
        let known = self.starts.get(column).zip(self.counts.get(column));
        let (&(symbols, noise), &count) =
            known.ok_or_else(|| self.streams.reader().error("group has no such column"))?;
        let at = (symbols as usize, noise as usize);
        Ok((self.streams.reader_at(at), count as usize))
    }
}
