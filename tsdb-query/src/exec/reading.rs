//! Reading the series of a selector, in their order. Of many, threads read batches ahead of where they are put to use, so that
//! reading takes all idle cores and nothing else changes: what is made of the samples happens in one thread, in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use tsdb_core::{Columns, TimeRange};

use super::Context;
use crate::error::QueryError;
use crate::storage::{SeriesReader, StorageError};

/// After so many series it is known about what the others take.
const FIRST: usize = 64;
/// Threads do not help with what takes less: to start one takes some 50 µs.
const WORTH_HELP: Duration = Duration::from_millis(1);
/// Samples of a batch, about.
const BATCH_SAMPLES: usize = 16 << 10;
/// Series of a batch at most.
const BATCH_SERIES: usize = 256;
/// Batches of each thread that are being read, or read and not yet used.
const AHEAD: usize = 4;

/// What a selector reads.
#[derive(Clone, Copy)]
pub(super) struct Reading<'r> {
    pub(super) readers: &'r [Arc<dyn SeriesReader>],
    pub(super) range: TimeRange,
    pub(super) start_times: bool,
}

/// Takes the number of a series and its samples, which it may change; none for a series without samples.
type Each<'e> = dyn FnMut(u32, &mut Columns) -> Result<(), QueryError> + 'e;

impl Reading<'_> {
    /// Gives the samples of each series to `each`, in their order.
    ///
    /// # Errors
    /// When a series cannot be read, also what `each` returns.
    pub(super) fn run(self, cx: &Context, each: &mut Each<'_>) -> Result<(), QueryError> {
        let mut columns = self.columns();
        let (mut samples, begun) = (0, Instant::now());
        let first = self.readers.len().min(FIRST);
        for i in 0..first {
            samples += self.one(cx, i, &mut columns, each)?;
        }
        let left = self.readers.len() - first;
        let expected = begun.elapsed() / FIRST as u32 * u32::try_from(left).unwrap_or(u32::MAX);
        if left > FIRST && expected > WORTH_HELP {
            return self.with_help(cx, first, samples / FIRST, each);
        }
        self.in_turn(cx, first..self.readers.len(), &mut columns, each)
    }

    fn columns(self) -> Columns {
        match self.start_times {
            true => Columns::with_start_times(),
            false => Columns::default(),
        }
    }

    fn in_turn(
        self,
        cx: &Context,
        series: std::ops::Range<usize>,
        columns: &mut Columns,
        each: &mut Each<'_>,
    ) -> Result<(), QueryError> {
        for i in series {
            self.one(cx, i, columns, each)?;
        }
        Ok(())
    }

    /// Reads a series and gives it; the number of its samples.
    fn one(
        self,
        cx: &Context,
        i: usize,
        columns: &mut Columns,
        each: &mut Each<'_>,
    ) -> Result<usize, QueryError> {
        cx.check()?;
        self.read(i, columns)?;
        let samples = columns.len();
        each(i as u32, columns)?;
        Ok(samples)
    }

    fn read(self, i: usize, columns: &mut Columns) -> Result<(), StorageError> {
        columns.clear();
        match self.readers.get(i) {
            Some(reader) => reader.read(self.range, columns),
            None => Ok(()),
        }
    }

    /// Reads the series from `first` on, which have about so many samples each, with the help of idle cores.
    fn with_help(
        self,
        cx: &Context,
        first: usize,
        samples: usize,
        each: &mut Each<'_>,
    ) -> Result<(), QueryError> {
        let helpers = cx.idle_cores();
        let ahead = AHEAD * (helpers.len() + 1);
        // Where there is no memory for it, one series is read at a time.
        if helpers.is_empty() || cx.charge_ahead(2 * BATCH_SAMPLES * ahead).is_err() {
            let rest = first..self.readers.len();
            return self.in_turn(cx, rest, &mut self.columns(), each);
        }
        let batches = Batches {
            reading: self,
            first,
            series: (BATCH_SAMPLES / samples.max(1)).clamp(1, BATCH_SERIES),
            ahead,
            state: Mutex::default(),
            changed: Condvar::new(),
        };
        std::thread::scope(|scope| {
            let batches = &batches;
            let _end = EndOnDrop(batches);
            for busy in helpers {
                let help = move || {
                    let _busy = busy;
                    batches.help();
                };
                // Without threads the query takes longer, and that is all.
                let name = std::thread::Builder::new().name("query helper".to_owned());
                let _ = name.spawn_scoped(scope, help);
            }
            batches.use_all(cx, each)
        })
    }
}

/// Series that were read.
struct Batch {
    /// Used again by the next batch.
    columns: Vec<Columns>,
    /// How many series were read, from its first on: fewer than it has where they had more samples than expected.
    len: usize,
    failed: Option<StorageError>,
}

