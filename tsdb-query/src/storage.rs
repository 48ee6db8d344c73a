//! What the evaluator needs of a storage: select series, then read their samples.

use std::fmt;
use std::sync::Arc;

use tsdb_core::{Columns, Db, Labels, Matcher, SelectHints, Series, TimeRange};

/// A storage failed while it was read.
#[derive(Debug)]
pub struct StorageError(pub Box<dyn std::error::Error + Send + Sync>);

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for StorageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

impl From<tsdb_core::Error> for StorageError {
    fn from(e: tsdb_core::Error) -> Self {
        Self(Box::new(e))
    }
}

/// Holds series, and may change while a query is evaluated.
pub trait Storage: Send + Sync {
    /// What these selectors select, all of one moment: a write is in all that is read from it, or in nothing.
    ///
    /// # Errors
    /// [`StorageError`] when the index cannot be read.
    fn snapshot<'a>(
        &'a self,
        selectors: &[&[Matcher]],
    ) -> Result<Box<dyn Snapshot + 'a>, StorageError>;
}

/// Selects series.
pub trait Snapshot: Send + Sync {
    /// The series that match all `matchers` and may have samples in the closed range `range`, in label order
    /// (`Labels: Ord`), each label set once. Matchers that the snapshot was not taken for may select of a later moment.
    ///
    /// # Errors
    /// [`StorageError`] when the index cannot be read.
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<Arc<dyn SeriesReader>>, StorageError>;

    /// As [`select`](Self::select), in less time with what is known of the use.
    ///
    /// # Errors
    /// Those of [`select`](Self::select).
    fn select_with(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        hints: SelectHints<'_>,
    ) -> Result<Vec<Arc<dyn SeriesReader>>, StorageError> {
        let _ = hints;
        self.select(matchers, range)
    }

    /// What is missing from the samples read so far, because the storage is damaged there: warnings of the answer.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A storage that does not change is a snapshot of itself.
impl<T: Snapshot> Storage for T {
    fn snapshot<'a>(&'a self, _: &[&[Matcher]]) -> Result<Box<dyn Snapshot + 'a>, StorageError> {
        Ok(Box::new(Same(self)))
    }
}

struct Same<'a, T>(&'a T);

impl<T: Snapshot> Snapshot for Same<'_, T> {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<Arc<dyn SeriesReader>>, StorageError> {
        self.0.select(matchers, range)
    }

    fn select_with(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        hints: SelectHints<'_>,
    ) -> Result<Vec<Arc<dyn SeriesReader>>, StorageError> {
        self.0.select_with(matchers, range, hints)
    }
}

/// One selected series.
pub trait SeriesReader: Send + Sync {
    /// Its labels.
    fn labels(&self) -> &Labels;

    /// Appends the samples inside the closed range to `out`, times strictly rising, staleness markers included, and since when
    /// they count where that is known and [`out` asks for it](Columns::with_start_times).
    /// `range` lies inside the range of the [`Snapshot::select`] that made this reader.
    ///
    /// # Errors
    /// [`StorageError`] when the samples cannot be read.
    fn read(&self, range: TimeRange, out: &mut Columns) -> Result<(), StorageError>;
}

impl Storage for Db {
    fn snapshot<'a>(
        &'a self,
        selectors: &[&[Matcher]],
    ) -> Result<Box<dyn Snapshot + 'a>, StorageError> {
        Ok(Box::new(Db::snapshot(self, selectors)?))
    }
}

impl Snapshot for tsdb_core::Snapshot {
    fn warnings(&self) -> Vec<String> {
        tsdb_core::Snapshot::warnings(self)
    }

    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<Arc<dyn SeriesReader>>, StorageError> {
        Snapshot::select_with(self, matchers, range, SelectHints::default())
    }

    fn select_with(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        hints: SelectHints<'_>,
    ) -> Result<Vec<Arc<dyn SeriesReader>>, StorageError> {
        let series = tsdb_core::Snapshot::select_with(self, matchers, range, hints)?;
        Ok(series
            .into_iter()
            .map(|s| Arc::new(s) as Arc<dyn SeriesReader>)
            .collect())
    }
}

impl SeriesReader for Series {
    fn labels(&self) -> &Labels {
        Series::labels(self)
    }

    fn read(&self, range: TimeRange, out: &mut Columns) -> Result<(), StorageError> {
        Ok(self.read_into(range, out)?)
    }
}
