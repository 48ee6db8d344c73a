//! (being written)
use crate::error::{Error, Result};
use crate::model::{Columns, Labels, Matcher, Sample, TimeRange, Value};

/// Reads a store over a range of time.
#[derive(Debug)]
pub struct Querier {
    pub(crate) range: TimeRange,
}

impl Querier {
    /// The series that match all `matchers` and may have samples in the range, in label order.
    ///
    /// # Errors
    /// When the index of a run cannot be read.
    pub fn select(&self, _matchers: &[Matcher]) -> Result<Vec<Series>> {
        Err(Error::Closed)
    }

    /// Label names, sorted, of the series that match any of the matcher sets; of all series when there is none.
    ///
    /// # Errors
    /// When the index of a run cannot be read.
    pub fn label_names(&self, _any_of: &[Vec<Matcher>]) -> Result<Vec<String>> {
        Err(Error::Closed)
    }

    /// Values of a label, sorted, of the series that match any of the matcher sets; of all series when there is none.
    ///
    /// # Errors
    /// When the index of a run cannot be read.
    pub fn label_values(&self, _name: &str, _any_of: &[Vec<Matcher>]) -> Result<Vec<String>> {
        Err(Error::Closed)
    }
}

/// One selected series with a snapshot of its samples.
#[derive(Debug)]
pub struct Series {
    labels: Labels,
    range: TimeRange,
}

impl Series {
    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Its samples inside the querier's range, times strictly rising, staleness markers included.
    ///
    /// # Errors
    /// When a file cannot be read or is damaged.
    pub fn samples(&self) -> Result<Samples> {
        let mut columns = Columns::default();
        self.read_into(self.range, &mut columns)?;
        Ok(Samples { columns, next: 0 })
    }

    /// Appends the samples inside `range` to `out`, times strictly rising, staleness markers included.
    ///
    /// # Errors
    /// When a file cannot be read or is damaged.
    pub fn read_into(&self, _range: TimeRange, _out: &mut Columns) -> Result<()> {
        Err(Error::Closed)
    }
}

/// Iterator over the samples of a series.
#[derive(Debug)]
pub struct Samples {
    columns: Columns,
    next: usize,
}

impl Iterator for Samples {
    type Item = Sample<'static>;

    fn next(&mut self) -> Option<Self::Item> {
        let t_ms = *self.columns.times_ms.get(self.next)?;
        let value = *self.columns.values.get(self.next)?;
        self.next += 1;
        Some(Sample {
            t_ms,
            value: Value::Float(value),
        })
    }
}
