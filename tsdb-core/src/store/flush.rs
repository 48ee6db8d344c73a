//! A frozen generation becomes runs, one for each partition it touches and each retention class there; then its segments of the log are unlinked.
//!
//! Steps, each safe to stop after: what only the log has beside samples saved → runs written and synced under temporary names → everything is durable in the log
//! as well → runs renamed, directory synced → readers see the runs instead of the generation → segments unlinked. A crash
//! before the renames are durable replays the log again; a set of which not every file is there is swept.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::delete::deletions_of;
use super::{Store, figures};
use crate::disk::{LostRange, Partition, Run, RunSpec, RunWriter, publish};
use crate::error::{Error, Result};
use crate::head::{Generation, SeriesRef, SeriesSnapshot};
use crate::index::DeletedSeries;
use crate::model::{Columns, TimeRange, TimeRanges};
use crate::retention::Retention;

/// Runs written at once: each has buffers and an open file. More partitions take more passes over the generation.
const RUNS_AT_ONCE: usize = 16;

/// Series that are brought into the cache together.
const READ_AHEAD: usize = 32;

/// What sorting a series and indexing its labels takes, in bytes.
const FLUSH_BYTES_PER_SERIES: u64 = 160;

impl Store {
    /// Freezes the active generation and flushes all there are.
    ///
    /// # Errors
    /// When a file cannot be written; the log still has what is not flushed.
    pub(super) fn flush_head(&self) -> Result<()> {
        // What is frozen goes first, so that there is room for one more.
        while self.flush_oldest()? {}
        let mut lane = self.lane.lock();
        if self.view.get().active.samples() > 0 || self.log_has_frames() {
            lane.rotate(self);
        }
        drop(lane);
        while self.flush_oldest()? {}
        Ok(())
    }

    /// Whether the active generation has a part of the log: metadata may stand there without a sample.
    fn log_has_frames(&self) -> bool {
        self.wal
            .as_ref()
            .is_some_and(|wal| wal.generation_bytes() > 0)
    }

    /// Flushes the oldest frozen generation; says whether there was one.
    ///
    /// # Errors
    /// When a file cannot be written; the generation stays then, and so does its part of the log.
    pub(super) fn flush_oldest(&self) -> Result<bool> {
        let _one_at_a_time = self.flushing.lock();
        let Some(generation) = self.view.get().frozen.first().cloned() else {
            return Ok(false);
        };
        if self.wal.as_ref().is_some_and(|wal| wal.writes_stopped()) {
            return Err(Error::WritesStopped);
        }
        let begun = std::time::Instant::now();
        let _memory = self
            .budget
            .charge(u64::from(generation.series_len()) * FLUSH_BYTES_PER_SERIES);
        self.save_tombstones()?;
        // Both can be done without: what is not saved is tried again with the next flush.
        let saved = [
            ("metadata", self.metadata.save(&*self.fs)),
            ("exemplars", self.save_exemplars()),
        ];
        for (what, saved) in saved {
            if let Err(error) = saved {
                tracing::warn!(%error, "{what} cannot be saved");
            }
        }
        let (deleted, applied) = {
            let tombstones = self.tombstones.lock();
            let deleted = self
                .view
                .get()
                .deletions
                .frozen
                .get(&generation.id())
                .cloned();
            (deleted, tombstones.last_number())
        };
        let frozen = Frozen {
            generation: &generation,
            deleted: deleted.as_deref(),
        };
        let runs = self.write_runs(&frozen, applied)?;
        tracing::debug!(
            generation = generation.id(),
            series = generation.series_len(),
            samples = generation.samples(),
            runs = runs.len(),
            seconds = begun.elapsed().as_secs_f64(),
            "generation flushed"
        );
        {
            let tombstones = self.tombstones.lock();
            // What was deleted while they were written.
            let deletions = deletions_of(&runs, &tombstones)?;
            // The lane's look-ups compare epochs while they hold the lane.
            let _lane = self.lane.lock();
            self.view.change(|view| {
                view.frozen.remove(0);
                view.deletions.frozen.remove(&generation.id());
                view.deletions.runs.extend(deletions);
                if !runs.is_empty() {
                    // The runs record it now.
                    let later = view.lost_in_log.iter().copied();
                    view.lost_in_log = later.filter(|(of, _)| *of > generation.id()).collect();
                }
                view.runs.extend(runs);
                view.runs.sort_by_key(|run| run.meta().age());
                view.epoch += 1;
            });
        }
        self.charge_view();
        figures::count(&self.counters.flushes, 1);
        if let Some(wal) = &self.wal {
            wal.remove_generation(generation.id())?;
        }
        self.signal.runs_changed();
        Ok(true)
    }

    /// Writes the file of exemplars, if it is behind.
    fn save_exemplars(&self) -> Result<()> {
        let unsaved = {
            let _lane = self.lane.lock();
            self.exemplars.unsaved()
        };
        let Some(unsaved) = unsaved else {
            return Ok(());
        };
        let synced = self.wal.as_ref().map_or(Ok(()), |wal| wal.sync());
        let saved = synced.and_then(|()| self.exemplars.save(&*self.fs, &unsaved));
        if saved.is_err() {
            self.exemplars.still_unsaved();
        }
        saved
    }

