//! Batches of senders that repeat themselves.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;

use foldhash::quality::RandomState;

use super::lookup::Incoming;
use super::write::Commit;
use super::{Store, lane};
use crate::error::Result;
use crate::head::{FormRef, Generation, Known, Sequence};
use crate::model::{
    BatchHistogram, Encoding, FormKey, LabelError, MetricMetadata, SeriesBuilder, WriteBatch,
};

/// Emptied batches that are kept, and the most memory of one of them in bytes.
const KEPT_BATCHES: usize = 8;
const KEPT_BYTES: usize = 4 << 20;

/// After so many wrong guesses in a row no more are made. A fuzzer makes short requests.
const WRONG_GUESSES: usize = if cfg!(fuzzing) { 1 } else { 8 };

/// A batch for a decoder. It recognises the series of a sender that repeats itself by a keyed 128-bit hash of the bytes
/// in which it encodes the labels, so that the labels of a known series are neither read nor copied.
///
/// For each series of a request: [`recognize`](Self::recognize) the encoded labels, where they stand first perhaps with
/// [`recognize_next`](Self::recognize_next), those of many series with [`recognize_all`](Self::recognize_all); only if they are not known,
/// decode them and go on with [`series`](Self::series).
///
/// Where labels refer to symbols that stand elsewhere, [`begin_symbols`](Self::begin_symbols), and for each series
/// [`recognize_by_symbols`](Self::recognize_by_symbols) or, if that does not know it, [`recognize_parts`](Self::recognize_parts).
pub struct Writer {
    store: Arc<Store>,
    generation: Arc<Generation>,
    previous: Option<FormRef>,
    /// Guesses in a row that were wrong.
    wrong_guesses: usize,
    /// Memory that is used again.
    found: Vec<Option<Known>>,
    symbols: Option<Symbols>,
    batch: WriteBatch,
}

/// The table of symbols that the encoded labels of a request refer to.
struct Symbols {
    table: FormKey,
    /// The series of an earlier request with this table.
    learned: Option<Arc<Sequence>>,
    /// Those of this request that were recognised, if there was no earlier one.
    own: Sequence,
    /// Where in the sequence the series is that comes next.
    next: usize,
    /// Whether a series came that was not expected.
    strayed: bool,
}

/// A part of encodings of labels: a name or a value.
#[derive(Clone, Copy, Debug)]
pub struct Part(FormKey);

/// A series whose encoded labels were recognised.
#[derive(Clone, Copy, Debug)]
pub struct KnownSeries(Known);

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("batch", &self.batch)
            .finish_non_exhaustive()
    }
}

