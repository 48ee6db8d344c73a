//! The log becomes generations again.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::exemplars::Exemplars;
use super::figures::{self, Counters};
use super::lookup::hash_labels;
use super::metadata::MetadataFile;
use super::tombstones::Tombstones;
use crate::disk::{LossCause, LostRange};
use crate::error::{Error, Result};
use crate::head::{Generation, NewValue, PairRef, SeriesRef, Since};
use crate::index::DeletedSeries;
use crate::model::{TimeRange, TimeUnit, Tombstone};
use crate::read::Deletions;
use crate::wal::{Damage, DefinedLabels, RecordItem, read_record};

/// Takes in the frames of the log in order.
#[derive(Debug)]
pub(super) struct Replay<'a> {
    pub(super) hasher: foldhash::fast::RandomState,
    metadata: &'a MetadataFile,
    exemplars: &'a Exemplars,
    /// The frame up to which their file has them.
    saved_exemplars: u64,
    tombstones: &'a mut Tombstones,
    /// What is deleted of all generations but the last.
    pub(super) deletions: Deletions,
    pub(super) generations: Vec<Generation>,
    /// Of the last generation: from the number in the log to the series. They agree unless definitions were lost.
    refs: Vec<Option<SeriesRef>>,
    interned: Interned,
    pub(super) shifted: bool,
    pub(super) dropped_samples: u64,
    /// Where numbers of frames do not follow each other: the frames on both sides.
    gaps: Vec<(Option<FrameTimes>, FrameTimes)>,
    last: Option<FrameTimes>,
    /// When samples of the log can have been taken, where no frame beside a gap tells more.
    within: TimeRange,
}

/// The label pairs of a record in its generation, and room for a label set.
#[derive(Debug, Default)]
struct Interned {
    /// By their place in the record.
    pairs: Vec<Option<PairRef>>,
    of_series: Vec<PairRef>,
    canonical: Vec<u8>,
}

/// The number of a frame, and the times of its samples.
#[derive(Clone, Copy, Debug)]
struct FrameTimes {
    seq: u64,
    range: TimeRange,
}

impl<'a> Replay<'a> {
    /// `within` is when samples of the log can have been taken, as far as it is not told by the log: from the newest sample
    /// of the runs to the latest time that is accepted.
    pub(super) fn new(
        metadata: &'a MetadataFile,
        exemplars: &'a Exemplars,
        tombstones: &'a mut Tombstones,
        within: TimeRange,
    ) -> Self {
        Self {
            hasher: foldhash::fast::RandomState::default(),
            metadata,
            saved_exemplars: exemplars.seq(),
            exemplars,
            tombstones,
            deletions: Deletions::default(),
            generations: Vec::new(),
            refs: Vec::new(),
            interned: Interned::default(),
            shifted: false,
            dropped_samples: 0,
            gaps: Vec::new(),
            last: None,
            within,
        }
    }

    /// Takes in a frame.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a record that this program does not know.
    pub(super) fn frame(&mut self, generation: u64, seq: u64, payload: &[u8]) -> Result<()> {
        if self
            .generations
            .last()
            .is_none_or(|last| last.id() != generation)
        {
            self.generations.push(Generation::new(generation));
            self.refs.clear();
            self.shifted = false;
        }
        let Some((generation, older)) = self.generations.split_last() else {
            return Ok(());
        };
        let (tombstones, frozen) = (&mut *self.tombstones, &mut self.deletions.frozen);
        let mut deleted = Ok(());
        let (refs, hasher, shifted) = (&mut self.refs, &self.hasher, &mut self.shifted);
        let dropped = &mut self.dropped_samples;
        let interned = &mut self.interned;
        interned.pairs.clear();
        let mut times: Option<TimeRange> = None;
        let mut at = |series: SeriesRef, tick: i64| {
            let t_ms = generation.unit(series).to_ms(tick);
            let range = times.get_or_insert(TimeRange::new(t_ms, t_ms));
            *range = TimeRange::new(range.start_ms.min(t_ms), range.end_ms.max(t_ms));
        };
        let read = read_record(payload, |item| match item {
            RecordItem::Series {
                series,
                unit,
                labels,
            } => {
                let at = series as usize;
                if refs.len() <= at {
                    refs.resize(at + 1, None);
                }
                // A number means one series in a whole generation: this may be its second definition.
                if refs[at].is_none() {
                    let made = define(generation, hasher, interned, &labels, unit);
                    *shifted |= made != series;
                    refs[at] = Some(made);
                }
            }
            RecordItem::Sample {
                series,
                t_ms,
                start_ms,
                bits,
            } => match refs.get(series as usize).copied().flatten() {
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
            } => {
                match refs.get(series as usize).copied().flatten() {
                    // What is not storable was never logged.
                    Some(series) if histogram.is_storable() => {
                        at(series, t_ms);
                        append(generation, series, t_ms, start_ms, &histogram);
                    }
                    _ => *dropped += 1,
                }
            }
            RecordItem::Field {
                series,
                t_ms,
                value,
            } => match refs.get(series as usize).copied().flatten() {
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
                self.exemplars.replay(seq, saved, series, exemplar);
            }
            RecordItem::Tombstone(tombstone) => {
                let done = delete(generation, older, frozen, &tombstone);
                deleted = std::mem::replace(&mut deleted, Ok(())).and(done);
                tombstones.add(tombstone);
            }
        });
        deleted?;
        self.note_times(seq, times);
        // The frame's checksum is right, so this is a record that this program does not know.
        read.map_err(|e| Error::corrupt("(write-ahead log)", e.at as u64, e.what))
    }

