//! Reads an index from the bytes of a mapped file. Opening parses a header; everything else is looked up when asked for.
//!
//! Numbers of series, label pairs and symbols are in the order of label sets, of (name, value) and of strings. Every
//! offset and number is checked where it is used: damaged bytes give [`Error::Corrupt`].

use super::expand::LabelBuffer;
use super::format::{Layout, PAIR_LEN, SERIES_PER_BLOCK, entry, partition_point};
use super::found::FoundPairs;
use super::records::{Record, RecordTable};
use super::symbols::{SymbolScan, SymbolTable};
use super::{LabelIndex, postings_codec};
use crate::codec::DecodeError;
use crate::error::{Error, Result};
use crate::io::Section;
use crate::model::{LabelIter, Labels, TimeUnit};

/// An index in a file. Ids are those of the series in label order, `0..series_len`.
#[derive(Debug)]
pub(crate) struct IndexReader {
    section: Section,
    layout: Layout,
}

/// Entry of the table of label pairs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) name: u32,
    value: u32,
    postings: u32,
    count: u32,
}

impl IndexReader {
    /// Opens the index that fills `section`, whose checksum was verified.
    ///
    /// # Errors
    /// When the parts do not add up.
    pub(crate) fn open(section: Section) -> Result<Self> {
        let layout =
            Layout::decode(section.bytes()).map_err(|error| section.decode_error(0, error))?;
        Ok(Self { section, layout })
    }

    /// Number of series.
    pub(crate) fn series_len(&self) -> u32 {
        self.layout.counts.series
    }

    /// Unit of the timestamps of a series.
    ///
    /// # Errors
    /// When the record is damaged.
    pub(crate) fn unit(&self, id: u32) -> Result<TimeUnit> {
        self.unit_after(id, &mut LabelBuffer::default())
    }

    /// As [`Self::unit`], with a buffer as [`Self::labels_after`] has it.
    ///
    /// # Errors
    /// Those of [`Self::unit`].
    pub(crate) fn unit_after(&self, id: u32, buffer: &mut LabelBuffer) -> Result<TimeUnit> {
        self.read_record(id, &mut buffer.record)?;
        let unit = buffer.record.unit();
        unit.ok_or_else(|| self.corrupt_record("series has an unknown unit"))
    }