    /// Writes a generation; tombstones up to the number `applied` are applied to it.
    fn write_runs(&self, frozen: &Frozen<'_>, applied: u64) -> Result<Vec<Arc<Run>>> {
        let generation = frozen.generation;
        let retention = self.retention();
        // In the order of making, which is that of memory.
        let classes: Vec<u8> = (0..generation.series_len())
            .map(|series| class_of(&retention, generation, series))
            .collect();
        let mut partitions = self.partitions_of(frozen, &classes)?;
        if partitions.is_empty() {
            // Everything is deleted. What was lost beside it is to be told all the same.
            partitions.extend(self.partition_of_lost(generation.id()));
        }
        let order: Vec<(SeriesRef, u8)> = generation
            .refs_in_label_order()
            .into_iter()
            .map(|series| (series, classes[series as usize]))
            .collect();
        let labels = generation.labels_len();
        let parts = u16::try_from(partitions.len()).map_err(|_| Error::LimitExceeded {
            limit: "partitions of a generation",
            max: u64::from(u16::MAX),
        })?;
        // No file has it: a merge takes numbers meanwhile.
        let set_id = self.new_file_id();
        let mut finished = Vec::with_capacity(partitions.len());
        let mut part = 0;
        let partitions: Vec<(Partition, u8)> = partitions.into_iter().collect();
        let mut lost = self.lost_by_partition(generation.id(), &partitions);
        for chunk in partitions.chunks(RUNS_AT_ONCE) {
            let mut writers = Vec::with_capacity(chunk.len());
            for (partition, class) in chunk {
                part += 1;
                let spec = RunSpec {
                    file_id: self.new_file_id(),
                    set_id,
                    part,
                    parts,
                    partition: *partition,
                    generations: generation.id()..=generation.id(),
                    sealed: false,
                    level: 0,
                    class: *class,
                    classes: retention.checksum(),
                    tombstones: applied,
                    replaces: Vec::new(),
                };
                let fs = Arc::clone(&self.fs);
                let mut run = RunWriter::create(fs, &self.data_dir, self.identity, spec)?;
                run.reserve(order.len(), labels);
                // The first class that a partition has records it, once for all.
                for (_, lost) in lost.extract_if(.., |(of, _)| of == partition) {
                    run.add_lost(lost);
                }
                writers.push(ClassWriter {
                    range: partition.range(),
                    class: *class,
                    run,
                    numbers: Vec::new(),
                    pairs: Vec::new(),
                });
            }
            write_series(frozen, &order, &mut writers)?;
            for writer in writers {
                finished.push(writer.run.finish()?);
            }
        }
        if let Some(wal) = &self.wal {
            // A frame that is still to be written would come after its segments were unlinked.
            wal.sync()?;
        }
        publish(&self.fs, &self.data_dir, finished, &self.ends)
    }

    /// What is lost of a generation and of those before it, and the partition whose run is to record it: one that it was
    /// in, or else the first.
    fn lost_by_partition(
        &self,
        generation: u64,
        partitions: &[(Partition, u8)],
    ) -> Vec<(Partition, LostRange)> {
        let mut partitions: Vec<Partition> = partitions.iter().map(|(of, _)| *of).collect();
        partitions.dedup();
        let mut of_each = Vec::new();
        for (_, lost) in lost_up_to(generation, &self.view.get().lost_in_log) {
            let before = of_each.len();
            of_each.extend(partitions.iter().filter_map(|&partition| {
                let within = lost.within(partition.range())?;
                Some((partition, within))
            }));
            if of_each.len() == before {
                of_each.extend(partitions.first().map(|&first| (first, *lost)));
            }
        }
        of_each
    }

    /// Where what is lost of a generation is recorded that has no samples; `None` if nothing is lost.
    fn partition_of_lost(&self, generation: u64) -> Option<(Partition, u8)> {
        let view = self.view.get();
        let (_, lost) = lost_up_to(generation, &view.lost_in_log).next()?;
        let newest_ms = lost.range.end_ms.min(self.clock.now_ms());
        Some((Partition::of(newest_ms, self.options.max_block_ms), 0))
    }

    /// The partitions that the samples of a generation fall into, and the classes they have there. `classes` are those of its
    /// series.
    fn partitions_of(
        &self,
        frozen: &Frozen<'_>,
        classes: &[u8],
    ) -> Result<BTreeSet<(Partition, u8)>> {
        let mut partitions = BTreeSet::new();
        let mut columns = Columns::default();
        let len_ms = self.options.max_block_ms;
        let ends = frozen
            .time_range()
            .map(|(min_ms, max_ms)| (Partition::of(min_ms, len_ms), Partition::of(max_ms, len_ms)));
        if let Some((first, last)) = ends
            && first == last
        {
            partitions.extend(classes.iter().map(|&class| (first, class)));
            return Ok(partitions);
        }
        let mut last: Option<(Partition, u8)> = None;
        for (series, &class) in (0..).zip(classes) {
            let Some(samples) = frozen.samples(series) else {
                continue;
            };
            let (min_ms, max_ms) = (samples.extent.start_ms, samples.extent.end_ms);
            let mut add = |t_ms| {
                let known = last
                    .is_some_and(|(partition, of)| of == class && partition.range().contains(t_ms));
                if !known {
                    let partition = (Partition::of(t_ms, len_ms), class);
                    last = Some(partition);
                    partitions.insert(partition);
                }
            };
            let spans_more = max_ms.div_euclid(len_ms) - min_ms.div_euclid(len_ms) > 1;
            if spans_more || samples.deleted.is_some() {
                columns.clear();
                samples.read(TimeRange::ALL, &mut columns)?;
                let ticks = columns.times_ms.iter().copied();
                ticks
                    .map(|tick| samples.snapshot.unit().to_ms(tick))
                    .for_each(&mut add);
            } else {
                add(min_ms);
                add(max_ms);
            }
        }
        Ok(partitions)
    }
}