impl Writer {
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        let batch = store.batches.lock().pop().unwrap_or_default();
        Self {
            store: Arc::clone(store),
            generation: Arc::clone(&store.view.get().active),
            previous: None,
            wrong_guesses: 0,
            found: Vec::new(),
            symbols: None,
            batch,
        }
    }

    /// The series that came after the entry before this one the last time, if the bytes begin with its encoded labels;
    /// and how many of them these are. Nothing of the bytes needs to be decoded to find out.
    #[inline]
    #[must_use]
    pub fn recognize_next(&mut self, bytes: &[u8]) -> Option<(KnownSeries, usize)> {
        let previous = self.previous?;
        let recognition = self.generation.recognition();
        let guess = recognition.guess(previous, bytes, |b| self.key_of(b));
        self.wrong_guesses = match guess {
            Some(_) => 0,
            None => self.wrong_guesses + 1,
        };
        let (known, len) = guess?;
        Some((KnownSeries(known), len))
    }

    /// Whether series come as they came the last time, as far as this request shows. If they do not,
    /// [`recognize_all`](Self::recognize_all) takes less time than one after the other.
    #[must_use]
    pub fn is_in_order(&self) -> bool {
        self.wrong_guesses < WRONG_GUESSES
    }

    /// As [`recognize`](Self::recognize), of the series that come next; `encoded` are their encoded labels. What becomes of each is added
    /// to `found`.
    pub fn recognize_all(
        &mut self,
        encoded: &[&[u8]],
        found: &mut Vec<std::result::Result<KnownSeries, Encoding>>,
    ) {
        let encodings: Vec<Encoding> = encoded.iter().map(|bytes| self.encoding(bytes)).collect();
        self.found.clear();
        let recognition = self.generation.recognition();
        let guessed = recognition.find_all(self.previous, &encodings, &mut self.found);
        if guessed > encodings.len() / 2 {
            self.wrong_guesses = 0;
        }
        let all = self.found.iter().zip(encodings);
        found.extend(all.map(|(known, encoding)| known.map(KnownSeries).ok_or(encoding)));
    }

    /// The series whose labels are encoded in these bytes, if they were seen before; else what [`series`](Self::series)
    /// takes to remember them.
    ///
    /// The bytes are those of one protocol and decide the labels: equal bytes are equal labels.
    ///
    /// # Errors
    /// The encoding, if it is not known.
    pub fn recognize(&self, encoded: &[u8]) -> std::result::Result<KnownSeries, Encoding> {
        self.find(self.encoding(encoded))
    }

    fn encoding(&self, encoded: &[u8]) -> Encoding {
        Encoding {
            key: self.key_of(encoded),
            len: u32::try_from(encoded.len()).unwrap_or(u32::MAX),
        }
    }

    /// What encodings are recognised by that are made of parts which stand elsewhere, each more than once.
    #[must_use]
    pub fn part(&self, bytes: &[u8]) -> Part {
        Part(self.key_of(bytes))
    }

    /// The series whose labels these parts make, as [`recognize`](Self::recognize).
    ///
    /// # Errors
    /// The encoding, if it is not known.
    pub fn recognize_parts<'a>(
        &self,
        parts: impl Iterator<Item = &'a Part>,
    ) -> std::result::Result<KnownSeries, Encoding> {
        let [first, second] = &self.store.form_hashers;
        let (mut first, mut second) = (first.build_hasher(), second.build_hasher());
        for Part([a, b]) in parts {
            first.write_u64(*a);
            second.write_u64(*b);
        }
        // No bytes to begin with: such an encoding is found by its key alone.
        self.find(Encoding {
            key: [first.finish(), second.finish()],
            len: u32::MAX,
        })
    }

    /// Begins a request whose encoded labels refer to symbols that stand elsewhere; `table` are the bytes that decide all of them.
    pub fn begin_symbols(&mut self, table: &[u8]) {
        let table = self.key_of(table);
        self.symbols = Some(Symbols {
            table,
            learned: self.generation.symbol_tables().get(table),
            own: Sequence::default(),
            next: 0,
            strayed: false,
        });
    }

    /// The series that comes next as far as is known of earlier requests with these symbols, or came first in this one, if the bytes
    /// begin with its encoded labels; and how many of them these are.
    #[inline]
    pub fn recognize_by_symbols(&mut self, bytes: &[u8]) -> Option<(KnownSeries, usize)> {
        let symbols = self.symbols.as_mut()?;
        let sequence = symbols.learned.as_deref().unwrap_or(&symbols.own);
        // The first: a request may have several scrapes.
        let found = [symbols.next, 0]
            .into_iter()
            .find_map(|place| Some((place, sequence.at(place, bytes)?)));
        let Some((place, (known, len))) = found else {
            symbols.strayed = true;
            return None;
        };
        symbols.next = place + 1;
        Some((KnownSeries(known), len))
    }

    /// Tells that these bytes encode the labels of a series that was not recognised by its symbols.
    pub fn expect_by_symbols(&mut self, encoded: &[u8], known: KnownSeries) {
        if let Some(symbols) = &mut self.symbols
            && symbols.learned.is_none()
        {
            symbols.own.push(encoded, known.0);
            symbols.next = symbols.own.len();
        }
    }

    /// Remembers the series of a request for the next one with the same symbols.
    fn learn_symbols(&mut self) {
        let Some(symbols) = self.symbols.take() else {
            return;
        };
        let tables = self.generation.symbol_tables();
        if symbols.learned.is_some() {
            // What was expected is not what comes: it is learned anew.
            if symbols.strayed {
                tables.forget(symbols.table);
            }
        } else if tables.is_sighted(symbols.table) {
            tables.learn(symbols.table, symbols.own, self.generation.series_len());
        }
    }

    fn find(&self, encoding: Encoding) -> std::result::Result<KnownSeries, Encoding> {
        let recognition = self.generation.recognition();
        let known = recognition.find(self.previous, encoding.key);
        known.map(KnownSeries).ok_or(encoding)
    }

    #[inline]
    fn key_of(&self, encoded: &[u8]) -> FormKey {
        let hash = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            hasher.write(encoded);
            hasher.finish()
        };
        let [first, second] = &self.store.form_hashers;
        [hash(first), hash(second)]
    }

    /// Starts an entry of a series that was recognised.
    ///
    /// # Errors
    /// Those of [`WriteBatch::series_canonical`] when the batch is too large.
    #[inline]
    pub fn known_series(
        &mut self,
        known: KnownSeries,
    ) -> std::result::Result<SeriesBuilder<'_>, LabelError> {
        let KnownSeries(Known { form, series }) = known;
        self.previous = Some(form);
        self.batch.series_known(series)
    }

    /// Starts an entry with canonical label bytes; `encoding` is the sender's form of them, to be recognised from now on.
    ///
    /// # Errors
    /// Those of [`WriteBatch::series_canonical`].
    pub fn series(
        &mut self,
        encoding: Option<Encoding>,
        canonical: &[u8],
    ) -> std::result::Result<SeriesBuilder<'_>, LabelError> {
        self.previous = None;
        match encoding {
            Some(encoding) => self.batch.series_encoded(encoding, canonical),
            None => self.batch.series_canonical(canonical),
        }
    }

    /// Adds metadata of a metric family.
    pub fn metadata(&mut self, metadata: MetricMetadata) {
        self.batch.metadata(metadata);
    }

    /// The entries so far: canonical label bytes, and of the floats times in milliseconds and values.
    pub fn entries(&self) -> impl Iterator<Item = (Cow<'_, [u8]>, &[i64], &[f64])> {
        let incoming = self.incoming();
        self.batch.entries().iter().map(move |entry| {
            let (times_ms, values) = incoming.batch.samples_of(entry);
            (incoming.canonical(entry), times_ms, values)
        })
    }

    /// The native histograms so far: canonical label bytes, and the histograms.
    pub fn histograms(&self) -> impl Iterator<Item = (Cow<'_, [u8]>, &[BatchHistogram])> {
        let incoming = self.incoming();
        self.batch.entries().iter().map(move |entry| {
            (
                incoming.canonical(entry),
                incoming.batch.histograms_of(entry),
            )
        })
    }

    fn incoming(&self) -> Incoming<'_> {
        Incoming {
            batch: &self.batch,
            recognized_in: Some(&self.generation),
        }
    }

    /// The metadata so far.
    #[must_use]
    pub fn metadata_entries(&self) -> &[MetricMetadata] {
        self.batch.metadata_entries()
    }

    /// Number of exemplars.
    #[must_use]
    pub fn exemplars_len(&self) -> usize {
        self.batch.exemplars_len()
    }

    /// Bytes of text: of the labels of all entries and exemplars, and of the metadata.
    #[must_use]
    pub fn text_len(&self) -> usize {
        self.batch.text_len()
    }

    /// Number of samples.
    #[must_use]
    pub fn samples_len(&self) -> usize {
        self.batch.samples_len()
    }

    /// Whether there is neither a series nor metadata.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Applies the batch and returns before it is durable, as [`Db::submit`](crate::Db::submit) does.
    ///
    /// # Errors
    /// Those of [`Db::submit`](crate::Db::submit); nothing of the batch is applied then.
    pub fn submit(mut self) -> Result<Commit> {
        self.store.check_open()?;
        self.learn_symbols();
        lane::submit(&self.store, self.incoming())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.batch.bytes() > KEPT_BYTES {
            return;
        }
        let mut batch = std::mem::take(&mut self.batch);
        batch.clear();
        let mut kept = self.store.batches.lock();
        if kept.len() < KEPT_BATCHES {
            kept.push(batch);
        }
    }
}