    /// The label set of a series.
    ///
    /// # Errors
    /// When its record or what that points to is damaged.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn labels(&self, id: u32) -> Result<Labels> {
        self.labels_after(id, &mut LabelBuffer::default())
    }

    /// As [`Self::labels`]; what the series has in common with the one that the buffer was last used for, a neighbour
    /// at best, is copied from there. The buffer is used with no other index.
    ///
    /// # Errors
    /// Those of [`Self::labels`].
    pub(crate) fn labels_after(&self, id: u32, buffer: &mut LabelBuffer) -> Result<Labels> {
        self.canonical_after(id, buffer)?;
        if let Some(same) = buffer.last_labels() {
            return Ok(same);
        }
        let labels = self.checked_labels(&buffer.canonical)?;
        buffer.made(&labels);
        Ok(labels)
    }

    /// A buffer for label sets that have the labels with these names alone.
    ///
    /// # Errors
    /// When the index is damaged.
    pub(crate) fn buffer_of(&self, names: &[String]) -> Result<LabelBuffer> {
        let mut wanted = Vec::new();
        for name in names {
            if let Some(symbol) = self.find_symbol(name.as_bytes())? {
                let from = self.first_pair(0, |pair| pair.name < symbol)?;
                let to = self.first_pair(from, |pair| pair.name <= symbol)?;
                wanted.push(from..to);
            }
        }
        Ok(LabelBuffer::of_pairs(wanted))
    }

    /// The label set that [`Self::canonical_after`] gave the bytes of.
    ///
    /// # Errors
    /// When they are no label set.
    pub(crate) fn checked_labels(&self, canonical: &[u8]) -> Result<Labels> {
        Labels::from_canonical(canonical)
            .map_err(|_| self.corrupt_record("series has labels that are not a label set"))
    }

    /// As [`Self::labels_after`], as bytes, which are canonical in an index that is not damaged.
    ///
    /// # Errors
    /// Those of [`Self::labels`].
    pub(crate) fn canonical_after<'b>(
        &self,
        id: u32,
        buffer: &'b mut LabelBuffer,
    ) -> Result<&'b [u8]> {
        buffer.start();
        let mut names = self.symbols().scan();
        let mut values = self.symbols().scan();
        // Taken out, so that the buffer can be written to.
        let mut record = std::mem::take(&mut buffer.record);
        self.read_record(id, &mut record)?;
        for &number in record.pairs() {
            if buffer.wants(number) && !buffer.reuse(number) && !buffer.recall(number) {
                let pair = self.pair(number)?;
                let name = self.symbol(&mut names, pair.name)?;
                buffer.push(number, name, self.symbol(&mut values, pair.value)?);
            }
        }
        buffer.record = record;
        Ok(&buffer.canonical)
    }

    /// The series with this label set, in canonical bytes. `pairs` is for many of them, in this index and no other.
    ///
    /// # Errors
    /// When the index is damaged.
    pub(crate) fn find(&self, canonical: &[u8], pairs: &mut FoundPairs) -> Result<Option<u32>> {
        let mut wanted = Vec::new();
        let mut labels = LabelIter::over(canonical);
        while let Some(pair) = labels.next_pair() {
            let (name, value) = LabelIter::over(pair).next_bytes().unwrap_or_default();
            match pairs.get(pair, || self.find_pair(name, value))? {
                Some(pair) => wanted.push(pair),
                None => return Ok(None),
            }
        }
        // Pairs are numbered in the order of name and value, so that lists of their numbers are in label order. The first
        // record of a block is read alone: the block is found before the series in it.
        let mut record = Record::default();
        let blocks = self.series_len().div_ceil(SERIES_PER_BLOCK);
        let after = partition_point(blocks, |block| {
            self.read_record(block * SERIES_PER_BLOCK, &mut record)?;
            Ok::<_, Error>(record.pairs() <= wanted.as_slice())
        })?;
        let Some(block) = after.checked_sub(1) else {
            return Ok(None);
        };
        let start = block * SERIES_PER_BLOCK;
        let end = start.saturating_add(SERIES_PER_BLOCK);
        for id in start..end.min(self.series_len()) {
            self.read_record(id, &mut record)?;
            if record.pairs() == wanted {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    fn part(&self, range: &std::ops::Range<usize>) -> &[u8] {
        self.section.bytes().get(range.clone()).unwrap_or_default()
    }

    pub(super) fn pairs_len(&self) -> u32 {
        self.layout.counts.pairs
    }

    pub(super) fn symbols(&self) -> SymbolTable<'_> {
        SymbolTable::new(
            self.part(&self.layout.block_offsets),
            self.part(&self.layout.symbols),
            self.layout.counts.symbols,
        )
    }

    pub(super) fn symbol<'s>(&self, scan: &'s mut SymbolScan<'_>, id: u32) -> Result<&'s str> {
        scan.get(id).map_err(|error| self.in_symbols(error))
    }

    fn find_symbol(&self, text: &[u8]) -> Result<Option<u32>> {
        let found = self.symbols().find(text);
        found.map_err(|error| self.in_symbols(error))
    }

    pub(super) fn pair(&self, pair: u32) -> Result<Pair> {
        let table = self.part(&self.layout.pairs);
        let start = (pair as usize).saturating_mul(PAIR_LEN);
        let fields = table.get(start..).and_then(|rest| rest.get(..PAIR_LEN));
        let field = |i| fields.and_then(|fields| entry(fields, i));
        match (field(0), field(1), field(2), field(3)) {
            (Some(name), Some(value), Some(postings), Some(count)) => Ok(Pair {
                name,
                value,
                postings,
                count,
            }),
            _ => Err(self
                .section
                .corrupt(self.layout.pairs.start, "label pair does not exist")),
        }
    }

    /// The first pair at or after `from` for which `before` is false.
    pub(super) fn first_pair(&self, from: u32, before: impl Fn(Pair) -> bool) -> Result<u32> {
        let len = self.pairs_len().saturating_sub(from);
        let skipped = partition_point(len, |i| self.pair(from + i).map(&before))?;
        Ok(from + skipped)
    }

    fn find_pair(&self, name: &[u8], value: &[u8]) -> Result<Option<u32>> {
        let (Some(name), Some(value)) = (self.find_symbol(name)?, self.find_symbol(value)?) else {
            return Ok(None);
        };
        let wanted = (name, value);
        let at = self.first_pair(0, |pair| (pair.name, pair.value) < wanted)?;
        if at == self.pairs_len() {
            return Ok(None);
        }
        let pair = self.pair(at)?;
        Ok(((pair.name, pair.value) == wanted).then_some(at))
    }

    /// Calls `visit` for the pairs of `name` whose value starts with `prefix`, in order.
    pub(super) fn each_value(
        &self,
        name: &str,
        prefix: &str,
        mut visit: impl FnMut(&str, u32) -> Result<()>,
    ) -> Result<()> {
        let Some(name) = self.find_symbol(name.as_bytes())? else {
            return Ok(());
        };
        let (least, _) = self
            .symbols()
            .lower_bound(prefix.as_bytes())
            .map_err(|error| self.in_symbols(error))?;
        let mut at = self.first_pair(0, |pair| (pair.name, pair.value) < (name, least))?;
        let mut scan = self.symbols().scan();
        while at < self.pairs_len() {
            let pair = self.pair(at)?;
            if pair.name != name {
                break;
            }
            let value = self.symbol(&mut scan, pair.value)?;
            if !value.starts_with(prefix) {
                break;
            }
            visit(value, at)?;
            at += 1;
        }
        Ok(())
    }

    /// The postings of a pair. A list ends where that of the next pair begins.
    pub(super) fn list(&self, at: u32) -> Result<Vec<u32>> {
        let pair = self.pair(at)?;
        let lists = self.part(&self.layout.postings);
        let end = if at + 1 < self.pairs_len() {
            self.pair(at + 1)?.postings as usize
        } else {
            lists.len()
        };
        let base = self.layout.postings.start;
        let bytes = lists
            .get(pair.postings as usize..end)
            .ok_or_else(|| self.section.corrupt(base, "postings lie outside of theirs"))?;
        postings_codec::decode(bytes, pair.count, self.series_len()).map_err(|error| {
            self.section
                .decode_error(base + pair.postings as usize, error)
        })
    }

    pub(super) fn read_record(&self, id: u32, record: &mut Record) -> Result<()> {
        let offsets = self.part(&self.layout.record_offsets);
        RecordTable::new(
            offsets,
            self.part(&self.layout.records),
            self.layout.counts.series,
        )
        .read(id, record)
        .map_err(|error| self.corrupt_record(error.what))
    }

    fn in_symbols(&self, error: DecodeError) -> Error {
        let base = self.layout.symbols.start;
        self.section.decode_error(base, error)
    }

    fn corrupt_record(&self, what: &'static str) -> Error {
        self.section.corrupt(self.layout.records.start, what)
    }
}

impl LabelIndex for IndexReader {
    fn all(&self) -> Result<Vec<u32>> {
        Ok((0..self.series_len()).collect())
    }

    fn postings(&self, name: &str, value: &str) -> Result<Vec<u32>> {
        match self.find_pair(name.as_bytes(), value.as_bytes())? {
            Some(pair) => self.list(pair),
            None => Ok(Vec::new()),
        }
    }

    fn postings_where(
        &self,
        name: &str,
        prefix: &str,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Vec<Vec<u32>>> {
        let mut lists = Vec::new();
        self.each_value(name, prefix, |value, pair| {
            if keep(value) {
                lists.push(self.list(pair)?);
            }
            Ok(())
        })?;
        Ok(lists)
    }
}
