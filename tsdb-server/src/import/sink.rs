//! Where imported samples go: batches of a bounded size.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tsdb_core::{Db, MetricMetadata, Reservation, SeriesBuilder, WriteReport, Writer};

use crate::ingest::{LabelSet, WriteError};

/// A batch is written when it holds as much as one of these.
const BATCH_SAMPLES: usize = 16_384;
const BATCH_BYTES: usize = 4 << 20;
const BATCH_METADATA: usize = 1_000;

/// Takes samples and writes them, batch by batch, each durable before the next begins.
#[derive(Debug)]
pub(crate) struct Sink {
    db: Db,
    writer: Writer,
    /// Bytes of labels and histograms in the batch.
    bytes: usize,
    summary: Summary,
    /// Series with samples so far, for who waits for some.
    taken: Arc<AtomicU64>,
}

/// What became of an import.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    /// Samples that are in the store.
    pub(crate) accepted: u64,
    /// How many of what were refused.
    refused: BTreeMap<String, u64>,
    /// The first reason.
    first: Option<String>,
}

impl Summary {
    /// Counts what was left out.
    pub(super) fn refuse(&mut self, what: String, n: u64, reason: impl FnOnce() -> String) {
        *self.refused.entry(what).or_default() += n;
        self.first.get_or_insert_with(reason);
    }

    /// Counts what became of a batch.
    pub(super) fn add(&mut self, report: &WriteReport) {
        self.accepted += report.accepted;
        for (reason, n) in report.rejected.counts() {
            let first = report.rejected.first().iter().find(|r| r.reason == reason);
            self.refuse(format!("samples ({reason})"), n, || match first {
                Some(r) => format!("{reason}: series {:?}, timestamp {}", r.labels, r.t_ms),
                None => reason.to_string(),
            });
        }
    }

    /// The first reason and the counts; `None` when everything was accepted.
    pub(crate) fn refusal(&self) -> Option<String> {
        let first = self.first.as_ref()?;
        Some(format!("{first}; {self}"))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.refused.is_empty() {
            let refused = self.refused.iter().map(|(what, n)| format!("{n} {what}"));
            write!(f, "refused: {}; ", refused.collect::<Vec<_>>().join(", "))?;
        }
        write!(f, "accepted: {} samples", self.accepted)
    }
}

impl Sink {
    pub(crate) fn new(db: Db) -> Self {
        Self {
            writer: db.writer(),
            db,
            bytes: 0,
            summary: Summary::default(),
            taken: Arc::default(),
        }
    }

    /// Takes memory of the store's budget for what is read.
    ///
    /// # Errors
    /// 503 when there is none.
    pub(super) fn reserve(&self, bytes: usize) -> Result<Reservation, WriteError> {
        Ok(self.db.memory().reserve(bytes as u64)?)
    }

    /// Adds samples of a series; `size` is about what they take, in bytes. Labels that are not valid are refused, and
    /// `place` says where they stand.
    ///
    /// # Errors
    /// When a batch cannot be written.
    pub(crate) fn add(
        &mut self,
        labels: &mut LabelSet<'_>,
        size: usize,
        place: impl FnOnce() -> String,
        fill: impl FnOnce(&mut SeriesBuilder<'_>),
    ) -> Result<(), WriteError> {
        let added = match labels.canonical() {
            Ok(canonical) => {
                self.taken.fetch_add(1, Ordering::Relaxed);
                self.bytes += canonical.len() + size;
                let series = self.writer.series(None, canonical);
                series
                    .map(|mut series| fill(&mut series))
                    .map_err(|e| e.to_string())
            }
            Err(reason) => Err(reason.to_owned()),
        };
        if let Err(reason) = added {
            let what = "series with invalid labels".to_owned();
            self.summary.refuse(what, 1, || {
                format!(
                    "{}: invalid labels: {reason}: series {}",
                    place(),
                    labels.shown()
                )
            });
        }
        self.write_if_full()
    }

    /// Adds metadata.
    ///
    /// # Errors
    /// When a batch cannot be written.
    pub(crate) fn add_metadata(&mut self, metadata: MetricMetadata) -> Result<(), WriteError> {
        self.bytes += metadata.metric.len() + metadata.help.len();
        self.writer.metadata(metadata);
        self.write_if_full()
    }

    /// Counts `n` of what was left out of the source.
    pub(crate) fn refuse(&mut self, what: &str, n: u64, reason: impl FnOnce() -> String) {
        self.summary.refuse(what.to_owned(), n, reason);
    }

    fn write_if_full(&mut self) -> Result<(), WriteError> {
        let full = self.writer.samples_len() >= BATCH_SAMPLES
            || self.bytes >= BATCH_BYTES
            || self.writer.metadata_entries().len() >= BATCH_METADATA;
        if full { self.write() } else { Ok(()) }
    }

    /// Writes what waits, and returns once it is durable.
    ///
    /// # Errors
    /// When it cannot be written; what was written before is in the store.
    pub(crate) fn write(&mut self) -> Result<(), WriteError> {
        if self.writer.is_empty() {
            return Ok(());
        }
        let writer = std::mem::replace(&mut self.writer, self.db.writer());
        self.bytes = 0;
        let report = writer.submit()?.wait()?;
        self.summary.add(&report);
        Ok(())
    }

    /// Rises with every series that samples came for.
    pub(super) fn taken(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.taken)
    }

    /// What became of the import so far.
    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The same, for who writes without the sink.
    pub(super) fn summary_mut(&mut self) -> &mut Summary {
        &mut self.summary
    }
}