/// Consecutive series in batches, read by several threads and used by one.
struct Batches<'r> {
    reading: Reading<'r>,
    /// The first series.
    first: usize,
    /// Series of a batch.
    series: usize,
    /// Batches that may be taken and not yet used.
    ahead: usize,
    // Held to take a batch or to put it back, twice for some hundred series.
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Batches that were used.
    used: usize,
    /// Those that were taken after them, in order, with what was read of them.
    taken: VecDeque<Option<Batch>>,
    spare: Vec<Batch>,
    ended: bool,
}

/// What is to be done next.
enum Step {
    Read(usize, Batch),
    Use(usize, Batch),
}

impl Batches<'_> {
    fn len(&self) -> usize {
        let series = self.reading.readers.len().saturating_sub(self.first);
        series.div_ceil(self.series)
    }

    /// The series of a batch.
    fn series_of(&self, batch: usize) -> std::ops::Range<usize> {
        let start = self.first + batch * self.series;
        start..(start + self.series).min(self.reading.readers.len())
    }

    /// Takes the next batch to read, unless there is none or too many were.
    fn take(&self, state: &mut State) -> Option<(usize, Batch)> {
        let next = state.used + state.taken.len();
        if next >= self.len() || state.taken.len() >= self.ahead {
            return None;
        }
        state.taken.push_back(None);
        let batch = state.spare.pop().unwrap_or_else(|| Batch {
            columns: Vec::new(),
            len: 0,
            failed: None,
        });
        Some((next, batch))
    }

    /// Reads a batch.
    fn read(&self, number: usize, mut batch: Batch) {
        let (mut samples, reading) = (0, self.reading);
        batch.len = 0;
        for i in self.series_of(number) {
            if samples > 2 * BATCH_SAMPLES {
                break;
            }
            if batch.columns.len() == batch.len {
                batch.columns.push(reading.columns());
            }
            let columns = &mut batch.columns[batch.len];
            if let Err(failed) = reading.read(i, columns) {
                batch.failed = Some(failed);
                break;
            }
            samples += columns.len();
            batch.len += 1;
        }
        let mut state = self.state.lock();
        let at = number - state.used;
        if let Some(taken) = state.taken.get_mut(at) {
            *taken = Some(batch);
        }
        self.changed.notify_all();
    }

    /// Reads batches until all are taken or the end has come.
    fn help(&self) {
        let _end = EndOnPanic(self);
        let mut state = self.state.lock();
        while !state.ended && state.used + state.taken.len() < self.len() {
            match self.take(&mut state) {
                Some((number, batch)) => {
                    MutexGuard::unlocked(&mut state, || self.read(number, batch));
                }
                None => self.changed.wait(&mut state),
            }
        }
    }

    /// What the thread that uses the batches does next; `None` when all are used.
    fn step(&self) -> Option<Step> {
        let mut state = self.state.lock();
        while !state.ended && state.used < self.len() {
            let number = state.used;
            if let Some(batch) = state.taken.front_mut().and_then(Option::take) {
                state.taken.pop_front();
                state.used += 1;
                self.changed.notify_all();
                return Some(Step::Use(number, batch));
            }
            if let Some((number, batch)) = self.take(&mut state) {
                return Some(Step::Read(number, batch));
            }
            self.changed.wait(&mut state);
        }
        None
    }

    /// Gives the samples of all series to `each`, and reads where nothing is to be given yet.
    fn use_all(&self, cx: &Context, each: &mut Each<'_>) -> Result<(), QueryError> {
        while let Some(step) = self.step() {
            match step {
                Step::Read(number, batch) => self.read(number, batch),
                Step::Use(number, batch) => self.give(number, batch, cx, each)?,
            }
        }
        Ok(())
    }

    fn give(
        &self,
        number: usize,
        mut batch: Batch,
        cx: &Context,
        each: &mut Each<'_>,
    ) -> Result<(), QueryError> {
        let series = self.series_of(number);
        for (i, columns) in series.clone().zip(&mut batch.columns).take(batch.len) {
            cx.check()?;
            each(i as u32, columns)?;
        }
        if let Some(failed) = batch.failed.take() {
            return Err(failed.into());
        }
        let rest = series.start + batch.len..series.end;
        if let Some(columns) = batch.columns.first_mut() {
            self.reading.in_turn(cx, rest, columns, each)?;
        }
        let room = batch.columns.iter().map(|c| c.times_ms.capacity());
        // Long series in ever new places would make it larger and larger.
        if room.sum::<usize>() <= 4 * BATCH_SAMPLES {
            self.state.lock().spare.push(batch);
        }
        Ok(())
    }

    fn end(&self) {
        self.state.lock().ended = true;
        self.changed.notify_all();
    }
}

/// Has the helpers end when nobody uses what they read any more.
struct EndOnDrop<'b, 'r>(&'b Batches<'r>);

impl Drop for EndOnDrop<'_, '_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Has nobody wait for a thread that is gone.
struct EndOnPanic<'b, 'r>(&'b Batches<'r>);

impl Drop for EndOnPanic<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end();
        }
    }
}
