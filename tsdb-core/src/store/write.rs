//! What a write tells its caller, and when.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::series_limits::SeriesMaker;
use crate::error::Result;
use crate::model::Labels;
use crate::wal::Wal;

/// Why a sample was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectReason {
    /// Another value stands at the series' last timestamp.
    DuplicateTimestamp,
    /// Further ahead of the clock than allowed.
    TooFarInFuture,
    /// Older than the retention.
    TooOld,
    /// A native histogram whose parts do not fit together, or that is too large.
    InvalidHistogram,
    /// A string of more than [`MAX_STRING_BYTES`](crate::MAX_STRING_BYTES).
    StringTooLong,
    /// The series counts time in another unit, which has no tick for this moment.
    NoSuchTick,
    /// Of a time for which there would have to be another partition, while there are as many as may be.
    TooManyPartitions,
    /// The sample of a new series, while as many are active as may be.
    ActiveSeriesLimit,
    /// The sample of a new series, while as many began in the interval as may.
    NewSeriesLimit,
    /// The series has more labels than [`LabelLimits::count`](super::LabelLimits::count).
    TooManyLabels,
    /// A label's name is longer than [`LabelLimits::name_bytes`](super::LabelLimits::name_bytes).
    LabelNameTooLong,
    /// A label's value is longer than [`LabelLimits::value_bytes`](super::LabelLimits::value_bytes).
    LabelValueTooLong,
}

impl RejectReason {
    const ALL: [Self; 12] = [
        Self::DuplicateTimestamp,
        Self::TooFarInFuture,
        Self::TooOld,
        Self::InvalidHistogram,
        Self::StringTooLong,
        Self::NoSuchTick,
        Self::TooManyPartitions,
        Self::ActiveSeriesLimit,
        Self::NewSeriesLimit,
        Self::TooManyLabels,
        Self::LabelNameTooLong,
        Self::LabelValueTooLong,
    ];
}

impl fmt::Display for RejectReason {
    /// Prometheus's words, which its clients look for; our own where it has none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DuplicateTimestamp => "duplicate sample for timestamp",
            Self::TooFarInFuture => "out of bounds: timestamp is too far in the future",
            Self::TooOld => "out of bounds: timestamp is older than the retention",
            Self::InvalidHistogram => "invalid native histogram",
            Self::StringTooLong => "string value is too long",
            Self::NoSuchTick => {
                "the series counts time in a unit that does not have this timestamp"
            }
            Self::TooManyPartitions => {
                "out of bounds: there are samples of as many days as storage.max-partitions allows"
            }
            Self::ActiveSeriesLimit => "the limit of active series is reached",
            Self::NewSeriesLimit => "the limit of new series in an interval is reached",
            Self::TooManyLabels => "the series has more labels than labels.count allows",
            Self::LabelNameTooLong => "a label name is longer than labels.name_bytes allows",
            Self::LabelValueTooLong => "a label value is longer than labels.value_bytes allows",
        })
    }
}

/// One refused sample.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// Why.
    pub reason: RejectReason,
    /// Its series.
    pub labels: Labels,
    /// Its time, in milliseconds, rounded down.
    pub t_ms: i64,
}

/// The refused samples of a batch: how many for which reason, and the first few by name.
#[derive(Clone, Debug, Default)]
pub struct Rejected {
    counts: [u64; RejectReason::ALL.len()],
    first: Vec<Rejection>,
    pub(crate) makers: Vec<SeriesMaker>,
    pub(crate) retry_after: Duration,
}

impl Rejected {
    /// So many are kept by name.
    const NAMED: usize = 10;

    pub(crate) fn add(&mut self, reason: RejectReason, canonical: &[u8], t_ms: i64) {
        self.counts[reason as usize] += 1;
        if self.first.len() < Self::NAMED
            && let Ok(labels) = Labels::from_canonical(canonical)
        {
            self.first.push(Rejection {
                reason,
                labels,
                t_ms,
            });
        }
    }

    /// Number of refused samples.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Whether every sample was accepted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }

    /// The reasons that occurred, with the number of samples of each.
    pub fn counts(&self) -> impl Iterator<Item = (RejectReason, u64)> + '_ {
        RejectReason::ALL
            .into_iter()
            .zip(self.counts)
            .filter(|(_, n)| *n > 0)
    }

    /// Where a limit of series refused samples: the metrics that made the most new series in the interval.
    #[must_use]
    pub fn series_makers(&self) -> &[SeriesMaker] {
        &self.makers
    }

    /// Where new series were refused for now: until they are accepted again.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        self.retry_after
    }

    /// Whether a limit of series refused samples.
    pub(crate) fn by_series_limits(&self) -> bool {
        let n = |reason: RejectReason| self.counts[reason as usize];
        n(RejectReason::ActiveSeriesLimit) + n(RejectReason::NewSeriesLimit) > 0
    }

    /// The first refused samples, at most ten.
    #[must_use]
    pub fn first(&self) -> &[Rejection] {
        &self.first
    }
}

/// What became of a batch.
#[derive(Clone, Debug, Default)]
pub struct WriteReport {
    /// Samples accepted; equal repetitions of a stored sample count.
    pub accepted: u64,
    /// How many of those accepted are native histograms.
    pub accepted_histograms: u64,
    /// Exemplars accepted; equal repetitions of the last one count. They are not among the samples.
    pub accepted_exemplars: u64,
    /// Samples refused; the others of the batch are kept.
    pub rejected: Rejected,
}

/// A batch that is applied and not yet durable. Dropping it changes nothing: the batch becomes durable all the same.
#[must_use = "the batch is durable only when `wait` returns or the callback of `on_durable` runs"]
pub struct Commit {
    pub(crate) wal: Option<Arc<Wal>>,
    pub(crate) seq: u64,
    pub(crate) report: WriteReport,
}

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commit")
            .field("seq", &self.seq)
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl Commit {
    /// Waits until the batch, and every batch before it, is durable.
    ///
    /// # Errors
    /// [`Error::StorageFull`](crate::Error::StorageFull) (may be retried: an equal batch is accepted again) and
    /// [`Error::WritesStopped`](crate::Error::WritesStopped).
    pub fn wait(self) -> Result<WriteReport> {
        if let Some(wal) = self.wal {
            wal.wait(self.seq)?;
        }
        Ok(self.report)
    }

    /// Calls `done` once the batch is durable or cannot become so: from the log's thread, or at once.
    /// `done` must not block.
    pub fn on_durable(self, done: impl FnOnce(Result<WriteReport>) + Send + 'static) {
        let Self { wal, seq, report } = self;
        match wal {
            Some(wal) => wal.on_durable(seq, move |result| done(result.map(|()| report))),
            None => done(Ok(report)),
        }
    }
}
