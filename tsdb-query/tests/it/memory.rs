//! A storage in memory: a map from label sets to samples.

use std::collections::BTreeMap;
use std::sync::Arc;

use tsdb_core::{Columns, Labels, Matcher, TimeRange};
use tsdb_query::{SeriesReader, Snapshot, StorageError};

/// Samples by label set, times rising.
pub(crate) type Data = BTreeMap<Labels, Vec<(i64, f64)>>;

/// Holds what it was made of.
pub(crate) struct Memory {
    series: Vec<Arc<MemorySeries>>,
}

struct MemorySeries {
    labels: Labels,
    columns: Columns,
}

impl Memory {
    pub(crate) fn new(data: &Data) -> Self {
        let series = data.iter().map(|(labels, samples)| {
            let mut columns = Columns::default();
            for &(t_ms, value) in samples {
                columns.push(t_ms, value);
            }
            Arc::new(MemorySeries {
                labels: labels.clone(),
                columns,
            })
        });
        Self {
            series: series.collect(),
        }
    }
}

impl Snapshot for Memory {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<Arc<dyn SeriesReader>>, StorageError> {
        let matches = |labels: &Labels| {
            matchers
                .iter()
                .all(|m| m.matches(labels.get(m.name()).unwrap_or("")))
        };
        Ok(self
            .series
            .iter()
            .filter(|s| matches(&s.labels))
            .filter(|s| s.columns.times_ms.iter().any(|&t| range.contains(t)))
            .map(|s| Arc::clone(s) as Arc<dyn SeriesReader>)
            .collect())
    }
}

impl SeriesReader for MemorySeries {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn read(&self, range: TimeRange, out: &mut Columns) -> Result<(), StorageError> {
        let times = &self.columns.times_ms;
        let first = times.partition_point(|&t| t < range.start_ms);
        let end = times.partition_point(|&t| t <= range.end_ms).max(first);
        out.times_ms.extend_from_slice(&times[first..end]);
        out.values
            .extend_from_slice(&self.columns.values[first..end]);
        Ok(())
    }
}
