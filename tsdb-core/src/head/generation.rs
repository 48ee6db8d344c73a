//! One generation: series, their samples, and the ways to find them.

use std::hint::black_box;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicIsize, AtomicU64, AtomicUsize, Ordering};

use hashbrown::HashTable;

use super::lookup::{Lookup, LookupTable};
use super::reader::SeriesSnapshot;
use super::recognition::{FormRef, Recognition};
use super::series::Series;
use super::symbol_tables::SymbolTables;
use super::{NewValue, Offer, SeriesRef};
use crate::error::Result;
use crate::index::memory::{MemoryIndex, PairRef};
use crate::index::{DeletedSeries, PairSet, newly_deleted, resolve, values_of};
use crate::model::{Encoding, Labels, LastSample, Matcher, TimeRange, TimeUnit, Tombstone};
use crate::slab::Slab;
use crate::stats::Cardinality;

/// Samples in memory that are written to files, and dropped, together.
///
/// Series are [made](Self::create) by one thread at a time, and samples [appended](Self::append) by one at a time, which may
/// be another; everything else may be called beside them. A snapshot in which a batch is there whole or not at all needs the writer kept out while the series are
/// resolved and captured: that is the caller's lock.
#[derive(Debug)]
pub(crate) struct Generation {
    id: u64,
    series: Slab<Series>,
    lookup: LookupTable,
    recognition: Recognition,
    symbol_tables: SymbolTables,
    index: MemoryIndex,
    samples: AtomicU64,
    /// `i64::MAX` and `i64::MIN` while there is no sample.
    min_ms: AtomicI64,
    max_ms: AtomicI64,
    /// Memory of the series, without lookup and index: counted by who makes them.
    series_bytes: AtomicUsize,
    /// Memory of the samples: counted by who appends them.
    sample_bytes: AtomicIsize,
    /// Whether a delete left a series without samples.
    pub(super) emptied: AtomicBool,
    /// Whether a series may not know of its newest sample in what is older: it came from the log, or a delete took the one
    /// that it knew.
    pub(super) recalls: AtomicBool,
}