    /// Keeps the times of the frames beside a gap.
    fn note_times(&mut self, seq: u64, times: Option<TimeRange>) {
        let before = self.last;
        let this = FrameTimes {
            seq,
            range: times.unwrap_or(TimeRange::new(self.within.end_ms, self.within.end_ms)),
        };
        if before.is_none_or(|last| last.seq.checked_add(1) != Some(seq)) {
            self.gaps.push((before, this));
        }
        self.last = match (times, before) {
            // A frame without samples tells of no time.
            (None, Some(before)) => Some(FrameTimes { seq, ..before }),
            _ => Some(this),
        };
    }

    /// What is lost by damage in the log. When the samples of frames that are gone were taken can only be told from the
    /// frames around them.
    pub(super) fn lost_by(&self, damage: &Damage) -> Option<LostRange> {
        damage.lost_seqs.as_ref().map(|seqs| LostRange {
            range: self.times_around(seqs),
            series: None,
            samples: None,
            cause: LossCause::DamagedLog,
        })
    }

    /// Tells of damage in the log, and gives what is lost by it, with the generation.
    pub(super) fn tell_lost(
        &self,
        damages: &[Damage],
        counters: &Counters,
    ) -> Arc<[(u64, LostRange)]> {
        let mut lost_in_log = Vec::new();
        for damage in damages {
            figures::count(&counters.corruptions, 1);
            let lost = self.lost_by(damage);
            tracing::warn!(
                path = %damage.path.display(),
                offset = damage.offset,
                bytes = damage.bytes,
                lost_frames = damage.lost_seqs.as_ref().map(|seqs| seqs.end() - seqs.start() + 1),
                lost_from_ms = lost.map(|lost| lost.range.start_ms),
                lost_to_ms = lost.map(|lost| lost.range.end_ms),
                "damage in the write-ahead log, what follows is kept: {}", damage.what
            );
            lost_in_log.extend(lost.map(|lost| (damage.generation, lost)));
        }
        lost_in_log.into()
    }

    fn times_around(&self, seqs: &RangeInclusive<u64>) -> TimeRange {
        let beside = self.gaps.iter().find(|(before, after)| {
            before.is_none_or(|before| before.seq < *seqs.start()) && after.seq > *seqs.end()
        });
        let (before, after) = match beside {
            Some((before, after)) => (*before, Some(*after)),
            None => (self.last, None),
        };
        let TimeRange { start_ms, end_ms } = self.within;
        let before = before.map_or(TimeRange::new(start_ms, start_ms), |frame| frame.range);
        let after = after.map_or(TimeRange::new(end_ms, end_ms), |frame| frame.range);
        TimeRange::new(
            before.start_ms.min(after.start_ms),
            before.end_ms.max(after.end_ms),
        )
    }
}

/// The series with these labels, which is made if it is not there.
fn define(
    generation: &Generation,
    hasher: &foldhash::fast::RandomState,
    interned: &mut Interned,
    labels: &DefinedLabels<'_>,
    unit: TimeUnit,
) -> SeriesRef {
    interned.of_series.clear();
    interned.canonical.clear();
    for (place, pair) in labels.iter() {
        if interned.pairs.len() <= place {
            interned.pairs.resize(place + 1, None);
        }
        let number = *interned.pairs[place].get_or_insert_with(|| generation.number_of_pair(pair));
        interned.of_series.push(number);
        interned.canonical.extend_from_slice(pair);
    }
    let hash = hash_labels(hasher, &interned.canonical);
    generation
        .find(hash, &interned.canonical)
        .unwrap_or_else(|| generation.replay(hash, &interned.of_series, unit))
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
