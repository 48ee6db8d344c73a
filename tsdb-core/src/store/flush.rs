//! A frozen generation becomes runs, one for each partition it touches; then its segments of the log are unlinked.
//!
//! Steps, each safe to stop after: runs written and synced under temporary names → everything is durable in the log
//! as well → runs renamed, directory synced → readers see the runs instead of the generation → segments unlinked. A crash
//! before the renames are durable replays the log again; a set of which not every file is there is swept.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Store, figures};
use crate::disk::{LostRange, Partition, Run, RunSpec, RunWriter, publish};
use crate::error::{Error, Result};
use crate::head::{Generation, SeriesRef, SeriesSnapshot};
use crate::model::{Columns, TimeRange};

/// Runs written at once: each has buffers and an open file. More partitions take more passes over the generation.
const RUNS_AT_ONCE: usize = 16;

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
        self.metadata.save(&*self.fs)?;
        let runs = self.write_runs(&generation)?;
        tracing::debug!(
            generation = generation.id(),
            series = generation.series_len(),
            samples = generation.samples(),
            runs = runs.len(),
            seconds = begun.elapsed().as_secs_f64(),
            "generation flushed"
        );
        {
            // The lane's look-ups compare epochs while they hold the lane.
            let _lane = self.lane.lock();
            self.view.change(|view| {
                view.frozen.remove(0);
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
        self.head_memory.set(self.view.get().head_bytes());
        figures::count(&self.counters.flushes, 1);
        if let Some(wal) = &self.wal {
            wal.remove_generation(generation.id())?;
        }
        self.signal.runs_changed();
        Ok(true)
    }

    fn write_runs(&self, generation: &Generation) -> Result<Vec<Arc<Run>>> {
        let order = generation.refs_in_label_order();
        let partitions = self.partitions_of(generation, &order)?;
        let parts = u16::try_from(partitions.len()).map_err(|_| Error::LimitExceeded {
            limit: "partitions of a generation",
            max: u64::from(u16::MAX),
        })?;
        let set_id = self.next_file_id.load(std::sync::atomic::Ordering::Relaxed);
        let mut finished = Vec::with_capacity(partitions.len());
        let mut part = 0;
        let partitions: Vec<Partition> = partitions.into_iter().collect();
        let lost = self.lost_by_partition(generation.id(), &partitions);
        for chunk in partitions.chunks(RUNS_AT_ONCE) {
            let mut writers = Vec::with_capacity(chunk.len());
            for partition in chunk {
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
                    replaces: Vec::new(),
                };
                let fs = Arc::clone(&self.fs);
                let mut writer = RunWriter::create(fs, &self.data_dir, self.identity, spec)?;
                let lost = lost.iter().filter(|(of, _)| of == partition);
                lost.for_each(|(_, lost)| writer.add_lost(*lost));
                writers.push((partition.range(), writer));
            }
            write_series(generation, &order, &mut writers)?;
            for (_, writer) in writers {
                finished.push(writer.finish()?);
            }
        }
        if let Some(wal) = &self.wal {
            // A frame that is still to be written would come after its segments were unlinked.
            wal.sync()?;
        }
        publish(&self.fs, &self.data_dir, finished)
    }

    /// What is lost of a generation and of those before it, and the partition whose run is to record it: one that it was
    /// in, or else the first.
    fn lost_by_partition(
        &self,
        generation: u64,
        partitions: &[Partition],
    ) -> Vec<(Partition, LostRange)> {
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

    /// The partitions that the samples of a generation fall into.
    fn partitions_of(
        &self,
        generation: &Generation,
        series: &[SeriesRef],
    ) -> Result<BTreeSet<Partition>> {
        let mut partitions = BTreeSet::new();
        let mut columns = Columns::default();
        let len_ms = self.options.max_block_ms;
        let mut last: Option<Partition> = None;
        for &series in series {
            let snapshot = generation.capture(series);
            let Some(held) = range_in_ms(&snapshot) else {
                continue;
            };
            let (min_ms, max_ms) = (held.start_ms, held.end_ms);
            let mut add = |t_ms| {
                let known = last.is_some_and(|partition| partition.range().contains(t_ms));
                if !known {
                    let partition = Partition::of(t_ms, len_ms);
                    last = Some(partition);
                    partitions.insert(partition);
                }
            };
            add(min_ms);
            add(max_ms);
            let spans_more = max_ms.div_euclid(len_ms) - min_ms.div_euclid(len_ms) > 1;
            if spans_more {
                columns.clear();
                read(&snapshot, TimeRange::ALL, &mut columns)?;
                let ticks = columns.times_ms.iter().copied();
                ticks
                    .map(|tick| snapshot.unit().to_ms(tick))
                    .for_each(&mut add);
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

/// Writes every series of the generation to the runs whose range of time it touches.
fn write_series(
    generation: &Generation,
    order: &[SeriesRef],
    writers: &mut [(TimeRange, RunWriter)],
) -> Result<()> {
    let mut columns = Columns::with_start_times();
    for &series in order {
        let snapshot = generation.capture(series);
        let Some(held) = range_in_ms(&snapshot) else {
            continue;
        };
        for (range, writer) in &mut *writers {
            if !range.overlaps(&held) {
                continue;
            }
            columns.clear();
            read(&snapshot, *range, &mut columns)?;
            if !columns.is_empty() {
                let labels = generation.labels(series);
                writer.push_series(&labels, snapshot.unit(), &columns)?;
            }
        }
    }
    Ok(())
}

/// The milliseconds of the first and last sample; `None` without samples.
fn range_in_ms(snapshot: &SeriesSnapshot) -> Option<TimeRange> {
    let (min, max) = snapshot.time_range()?;
    Some(snapshot.unit().range_to_ms(TimeRange::new(min, max)))
}

/// Reads the samples inside `range`, which is in milliseconds; their times are in the unit of the series.
fn read(snapshot: &SeriesSnapshot, range: TimeRange, out: &mut Columns) -> Result<()> {
    snapshot
        .read(snapshot.unit().ticks_of(range), out)
        .map_err(|e| Error::corrupt("(memory)", e.at as u64, e.what))
}
