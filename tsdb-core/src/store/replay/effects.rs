//! What frames do beside defining series.

use std::collections::HashMap;
use std::sync::Arc;

use super::series::Made;
use super::times::FrameTimes;
use super::unknown_record;
use crate::error::Result;
use crate::head::{Generation, NewValue, SeriesRef, Since};
use crate::index::DeletedSeries;
use crate::model::{TimeRange, Tombstone};
use crate::read::Deletions;
use crate::store::exemplars::Exemplars;
use crate::store::metadata::MetadataFile;
use crate::store::tombstones::Tombstones;
use crate::wal::{Frame, RecordItem, read_record};

/// Appends the samples, and takes in the rest.
#[derive(Debug)]
pub(super) struct Effects<'a> {
    metadata: &'a MetadataFile,
    exemplars: &'a Exemplars,
    /// The frame up to which their file has them.
    saved_exemplars: u64,
    tombstones: &'a mut Tombstones,
    pub(super) deletions: Deletions,
    /// Of the last generation: from the number in the log to the series. They agree unless definitions were lost.
    refs: Vec<Option<SeriesRef>>,
    pub(super) dropped_samples: u64,
    pub(super) times: FrameTimes,
}

impl<'a> Effects<'a> {
    pub(super) fn new(
        metadata: &'a MetadataFile,
        exemplars: &'a Exemplars,
        tombstones: &'a mut Tombstones,
        within: TimeRange,
    ) -> Self {
        Self {
            metadata,
            saved_exemplars: exemplars.seq(),
            exemplars,
            tombstones,
            deletions: Deletions::default(),
            refs: Vec::new(),
            dropped_samples: 0,
            times: FrameTimes::new(within),
        }
    }

    pub(super) fn begin_generation(&mut self) {
        self.refs.clear();
    }

    /// Does what a frame says, of which series were `made`.
    ///
    /// # Errors
    /// [`Error::Corrupt`](crate::Error::Corrupt) for a record that this program does not know.
    pub(super) fn frame(
        &mut self,
        generation: &Generation,
        older: &[Generation],
        frame: &Frame<'_>,
        made: &[Made],
    ) -> Result<()> {
        for &(number, series) in made {
            let at = number as usize;
            if self.refs.len() <= at {
                self.refs.resize(at + 1, None);
            }
            self.refs[at] = Some(series);
        }
        let (tombstones, frozen) = (&mut *self.tombstones, &mut self.deletions.frozen);
        let mut deleted = Ok(());
        let refs = &self.refs;
        let series_of = |number: u32| refs.get(number as usize).copied().flatten();
        let dropped = &mut self.dropped_samples;
        let mut times: Option<TimeRange> = None;
        let mut at = |series: SeriesRef, tick: i64| {
            let t_ms = generation.unit(series).to_ms(tick);
            let range = times.get_or_insert(TimeRange::new(t_ms, t_ms));
            *range = TimeRange::new(range.start_ms.min(t_ms), range.end_ms.max(t_ms));
        };
        let read = read_record(frame.payload, |item| match item {
            RecordItem::Sample {
                series,
                t_ms,
                start_ms,
                bits,
            } => match series_of(series) {
                Some(series) => {
                    at(series, t_ms);
                    append(generation, series, t_ms, start_ms, bits);
                }
                None => *dropped += 1,
            },
            RecordItem::Histogram {
                series,
                t_ms,
                start_ms,
                histogram,
            } => match series_of(series) {
                // What is not storable was never logged.
                Some(series) if histogram.is_storable() => {
                    at(series, t_ms);
                    append(generation, series, t_ms, start_ms, &histogram);
                }
                _ => *dropped += 1,
            },
            RecordItem::Field {
                series,
                t_ms,
                value,
            } => match series_of(series) {
                Some(series) if value.is_storable() => {
                    at(series, t_ms);
                    generation.append(series, t_ms, &value);
                }
                _ => *dropped += 1,
            },
            RecordItem::Metadata(metadata) => {
                self.metadata.set(&metadata);
            }
            RecordItem::Exemplar { series, exemplar } => {
                let saved = self.saved_exemplars;
                self.exemplars.replay(frame.seq, saved, series, exemplar);
            }
            RecordItem::Tombstone(tombstone) => {
                let done = delete(generation, older, frozen, &tombstone);
                deleted = std::mem::replace(&mut deleted, Ok(())).and(done);
                tombstones.add(tombstone);
            }
        });
        deleted?;
        self.times.add(frame.seq, times);
        read.map_err(unknown_record)
    }
}

/// Appends a sample; its start time is 0 for none.
#[inline]
fn append(
    generation: &Generation,
    series: SeriesRef,
    t_ms: i64,
    start_ms: i64,
    value: impl NewValue,
) {
    match start_ms {
        0 => generation.append(series, t_ms, value),
        _ => generation.append(series, t_ms, Since { start_ms, value }),
    }
}

/// Deletes what a tombstone names from the generation whose log has it, and hides it in the older ones.
fn delete(
    generation: &Generation,
    older: &[Generation],
    frozen: &mut HashMap<u64, Arc<DeletedSeries>>,
    tombstone: &Tombstone,
) -> Result<()> {
    generation.delete(tombstone)?;
    for generation in older {
        generation.forget_last(tombstone)?;
        let known = frozen.get(&generation.id()).map(|deleted| &**deleted);
        let series = generation.newly_deleted(tombstone, known)?;
        if !series.is_empty() {
            let deleted = frozen.entry(generation.id()).or_default();
            Arc::make_mut(deleted).extend(tombstone, &series);
        }
    }
    Ok(())
}
