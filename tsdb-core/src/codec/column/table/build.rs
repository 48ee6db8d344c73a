//! Writing a table.

use std::collections::HashMap;

use hashbrown::hash_table::{Entry, HashTable};

use super::TimesRef;
use crate::codec::column::integers::IntegersPlan;
use crate::codec::column::pack::Packer;
use crate::codec::column::sequence::encode_integers;
use crate::codec::column::streams::Streams;
use crate::codec::column::{MAX_VALUES, list};
use crate::codec::varint::push_uvarint;

/// What a hole takes, about: it competes with writing the column anew.
const BITS_OF_HOLE: f32 = 8.0;

/// Gathers columns of timestamps.
#[derive(Debug, Default)]
pub(crate) struct TimesTableBuilder {
    columns: Vec<Vec<i64>>,
    /// Numbers of columns by their contents.
    known: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
}

impl TimesTableBuilder {
    /// A table without columns.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes a column of timestamps, in any order; those that rise strictly may share with others.
    ///
    /// # Panics
    /// For more than [`MAX_VALUES`] times.
    pub(crate) fn push(&mut self, times: &[i64]) -> TimesRef {
        use std::hash::BuildHasher;
        assert!(times.len() <= MAX_VALUES, "a column of too many times");
        let Self {
            columns,
            known,
            hasher,
        } = self;
        let column = |number: u32| columns.get(number as usize).map_or(&[][..], Vec::as_slice);
        let entry = known.entry(
            hasher.hash_one(times),
            |&number| column(number) == times,
            |&number| hasher.hash_one(column(number)),
        );
        match entry {
            Entry::Occupied(known) => TimesRef(*known.get()),
            Entry::Vacant(new) => {
                let number = columns.len() as u32;
                new.insert(number);
                columns.push(times.to_vec());
                TimesRef(number)
            }
        }
    }

    /// Number of distinct columns.
    pub(crate) fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Appends the table; gives its number of bytes before compression.
    ///
    /// # Errors
    /// When zstd has no memory.
    pub(crate) fn finish(self, packer: &mut Packer, out: &mut Vec<u8>) -> std::io::Result<usize> {
        let mut streams = Streams::default();
        self.encode(&mut streams);
        packer.pack(&streams, out)?;
        Ok(streams.len())
    }

    /// Writes the table to streams.
    pub(crate) fn encode(&self, out: &mut Streams) {
        let mut unions = Unions::default();
        let mut by_length: Vec<usize> = (0..self.columns.len()).collect();
        by_length.sort_by_key(|&column| std::cmp::Reverse(self.columns[column].len()));
        let mut of_column = vec![0; self.columns.len()];
        for column in by_length {
            of_column[column] = unions.add(&self.columns[column]);
        }
        let parts: Vec<Part> = self
            .columns
            .iter()
            .zip(of_column)
            .map(|(times, union)| unions.part(times, union))
            .collect();

        let unions = unions.times;
        push_uvarint(&mut out.symbols, unions.len() as u64);
        let counts: Vec<i64> = unions.iter().map(|union| union.len() as i64).collect();
        list::encode(&counts, out);
        for union in &unions {
            encode_integers(union, out);
        }
        push_uvarint(&mut out.symbols, parts.len() as u64);
        let mut field = |of: fn(&Part) -> usize| {
            let numbers: Vec<i64> = parts.iter().map(|part| of(part) as i64).collect();
            list::encode(&numbers, out);
        };
        field(|part| part.union);
        field(|part| part.before);
        field(|part| part.after);
        field(|part| part.gaps.len());
        let gaps: Vec<i64> = parts.into_iter().flat_map(|part| part.gaps).collect();
        list::encode(&gaps, out);
    }
}

/// Which part of a union a column is.
struct Part {
    union: usize,
    /// Numbers of timestamps of the union before and after the column.
    before: usize,
    after: usize,
    /// Between them, the timestamps that the column does not have: how many it has before the first, between two, ….
    gaps: Vec<i64>,
}

/// Columns that others are parts of.
#[derive(Default)]
struct Unions {
    times: Vec<Vec<i64>>,
    /// A union that has this timestamp.
    by_time: HashMap<i64, usize, foldhash::fast::RandomState>,
}

impl Unions {
    /// Puts a column into the union it shares most with, or into one of its own; gives the number of the union.
    fn add(&mut self, times: &[i64]) -> usize {
        let rising = times.is_sorted_by(|a, b| a < b);
        let near = [times.first(), times.get(times.len() / 2), times.last()]
            .into_iter()
            .flatten()
            .filter_map(|time| self.by_time.get(time).copied());
        if rising {
            let alone = IntegersPlan::new(times, None).bits;
            let best = near
                .map(|union| (self.bits_within(times, union), union))
                .min_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((bits, union)) = best
                && bits <= alone
            {
                self.extend(times, union);
                return union;
            }
        }
        let union = self.times.len();
        self.times.push(times.to_vec());
        if rising {
            self.by_time.extend(times.iter().map(|&time| (time, union)));
        }
        union
    }

    /// About what a column takes as a part of a union: its holes, and what the union has to take in.
    fn bits_within(&self, times: &[i64], union: usize) -> f32 {
        let union = span(&self.times[union], times);
        let shared = intersection(union, times);
        let (holes, new) = (union.len() - shared, times.len() - shared);
        // A new timestamp breaks the course of the union, and makes a hole in its other columns.
        BITS_OF_HOLE * (holes as f32 + 3.0 * new as f32)
    }

    fn extend(&mut self, times: &[i64], union: usize) {
        let old = &mut self.times[union];
        if intersection(old, times) == times.len() {
            return;
        }
        old.extend_from_slice(times);
        old.sort_unstable();
        old.dedup();
        self.by_time.extend(times.iter().map(|&time| (time, union)));
    }

    /// A column as a part of its union, which has all its timestamps.
    fn part(&self, times: &[i64], union: usize) -> Part {
        let all = self.times[union].as_slice();
        if all == times {
            return Part {
                union,
                before: 0,
                after: 0,
                gaps: Vec::new(),
            };
        }
        let within = span(all, times);
        let before = times
            .first()
            .map_or(0, |first| all.partition_point(|time| time < first));
        let mut gaps = Vec::new();
        let mut own = times.iter().peekable();
        let mut gap = 0;
        for time in within {
            if own.next_if_eq(&time).is_some() {
                gap += 1;
            } else {
                gaps.push(gap);
                gap = 0;
            }
        }
        debug_assert!(
            own.peek().is_none(),
            "a union has all timestamps of its columns"
        );
        Part {
            union,
            before,
            after: all.len() - before - within.len(),
            gaps,
        }
    }
}

/// The timestamps of a union from the first of a column to its last.
fn span<'a>(union: &'a [i64], times: &[i64]) -> &'a [i64] {
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return &[];
    };
    let start = union.partition_point(|time| time < first);
    let end = union.partition_point(|time| time <= last);
    union.get(start..end).unwrap_or_default()
}

/// Number of timestamps that two rising columns share.
fn intersection(a: &[i64], b: &[i64]) -> usize {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut shared = 0;
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        match x.cmp(y) {
            std::cmp::Ordering::Less => _ = a.next(),
            std::cmp::Ordering::Greater => _ = b.next(),
            std::cmp::Ordering::Equal => {
                shared += 1;
                (_, _) = (a.next(), b.next());
            }
        }
    }
    shared
}