impl Generation {
    /// An empty generation; `id` is the one its part of the log bears.
    pub(crate) fn new(id: u64) -> Self {
        Self {
            id,
            series: Slab::new(),
            lookup: LookupTable::default(),
            recognition: Recognition::new(),
            symbol_tables: SymbolTables::new(),
            index: MemoryIndex::default(),
            samples: AtomicU64::new(0),
            min_ms: AtomicI64::new(i64::MAX),
            max_ms: AtomicI64::new(i64::MIN),
            series_bytes: AtomicUsize::new(0),
            sample_bytes: AtomicIsize::new(0),
            emptied: AtomicBool::new(false),
            recalls: AtomicBool::new(false),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The series with this label set. For many, [`lookup`](Self::lookup) takes the lock once.
    pub(crate) fn find(&self, hash: u64, canonical: &[u8]) -> Option<SeriesRef> {
        self.lookup().find(hash, canonical)
    }

    /// Holds the lookup table for reading; [`create`](Self::create) waits until it is dropped.
    pub(crate) fn lookup(&self) -> Lookup<'_> {
        self.lookup.read(&self.series, &self.index)
    }

    /// Makes a series that is not there yet, with times in `unit`. `last` is its newest sample in earlier generations, if that is known:
    /// what is not newer goes to the out-of-order log.
    ///
    /// `canonical` must be a canonical label set: batches are checked before they come here.
    pub(crate) fn create(
        &self,
        hash: u64,
        canonical: &[u8],
        unit: TimeUnit,
        last: Option<LastSample>,
    ) -> SeriesRef {
        let last_bytes = last.as_ref().map_or(0, LastSample::extra_bytes);
        let pairs = self.index.intern(canonical);
        self.add(hash, Series::new(pairs, unit, last), last_bytes)
    }

    /// The number of a label pair, given as its part of the canonical bytes. For the writer alone.
    pub(crate) fn number_of_pair(&self, pair: &[u8]) -> PairRef {
        self.index.number(pair)
    }

    /// Makes a series that is not there yet, with times in `unit`, from the log. `pairs` are in the order of their names.
    pub(crate) fn replay(&self, hash: u64, pairs: &[PairRef], unit: TimeUnit) -> SeriesRef {
        self.recalls.store(true, Ordering::Relaxed);
        self.add(hash, Series::replayed(pairs.into(), unit), 0)
    }

    /// Adds a series that holds so many bytes beside its labels.
    fn add(&self, hash: u64, series: Series, held: usize) -> SeriesRef {
        // Who finds the series, by labels or by lookup, must be able to read it: slab first.
        let pairs_bytes = size_of_val(series.pairs()) + size_of::<usize>();
        let number = self.series.push(series);
        self.index.add(number, self.series(number).pairs());
        self.lookup.insert(hash, number);
        let bytes = size_of::<OnceLock<Series>>() + pairs_bytes + held;
        // As of samples: a load and a store.
        let before = self.series_bytes.load(Ordering::Relaxed);
        self.series_bytes.store(before + bytes, Ordering::Relaxed);
        number
    }

    /// Unit of the times of a series.
    #[inline]
    pub(crate) fn unit(&self, series: SeriesRef) -> TimeUnit {
        self.series(series).unit()
    }

    /// Brings a series into the cache; see [`Series::prefetch`]. Gives the unit of its times.
    #[inline]
    pub(crate) fn prefetch(&self, series: SeriesRef) -> TimeUnit {
        let series = self.series(series);
        series.prefetch();
        series.unit()
    }

    /// Brings the numbers of the label pairs of a series into the cache.
    #[inline]
    pub(crate) fn prefetch_pairs(&self, series: SeriesRef) {
        let pairs = self.pairs(series);
        black_box((pairs.first().copied(), pairs.last().copied()));
    }

    /// The newest sample of a series by time, also when an earlier generation holds it.
    #[inline]
    pub(crate) fn last(&self, series: SeriesRef) -> Option<LastSample> {
        self.series(series).last()
    }

    /// Whether [`recall_due`](Self::recall_due) may hold for any series.
    pub(crate) fn has_recalls(&self) -> bool {
        self.recalls.load(Ordering::Relaxed)
    }

    /// Whether what is older may hold a newer sample of a series than [`last`](Self::last) says.
    pub(crate) fn recall_due(&self, series: SeriesRef) -> bool {
        self.has_recalls() && self.series(series).recall_due()
    }

    /// Tells a series of its newest sample in what is older. May be called beside the writer, whose count of bytes may then
    /// miss those of a histogram.
    pub(crate) fn recall_last(&self, series: SeriesRef, last: Option<LastSample>) {
        self.grow(self.series(series).recall_last(last));
    }

    /// Appends a sample, as all with its time in the unit of the series. At or before the series' newest time it goes to the out-of-order log, where it takes the
    /// place of an earlier sample at the same time.
    #[inline]
    pub(crate) fn append(&self, series: SeriesRef, t_ms: i64, value: impl NewValue) {
        let series = self.series(series);
        let growth = series.append(t_ms, value);
        self.count(series.unit().to_ms(t_ms), growth);
    }

    /// Appends a sample unless it meets the series' newest sample at its time: an equal value changes nothing, others are
    /// refused unless `replace`.
    #[inline]
    pub(crate) fn offer(
        &self,
        series: SeriesRef,
        t_ms: i64,
        value: impl NewValue,
        replace: bool,
    ) -> Offer {
        let series = self.series(series);
        let (offer, growth) = series.offer(t_ms, value, replace);
        if offer == Offer::Taken {
            self.count(series.unit().to_ms(t_ms), growth);
        }
        offer
    }

    #[inline]
    fn count(&self, t_ms: i64, growth: isize) {
        self.grow(growth);
        // One writer: a load and a store, which cost less than an atomic addition.
        let samples = self.samples.load(Ordering::Relaxed);
        self.samples.store(samples + 1, Ordering::Relaxed);
        if t_ms < self.min_ms.load(Ordering::Relaxed) {
            self.min_ms.store(t_ms, Ordering::Relaxed);
        }
        if t_ms > self.max_ms.load(Ordering::Relaxed) {
            self.max_ms.store(t_ms, Ordering::Relaxed);
        }
    }

    /// The encodings of labels that senders used.
    #[inline]
    pub(crate) fn recognition(&self) -> &Recognition {
        &self.recognition
    }

    /// The tables of symbols that senders used.
    pub(crate) fn symbol_tables(&self) -> &SymbolTables {
        &self.symbol_tables
    }

    /// Remembers a sender's encoding of the labels of a series. For the writer alone. See [`Recognition::learn`].
    pub(crate) fn learn(
        &self,
        encoding: Encoding,
        series: SeriesRef,
        previous: Option<FormRef>,
    ) -> Option<FormRef> {
        let most = self.series_len();
        self.recognition.learn(encoding, series, previous, most)
    }

    /// The hashes of all series.
    pub(crate) fn hashes(&self) -> HashTable<u64> {
        self.lookup.hashes()
    }

    /// Number of series.
    pub(crate) fn series_len(&self) -> u32 {
        self.series.len()
    }

    /// Number of samples appended, replaced ones included.
    pub(crate) fn samples(&self) -> u64 {
        self.samples.load(Ordering::Relaxed)
    }

    /// Times of the first and last sample in milliseconds; `None` without samples.
    pub(crate) fn time_range(&self) -> Option<(i64, i64)> {
        let min_ms = self.min_ms.load(Ordering::Relaxed);
        let max_ms = self.max_ms.load(Ordering::Relaxed);
        (min_ms <= max_ms).then_some((min_ms, max_ms))
    }

    /// Estimate of the memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let series = self.series_bytes.load(Ordering::Relaxed).cast_signed()
            + self.sample_bytes.load(Ordering::Relaxed);
        let lookup = self.series_len() as usize * LookupTable::BYTES_PER_SERIES;
        let forms = self.recognition.len() * Recognition::BYTES_PER_FORM;
        let tables = self.symbol_tables.bytes();
        usize::try_from(series).unwrap_or(0) + lookup + forms + tables + self.index.bytes()
    }

