//! Reads an index from the bytes of a mapped file. Opening parses a header; everything else is looked up when asked for.
//!
//! Numbers of series, label pairs and symbols are in the order of label sets, of (name, value) and of strings. Every
//! offset and number is checked where it is used: damaged bytes give [`Error::Corrupt`].

use std::cmp::Ordering;

use super::expand::LabelBuffer;
use super::format::{FINGERPRINT_LEN, Layout, PAIR_LEN, entry, item, partition_point};
use super::symbols::{SymbolScan, SymbolTable};
use super::{LabelIndex, postings_codec};
use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::error::{Error, Result};
use crate::io::Section;
use crate::model::{Labels, TimeUnit};

/// An index in a file. Ids are those of the series in label order, `0..series_len`.
#[derive(Debug)]
pub(crate) struct IndexReader {
    section: Section,
    layout: Layout,
}

/// Entry of the table of label pairs.
#[derive(Clone, Copy, Debug)]
struct Pair {
    name: u32,
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

    /// The store-wide id of a series; `None` when there is no such series.
    #[inline]
    pub(crate) fn fingerprint(&self, id: u32) -> Option<u128> {
        let all = self.part(&self.layout.fingerprints);
        let start = usize::try_from(id).ok()?.checked_mul(FINGERPRINT_LEN)?;
        Some(u128::from_le_bytes(*all.get(start..)?.first_chunk()?))
    }

    /// Unit of the timestamps of a series.
    ///
    /// # Errors
    /// When the record is damaged.
    pub(crate) fn unit(&self, id: u32) -> Result<TimeUnit> {
        let unit = self.record(id)?.first().copied();
        unit.and_then(TimeUnit::from_u8)
            .ok_or_else(|| self.corrupt_record("series has an unknown unit"))
    }

    /// The label set of a series.
    ///
    /// # Errors
    /// When its record or what that points to is damaged.
    pub(crate) fn labels(&self, id: u32) -> Result<Labels> {
        self.labels_after(id, &mut LabelBuffer::default())
    }

    /// As [`Self::labels`]; what the series has in common with the one that the buffer was last used for, a neighbour
    /// at best, is copied from there. The buffer is used with no other index.
    ///
    /// # Errors
    /// Those of [`Self::labels`].
    pub(crate) fn labels_after(&self, id: u32, buffer: &mut LabelBuffer) -> Result<Labels> {
        buffer.start();
        let mut names = self.symbols().scan();
        let mut values = self.symbols().scan();
        for number in self.pairs_of(id)? {
            let number = number?;
            if !buffer.reuse(number) {
                let pair = self.pair(number)?;
                let name = self.symbol(&mut names, pair.name)?;
                buffer.push(number, name, self.symbol(&mut values, pair.value)?);
            }
        }
        Labels::from_canonical(&buffer.canonical)
            .map_err(|_| self.corrupt_record("series has labels that are not a label set"))
    }

    /// The series with this label set.
    ///
    /// # Errors
    /// When the index is damaged.
    pub(crate) fn find(&self, labels: &Labels) -> Result<Option<u32>> {
        let mut wanted = Vec::new();
        for (name, value) in labels.iter() {
            match self.find_pair(name, value)? {
                Some(pair) => wanted.push(pair),
                None => return Ok(None),
            }
        }
        // Pairs are numbered in the order of name and value, so that lists of their numbers are in label order.
        let id = partition_point(self.series_len(), |id| {
            Ok::<_, Error>(self.compare(id, &wanted)? == Ordering::Less)
        })?;
        let found = id < self.series_len() && self.compare(id, &wanted)? == Ordering::Equal;
        Ok(found.then_some(id))
    }

    /// Names of labels, in order.
    ///
    /// # Errors
    /// When the index is damaged.
    pub(crate) fn label_names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut scan = self.symbols().scan();
        let mut next = 0;
        while next < self.pairs_len() {
            let name = self.pair(next)?.name;
            names.push(self.symbol(&mut scan, name)?.to_owned());
            next = self.first_pair(next, |pair| pair.name <= name)?;
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

    fn part(&self, range: &std::ops::Range<usize>) -> &[u8] {
        self.section.bytes().get(range.clone()).unwrap_or_default()
    }

    fn pairs_len(&self) -> u32 {
        self.layout.counts.pairs
    }

    fn symbols(&self) -> SymbolTable<'_> {
        SymbolTable::new(
            self.part(&self.layout.block_offsets),
            self.part(&self.layout.symbols),
            self.layout.counts.symbols,
        )
    }

    fn symbol<'s>(&self, scan: &'s mut SymbolScan<'_>, id: u32) -> Result<&'s str> {
        scan.get(id).map_err(|error| self.in_symbols(error))
    }

    fn find_symbol(&self, text: &str) -> Result<Option<u32>> {
        let found = self.symbols().find(text);
        found.map_err(|error| self.in_symbols(error))
    }

    fn pair(&self, pair: u32) -> Result<Pair> {
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
    fn first_pair(&self, from: u32, before: impl Fn(Pair) -> bool) -> Result<u32> {
        let len = self.pairs_len().saturating_sub(from);
        let skipped = partition_point(len, |i| self.pair(from + i).map(&before))?;
        Ok(from + skipped)
    }

    fn find_pair(&self, name: &str, value: &str) -> Result<Option<u32>> {
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
    fn each_value(
        &self,
        name: &str,
        prefix: &str,
        mut visit: impl FnMut(&str, u32) -> Result<()>,
    ) -> Result<()> {
        let Some(name) = self.find_symbol(name)? else {
            return Ok(());
        };
        let (least, _) = self
            .symbols()
            .lower_bound(prefix)
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
    fn list(&self, at: u32) -> Result<Vec<u32>> {
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

    fn record(&self, id: u32) -> Result<&[u8]> {
        let offsets = self.part(&self.layout.record_offsets);
        item(offsets, self.part(&self.layout.records), id)
            .ok_or_else(|| self.corrupt_record("series does not exist"))
    }

    /// The label pairs of a series, rising.
    fn pairs_of(&self, id: u32) -> Result<impl Iterator<Item = Result<u32>>> {
        let mut cursor = Cursor::new(self.record(id)?);
        let mut start = || {
            cursor.u8()?;
            cursor.count(cursor.remaining())
        };
        let count = start().map_err(|error| self.in_records(error))?;
        let mut least = 0;
        Ok((0..count).map(move |_| {
            let gap = cursor.uvarint().map_err(|error| self.in_records(error))?;
            let pair: u64 = gap.saturating_add(least);
            least = pair.saturating_add(1);
            u32::try_from(pair).map_err(|_| self.corrupt_record("series has an unknown label"))
        }))
    }

    /// How a series compares with a list of pairs, in label order.
    fn compare(&self, id: u32, wanted: &[u32]) -> Result<Ordering> {
        let mut wanted = wanted.iter();
        for pair in self.pairs_of(id)? {
            let pair = pair?;
            match wanted.next() {
                None => return Ok(Ordering::Greater),
                Some(other) if pair != *other => return Ok(pair.cmp(other)),
                Some(_) => {}
            }
        }
        Ok(wanted.next().map_or(Ordering::Equal, |_| Ordering::Less))
    }

    fn in_symbols(&self, error: DecodeError) -> Error {
        let base = self.layout.symbols.start;
        self.section.decode_error(base, error)
    }

    fn in_records(&self, error: DecodeError) -> Error {
        self.corrupt_record(error.what)
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
        match self.find_pair(name, value)? {
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
