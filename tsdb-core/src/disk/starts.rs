//! Start times of the columns of a group, in front of what else it holds; drawn in `docs/format/run.md`.
//!
//! ```text
//! start times │ length of the rest <uvarint> │ numbers of runs of the columns │ times from which on │ start times │
//! ```
//!
//! A run is of neighbours with the same start time. The three sequences have one number a column, and one a run of all
//! columns; they are packed as the columns of a group of floats are. A group in which no sample has a start time has no such part.

use super::column::MAX_SAMPLES;
use crate::codec::DecodeError;
use crate::codec::column::{Packer, Streams, Unpacker, decode_integers, encode_integers};
use crate::codec::cursor::Cursor;
use crate::codec::varint::push_uvarint;
use crate::model::StartRun;

/// A group ends with the column that brings it to this many runs.
const TARGET_RUNS: usize = MAX_SAMPLES;
/// Runs of a group at most: a column has no more of them than samples.
const MAX_RUNS: usize = TARGET_RUNS + MAX_SAMPLES;
/// Bytes before compression, at most: a reader refuses more before it allocates.
const MAX_BYTES: usize = 512 << 10;

/// Bytes in the file, at most, with their length.
pub(super) const MAX_STORED_BYTES: usize = MAX_BYTES + 4;

// A number takes a symbol and 61 bits of noise at most; no group has more columns than bytes.
const _: () = assert!(2 * MAX_RUNS * 9 + (128 << 10) < MAX_BYTES);

/// Collects the start times of a group; its buffers are used again.
#[derive(Debug, Default)]
pub(super) struct StartsBuilder {
    /// Number of runs of each column, up to the last that has any.
    counts: Vec<i64>,
    /// Of all runs.
    froms_ms: Vec<i64>,
    starts_ms: Vec<i64>,
    packed: Vec<u8>,
}

impl StartsBuilder {
    /// Whether the group is to end before a further column.
    pub(super) fn is_full(&self) -> bool {
        self.starts_ms.len() >= TARGET_RUNS
    }

    /// Adds those of the column `index` of the group, of at most [`MAX_SAMPLES`] samples.
    pub(super) fn push(&mut self, index: u32, runs: &[StartRun]) {
        if runs.is_empty() {
            return;
        }
        self.counts.resize(index as usize, 0);
        self.counts.push(runs.len() as i64);
        self.froms_ms.extend(runs.iter().map(|run| run.from_ms));
        self.starts_ms.extend(runs.iter().map(|run| run.start_ms));
        debug_assert!(self.starts_ms.len() <= MAX_RUNS);
    }

    /// What stands in front of the contents of the group, which has so many columns; nothing if there are no start times.
    /// The next group is started.
    pub(super) fn finish(&mut self, columns: u32, packer: &mut Packer) -> std::io::Result<Vec<u8>> {
        let mut out = Vec::new();
        if self.starts_ms.is_empty() {
            return Ok(out);
        }
        self.counts.resize(columns as usize, 0);
        let mut streams = Streams::default();
        for numbers in [&mut self.counts, &mut self.froms_ms, &mut self.starts_ms] {
            encode_integers(numbers, &mut streams);
            numbers.clear();
        }
        debug_assert!(streams.len() <= MAX_BYTES);
        self.packed.clear();
        packer.pack(&streams, &mut self.packed)?;
        push_uvarint(&mut out, self.packed.len() as u64);
        out.extend_from_slice(&self.packed);
        Ok(out)
    }
}

/// The start times of a group; those of a group without are the default.
#[derive(Debug, Default)]
pub(super) struct GroupStarts {
    /// Where the runs of each column end.
    ends: Vec<u32>,
    runs: Vec<StartRun>,
}