    /// The series that satisfy all matchers, strictly rising.
    ///
    /// # Errors
    /// None today; the signature is that of an index in a file.
    pub(crate) fn resolve(&self, matchers: &[Matcher]) -> Result<Vec<SeriesRef>> {
        resolve(&self.index, matchers)
    }

    /// The series that a tombstone takes more from than what is `deleted` already; nothing is deleted by this.
    ///
    /// # Errors
    /// Those of [`resolve`](Self::resolve).
    pub(crate) fn newly_deleted(
        &self,
        tombstone: &Tombstone,
        deleted: Option<&DeletedSeries>,
    ) -> Result<Vec<(SeriesRef, TimeRange)>> {
        let extent = |series| {
            let captured = self.capture(series);
            let ends = captured.time_range();
            Ok(ends.map(|(min, max)| (captured.unit(), TimeRange::new(min, max))))
        };
        newly_deleted(tombstone, &self.index, extent, deleted)
    }

    /// Names of labels, in order.
    pub(crate) fn label_names(&self) -> Vec<String> {
        self.index.label_names()
    }

    /// Names of the labels of these series, in order.
    pub(crate) fn label_names_of(&self, series: &[SeriesRef]) -> Vec<String> {
        self.index.names_in(&self.pairs_of(series))
    }

    /// Values of one label that any of these series has, in order.
    ///
    /// # Errors
    /// None today; the signature is that of an index in a file.
    pub(crate) fn label_values_of(&self, name: &str, series: &[SeriesRef]) -> Result<Vec<String>> {
        let all = self.label_values(name);
        match PairSet::is_cheaper(series.len(), all.len()) {
            true => Ok(self.index.values_in(name, &self.pairs_of(series))),
            false => values_of(&self.index, name, all, series),
        }
    }

    fn pairs_of(&self, series: &[SeriesRef]) -> PairSet {
        let mut pairs = PairSet::default();
        for &series in series {
            pairs.extend(self.pairs(series));
        }
        pairs
    }

