//! The log becomes generations again.
//!
//! Two threads share the work: one verifies the frames and makes the [`series`] that they define, one follows it some frames behind
//! and does what else the frames say, their [`effects`]. Where the log has more than series and samples, its order is kept: a
//! delete finds at most series that have no samples yet.

mod effects;
mod series;
mod times;

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use effects::Effects;
use series::{Made, SeriesReplay};

use super::exemplars::Exemplars;
use super::figures::{self, Counters};
use super::metadata::MetadataFile;
use super::tombstones::Tombstones;
use crate::codec::DecodeError;
use crate::disk::{LossCause, LostRange};
use crate::error::{Error, Result};
use crate::head::Generation;
use crate::model::TimeRange;
use crate::read::Deletions;
use crate::wal::{Damage, Frame, Frames};

/// Frames whose series are made and whose samples are not appended yet, at most.
const FRAMES_AHEAD: usize = 64;

/// Takes in the frames of the log in order.
#[derive(Debug)]
pub(super) struct Replay<'a> {
    generations: Vec<Generation>,
    series: SeriesReplay,
    effects: Effects<'a>,
}

/// What the log became.
#[derive(Debug)]
pub(super) struct Replayed {
    pub(super) generations: Vec<Generation>,
    /// What is deleted of all generations but the last.
    pub(super) deletions: Deletions,
    /// Of the lookups of the generations.
    pub(super) hasher: foldhash::fast::RandomState,
    /// Whether series of the last generation have other numbers than in the log: definitions were lost.
    pub(super) shifted: bool,
    /// Samples of series whose definitions were lost.
    pub(super) dropped_samples: u64,
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
            generations: Vec::new(),
            series: SeriesReplay::default(),
            effects: Effects::new(metadata, exemplars, tombstones, within),
        }
    }

    /// Takes in frames that follow each other.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a record that this program does not know, [`Error::Io`] when the operating system gives no
    /// thread.
    pub(super) fn frames(&mut self, generation: u64, frames: &mut Frames<'_>) -> Result<()> {
        let last = self.generations.last();
        if last.is_none_or(|last| last.id() != generation) {
            self.generations.push(Generation::new(generation));
            self.series.begin_generation();
            self.effects.begin_generation();
        }
        let Some((generation, older)) = self.generations.split_last() else {
            return Ok(());
        };
        let (series, effects) = (&mut self.series, &mut self.effects);
        let (sender, receiver) = mpsc::sync_channel::<(Frame<'_>, Vec<Made>)>(FRAMES_AHEAD);
        thread::scope(|scope| {
            let follow = move || {
                let mut ready = receiver.into_iter();
                ready.try_for_each(|(frame, made)| effects.frame(generation, older, &frame, &made))
            };
            let name = "tsdb-replay";
            let following = thread::Builder::new()
                .name(name.into())
                .spawn_scoped(scope, follow)
                .map_err(|e| Error::io("start thread", name, e))?;
            let defined = frames.try_for_each(|frame| {
                let made = series.frame(generation, &frame)?;
                // Who does not receive any more has an error to tell.
                let _ = sender.send((frame, made));
                Ok(())
            });
            drop(sender);
            let followed = following
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            followed.and(defined)
        })
    }

    /// What came of the frames.
    pub(super) fn finish(self) -> Replayed {
        Replayed {
            generations: self.generations,
            deletions: self.effects.deletions,
            hasher: self.series.hasher,
            shifted: self.series.shifted,
            dropped_samples: self.effects.dropped_samples,
        }
    }

    /// What is lost by damage in the log. When the samples of frames that are gone were taken can only be told from the
    /// frames around them.
    pub(super) fn lost_by(&self, damage: &Damage) -> Option<LostRange> {
        damage.lost_seqs.as_ref().map(|seqs| LostRange {
            range: self.effects.times.around(seqs),
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
}

/// The frame's checksum is right, so this is a record that this program does not know.
fn unknown_record(e: DecodeError) -> Error {
    Error::corrupt("(write-ahead log)", e.at as u64, e.what)
}
