//! Batches of senders that repeat themselves.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;

use super::lookup::Incoming;
use super::write::Commit;
use super::{Store, lane};
use crate::error::Result;
use crate::head::{FormKey, FormRef, Generation};
use crate::model::{BatchHistogram, LabelError, MetricMetadata, SeriesBuilder, WriteBatch};

/// Emptied batches that are kept, and the most memory of one of them in bytes.
const KEPT_BATCHES: usize = 8;
const KEPT_BYTES: usize = 4 << 20;

/// A batch for a decoder. It recognises the series of a sender that repeats itself by a keyed 128-bit hash of the bytes
/// in which it encodes the labels, so that the labels of a known series are neither read nor copied.
///
/// For each series of a request: [`recognize`](Self::recognize) the encoded labels; only if they are not known, decode
/// them and go on with [`series`](Self::series).
pub struct Writer {
    store: Arc<Store>,
    generation: Arc<Generation>,
    previous: Option<FormRef>,
    batch: WriteBatch,
}

/// Encoded labels that were not recognised.
#[derive(Clone, Copy, Debug)]
pub struct Encoding(FormKey);

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
            batch,
        }
    }

    /// Starts an entry of the series whose labels are encoded in these bytes, if they were seen before; else gives what
    /// [`series`](Self::series) takes to remember them.
    ///
    /// The bytes are those of one protocol and decide the labels: equal bytes are equal labels.
    ///
    /// # Errors
    /// Those of [`WriteBatch::series_canonical`] when the batch is too large.
    #[inline]
    pub fn recognize(
        &mut self,
        encoded: &[u8],
    ) -> std::result::Result<std::result::Result<SeriesBuilder<'_>, Encoding>, LabelError> {
        let key = self.store.form_hashers.each_ref().map(|state| {
            let mut hasher = state.build_hasher();
            hasher.write(encoded);
            hasher.finish()
        });
        match self.generation.recognize(self.previous, key) {
            Some((form, series)) => {
                self.previous = Some(form);
                self.batch.series_known(series).map(Ok)
            }
            None => {
                self.previous = None;
                Ok(Err(Encoding(key)))
            }
        }
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
        match encoding {
            Some(Encoding(key)) => self.batch.series_encoded(key, canonical),
            None => self.batch.series_canonical(canonical),
        }
    }

    /// Adds metadata of a metric family.
    pub fn metadata(&mut self, metadata: MetricMetadata) {
        self.batch.metadata(metadata);
    }

    /// The entries so far: canonical label bytes, and of the floats times in milliseconds and values.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], &[i64], &[f64])> {
        let incoming = self.incoming();
        self.batch.entries().iter().map(move |entry| {
            let (times_ms, values) = incoming.batch.samples_of(entry);
            (incoming.canonical(entry), times_ms, values)
        })
    }

    /// The native histograms so far: canonical label bytes, and the histograms.
    pub fn histograms(&self) -> impl Iterator<Item = (&[u8], &[BatchHistogram])> {
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
    pub fn submit(self) -> Result<Commit> {
        self.store.check_open()?;
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