    /// Values of one label, in order.
    pub(crate) fn label_values(&self, name: &str) -> Vec<String> {
        self.index.label_values(name)
    }

    /// The labels that make the most series, at most `limit` of each list.
    pub(crate) fn cardinality(&self, limit: usize) -> Cardinality {
        self.index.cardinality(limit)
    }

    /// The label set of a series.
    pub(crate) fn labels(&self, series: SeriesRef) -> Labels {
        Labels::from_checked(self.canonical(series))
    }

    /// The canonical label bytes of a series.
    pub(crate) fn canonical(&self, series: SeriesRef) -> Vec<u8> {
        let pairs = || self.pairs(series).iter().map(|&pair| self.pair(pair));
        let mut canonical = Vec::with_capacity(pairs().map(<[u8]>::len).sum());
        pairs().for_each(|pair| canonical.extend_from_slice(pair));
        canonical
    }

    /// The numbers of the label pairs of a series, in the order of their names.
    pub(crate) fn pairs(&self, series: SeriesRef) -> &[PairRef] {
        self.series(series).pairs()
    }

    /// Number of the labels of all series.
    pub(crate) fn labels_len(&self) -> usize {
        let labels = |series: SeriesRef| self.pairs(series).len();
        (0..self.series_len()).map(labels).sum()
    }

    /// A label pair, as its part of the canonical bytes.
    pub(crate) fn pair(&self, pair: PairRef) -> &[u8] {
        self.index.pair(pair)
    }

    /// The samples of a series as they are now: a few reference counts, nothing is decoded.
    pub(crate) fn capture(&self, series: SeriesRef) -> SeriesSnapshot {
        self.series(series).capture()
    }

    /// Every series in the order of [`Labels`].
    pub(crate) fn refs_in_label_order(&self) -> Vec<SeriesRef> {
        // A series is the list of its pairs' places in order of name and value; no label is compared.
        let ranks = self.index.ranks();
        // Of their size from the start: for millions of series a list that doubles is most of what a flush takes.
        let mut places: Vec<u32> = Vec::with_capacity(self.labels_len());
        let mut ends: Vec<usize> = Vec::with_capacity(self.series_len() as usize + 1);
        ends.push(0);
        for series in 0..self.series_len() {
            let pairs = self.series(series).pairs();
            places.extend(pairs.iter().map(|&pair| ranks[pair as usize]));
            ends.push(places.len());
        }
        // Sorted by two places at a time, which lie beside the series: comparing whole lists, of which no cache holds all, takes
        // several times as long.
        let place = |series: SeriesRef, at: usize| {
            let series = series as usize;
            let places = &places[ends[series]..ends[series + 1]];
            places.get(at).map_or(0, |&place| u64::from(place) + 1)
        };
        let mut order: Vec<(u64, SeriesRef)> = (0..self.series_len()).map(|n| (0, n)).collect();
        // Parts of the order that are in no order yet, and how many places the series of each have in common.
        let mut unsorted = vec![(0..order.len(), 0)];
        while let Some((range, common)) = unsorted.pop() {
            let mut start = range.start;
            let part = &mut order[range];
            for (key, series) in &mut *part {
                *key = place(*series, common) << 32 | place(*series, common + 1);
            }
            part.sort_unstable();
            for same in part.chunk_by(|(a, _), (b, _)| a == b) {
                let end = start + same.len();
                // Whose second place is none has no more pairs.
                let go_on = same.first().is_some_and(|(key, _)| key & 0xffff_ffff != 0);
                if go_on && same.len() > 1 {
                    unsorted.push((start..end, common + 2));
                }
                start = end;
            }
        }
        order.into_iter().map(|(_, series)| series).collect()
    }

    /// # Panics
    /// On a ref of another generation: refs come from this one and series are never removed.
    #[inline]
    pub(super) fn series(&self, series: SeriesRef) -> &Series {
        self.series.get(series).expect("a ref of this generation")
    }

    #[inline]
    pub(super) fn grow(&self, bytes: isize) {
        let before = self.sample_bytes.load(Ordering::Relaxed);
        self.sample_bytes.store(before + bytes, Ordering::Relaxed);
    }
}