fn lost_up_to(
    generation: u64,
    lost: &[(u64, LostRange)],
) -> impl Iterator<Item = &(u64, LostRange)> {
    lost.iter().filter(move |(of, _)| *of <= generation)
}

/// Writes the samples of a retention class in a partition.
struct ClassWriter {
    range: TimeRange,
    class: u8,
    run: RunWriter,
    /// The number that each label pair of the generation has in the run.
    numbers: Vec<Option<u32>>,
    /// The numbers of those of a series.
    pairs: Vec<u32>,
}

impl ClassWriter {
    fn push(
        &mut self,
        generation: &Generation,
        series: SeriesRef,
        samples: &Columns,
    ) -> Result<()> {
        self.pairs.clear();
        for &pair in generation.pairs(series) {
            let at = pair as usize;
            if self.numbers.len() <= at {
                self.numbers.resize(at + 1, None);
            }
            let number = match self.numbers[at] {
                Some(number) => number,
                None => self.run.number_of_pair(generation.pair(pair))?,
            };
            self.numbers[at] = Some(number);
            self.pairs.push(number);
        }
        let unit = generation.unit(series);
        self.run.start_series_of_pairs(&self.pairs, unit)?;
        self.run.push_samples(samples)
    }
}

fn class_of(retention: &Retention, generation: &Generation, series: SeriesRef) -> u8 {
    retention.class_of(generation.unit(series), || generation.labels(series))
}

/// A generation to be written, without what is deleted of it.
struct Frozen<'a> {
    generation: &'a Generation,
    deleted: Option<&'a DeletedSeries>,
}

/// The samples of one of its series.
struct FrozenSeries<'a> {
    snapshot: SeriesSnapshot,
    /// Of all of them in milliseconds, deleted ones included.
    extent: TimeRange,
    deleted: Option<&'a TimeRanges>,
}

impl Frozen<'_> {
    /// Times of the first and last sample in milliseconds, if nothing is deleted: then every series has samples.
    fn time_range(&self) -> Option<(i64, i64)> {
        let is_whole = self.deleted.is_none() && !self.generation.has_emptied();
        is_whole.then(|| self.generation.time_range())?
    }

    /// `None` for a series without samples.
    fn samples(&self, series: SeriesRef) -> Option<FrozenSeries<'_>> {
        let snapshot = self.generation.capture(series);
        let extent = snapshot.range_in_ms()?;
        let deleted = self.deleted.and_then(|deleted| deleted.of(series));
        Some(FrozenSeries {
            snapshot,
            extent,
            deleted: deleted.map(|deleted| &**deleted),
        })
    }
}

impl FrozenSeries<'_> {
    /// Appends the samples inside `range`, which is in milliseconds, to `out`, which is empty; their times are in the unit
    /// of the series.
    fn read(&self, range: TimeRange, out: &mut Columns) -> Result<()> {
        let unit = self.snapshot.unit();
        self.snapshot
            .read(unit.ticks_of(range), out)
            .map_err(|e| Error::corrupt("(memory)", e.at as u64, e.what))?;
        if let Some(deleted) = self.deleted {
            out.remove(0, deleted);
        }
        Ok(())
    }
}

/// Writes every series of the generation to the runs whose range of time it touches.
fn write_series(
    frozen: &Frozen<'_>,
    order: &[(SeriesRef, u8)],
    writers: &mut [ClassWriter],
) -> Result<()> {
    let mut columns = Columns::with_start_times();
    for (at, &(series, class)) in order.iter().enumerate() {
        if at.is_multiple_of(READ_AHEAD) {
            // Series in label order are in no order in memory.
            let next = || order.iter().skip(at).take(READ_AHEAD);
            for &(series, _) in next() {
                frozen.generation.prefetch(series);
            }
            for &(series, _) in next() {
                frozen.generation.prefetch_pairs(series);
            }
        }
        let Some(samples) = frozen.samples(series) else {
            continue;
        };
        for writer in &mut *writers {
            if writer.class != class || !writer.range.overlaps(&samples.extent) {
                continue;
            }
            columns.clear();
            samples.read(writer.range, &mut columns)?;
            if !columns.is_empty() {
                writer.push(frozen.generation, series, &columns)?;
            }
        }
    }
    Ok(())
}