impl GroupStarts {
    /// Reads what stands in front of the other contents of a group of so many columns.
    pub(super) fn read(
        contents: &mut Cursor<'_>,
        columns: u32,
        unpacker: &mut Unpacker,
    ) -> Result<Self, DecodeError> {
        let len = contents.count(contents.remaining())?;
        let packed = contents.bytes(len)?;
        let mut streams = Streams::default();
        unpacker.unpack(packed, MAX_BYTES, &mut streams)?;
        let mut list = streams.reader();
        let mut sequence = |count: usize| {
            let mut numbers = Vec::new();
            decode_integers(&mut list, count, &mut numbers).map(|()| numbers)
        };
        let too_many = || contents.error("group has too many start times");
        let mut ends = Vec::new();
        let mut end = 0_u32;
        for count in sequence(columns as usize)? {
            let count = u32::try_from(count).map_err(|_| too_many())?;
            end = end.checked_add(count).ok_or_else(too_many)?;
            ends.push(end);
        }
        if end as usize > MAX_RUNS {
            return Err(too_many());
        }
        let (froms_ms, starts_ms) = (sequence(end as usize)?, sequence(end as usize)?);
        if !list.is_empty() {
            return Err(contents.error("start times go on behind their end"));
        }
        let runs = froms_ms.into_iter().zip(starts_ms);
        let runs = runs.map(|(from_ms, start_ms)| StartRun { from_ms, start_ms });
        let starts = Self {
            ends,
            runs: runs.collect(),
        };
        let rise = |index| starts.of(index).is_sorted_by(|a, b| a.from_ms < b.from_ms);
        if !(0..columns).all(rise) {
            return Err(contents.error("times of start times do not rise"));
        }
        Ok(starts)
    }

    /// Those of the column `index`.
    pub(super) fn of(&self, index: u32) -> &[StartRun] {
        let index = index as usize;
        let Some(&end) = self.ends.get(index) else {
            return &[];
        };
        let before = index.checked_sub(1).and_then(|i| self.ends.get(i));
        let start = before.map_or(0, |&end| end as usize);
        self.runs.get(start..end as usize).unwrap_or_default()
    }

    /// Bytes of memory beside itself.
    pub(super) fn bytes(&self) -> usize {
        self.ends.capacity() * size_of::<u32>() + self.runs.capacity() * size_of::<StartRun>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(from_ms: i64, start_ms: i64) -> StartRun {
        StartRun { from_ms, start_ms }
    }

    fn read(bytes: &[u8], columns: u32) -> Result<(GroupStarts, usize), DecodeError> {
        let mut cursor = Cursor::new(bytes);
        let starts = GroupStarts::read(&mut cursor, columns, &mut Unpacker::new().unwrap())?;
        Ok((starts, cursor.remaining()))
    }

    #[test]
    fn start_times_come_back() {
        let (mut packer, mut builder) = (Packer::new().unwrap(), StartsBuilder::default());
        let columns = [
            vec![],
            vec![run(10, 5)],
            vec![],
            vec![run(i64::MIN, i64::MAX), run(3, 0), run(i64::MAX, -1)],
            vec![],
        ];
        for _ in 0..2 {
            for (index, runs) in (0..).zip(&columns) {
                builder.push(index, runs);
            }
            let bytes = builder.finish(5, &mut packer).unwrap();
            let (starts, rest) = read(&[&bytes[..], &[1, 2]].concat(), 5).unwrap();
            assert_eq!(rest, 2);
            for (index, runs) in (0..).zip(&columns) {
                assert_eq!(starts.of(index), runs);
            }
            assert_eq!(starts.of(5), []);
            for len in 0..bytes.len() {
                assert!(read(&bytes[..len], 5).is_err());
            }
        }
        assert_eq!(builder.finish(5, &mut packer).unwrap(), []);
    }

    #[test]
    fn equal_ones_take_next_to_nothing() {
        let (mut packer, mut builder) = (Packer::new().unwrap(), StartsBuilder::default());
        for index in 0..1_000 {
            builder.push(index, &[run(1_700_000_000_000, 1_600_000_000_000)]);
        }
        assert!(builder.finish(1_000, &mut packer).unwrap().len() < 40);
        // A column whose samples each count since the one before.
        let deltas: Vec<StartRun> = (1..8_000)
            .map(|i| run(i * 15_000, i * 15_000 - 15_000))
            .collect();
        builder.push(0, &deltas);
        assert!(builder.finish(1, &mut packer).unwrap().len() < 40);
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let (mut packer, mut builder) = (Packer::new().unwrap(), StartsBuilder::default());
        let many: Vec<StartRun> = (0..8_192).map(|i| run(i, i + 1)).collect();
        builder.push(0, &many);
        assert!(builder.is_full());
        builder.push(1, &many);
        let bytes = builder.finish(2, &mut packer).unwrap();
        assert!(read(&bytes, 2).is_ok());
        let falling = [run(5, 1), run(5, 2)];
        builder.push(0, &falling);
        let bytes = builder.finish(1, &mut packer).unwrap();
        assert!(read(&bytes, 1).is_err());
        // A number of columns that no group has, and one that its runs are not for.
        assert!(read(&bytes, u32::MAX).is_err());
    }
}
