//! The thread that writes, syncs and tells who waits.
//!
//! * It takes all that is appended, writes it, syncs once, and meanwhile the next frames gather: group commit without a
//!   timer.
//! * A segment is synced before the next one is made, and its name with it. So a segment's header can say that
//!   everything before its first frame is durable.
//! * After a failed write the segment is cut back to its last whole frame and never appended to again; what was not
//!   written stays in the backlog with its numbers.
//! * After a failed sync the thread ends.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::file::OpenSegment;
use super::frame::{self, Place};
use super::mark::Mark;
use super::queue::Chunk;
use super::segment::{SegmentHeader, SegmentId};
use super::shared::Shared;
use super::tickets::{Failure, WriteFailure};
use super::writer::LogPosition;
use crate::codec::StoreIdentity;
use crate::options::Durability;

/// Time between two tries after a failed write.
const RETRY: Duration = Duration::from_millis(200);

/// The state of the thread.
pub(super) struct Writer {
    shared: Arc<Shared>,
    identity: StoreIdentity,
    segment_bytes: u64,
    /// The segment that is made next.
    next_id: SegmentId,
    segment: Option<OpenSegment>,
    /// Frames that were taken over and are not all written.
    backlog: VecDeque<Chunk>,
    written: u64,
    durable: u64,
    /// Bytes written since they were last told to the others.
    written_bytes: u64,
    /// When the oldest frame that is not durable was written.
    unsynced_since: Option<Instant>,
    /// After a failed write: when to try again.
    retry_at: Option<Instant>,
}

enum Trouble {
    Write(WriteFailure),
    /// The path that could not be synced.
    Sync(PathBuf, io::Error),
}

/// What the thread woke up for.
struct Wake {
    closing: bool,
    sync_to: u64,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        identity: StoreIdentity,
        position: LogPosition,
        segment_bytes: u64,
    ) -> Self {
        let last_seq = position.next_seq.saturating_sub(1);
        Self {
            shared,
            identity,
            segment_bytes,
            next_id: SegmentId {
                generation: position.generation,
                index: position.segment,
            },
            segment: None,
            backlog: VecDeque::new(),
            written: last_seq,
            durable: last_seq,
            written_bytes: 0,
            unsynced_since: None,
            retry_at: None,
        }
    }

    pub(super) fn run(mut self) {
        let _guard = StopOnPanic(Arc::clone(&self.shared));
        while let Some(wake) = self.wait_for_work() {
            match self.round(&wake) {
                Ok(()) => {}
                Err(Trouble::Write(failure)) => self.fail_writes(failure),
                Err(Trouble::Sync(path, error)) => self.fail_sync(&path, &error),
            }
            if wake.closing {
                return;
            }
        }
    }

    /// Takes over what was appended, and returns when there is something to do; `None` when writes are stopped.
    fn wait_for_work(&mut self) -> Option<Wake> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state.lock();
        loop {
            if state.is_stopped() {
                return None;
            }
            state.queue.drain_into(&mut self.backlog);
            #[cfg(test)]
            if std::mem::take(&mut state.retry_now) && self.retry_at.is_some() {
                self.retry_at = Some(Instant::now());
            }
            let wake = Wake {
                closing: state.closing,
                sync_to: state.sync_to,
            };
            if wake.closing || self.may_write() || self.must_sync(&wake) {
                return Some(wake);
            }
            match self.next_deadline() {
                Some(at) => {
                    shared.work.wait_until(&mut state, at);
                }
                None => shared.work.wait(&mut state),
            }
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let sync_at = match self.shared.durability {
            Durability::Interval(every) => self
                .unsynced_since
                .and_then(|since| since.checked_add(every)),
            Durability::Always | Durability::Never => None,
        };
        sync_at.into_iter().chain(self.retry_at).min()
    }

    fn may_write(&self) -> bool {
        !self.backlog.is_empty() && self.retry_at.is_none_or(|at| at <= Instant::now())
    }

    fn must_sync(&self, wake: &Wake) -> bool {
        if self.written == self.durable {
            return false;
        }
        let asked = wake.closing || wake.sync_to > self.durable;
        match self.shared.durability {
            Durability::Always => true,
            Durability::Interval(every) => {
                asked
                    || self
                        .unsynced_since
                        .is_some_and(|since| since.elapsed() >= every)
            }
            Durability::Never => asked,
        }
    }

    fn round(&mut self, wake: &Wake) -> Result<(), Trouble> {
        if self.may_write() || (wake.closing && !self.backlog.is_empty()) {
            self.write_backlog()?;
            if self.retry_at.take().is_some() {
                tracing::info!("the write-ahead log can be written again");
            }
            // Without a sync to come the frames are acknowledged now; with one they are after it.
            if !self.must_sync(wake) || self.shared.durability != Durability::Always {
                self.publish();
            }
        }
        if self.must_sync(wake) {
            self.sync()?;
            self.publish();
        }
        Ok(())
    }

    fn write_backlog(&mut self) -> Result<(), Trouble> {
        while let Some(mut chunk) = self.backlog.pop_front() {
            if let Err(trouble) = self.write_chunk(&mut chunk) {
                self.backlog.push_front(chunk);
                return Err(trouble);
            }
            self.shared.state.lock().queue.recycle(chunk);
        }
        Ok(())
    }

    fn write_chunk(&mut self, chunk: &mut Chunk) -> Result<(), Trouble> {
        let fs = Arc::clone(&self.shared.fs);
        while !chunk.is_done() {
            let (store, durable) = (self.identity.id, self.durable);
            let segment_bytes = self.segment_bytes;
            let segment = self.segment_for(chunk.generation, chunk.next_seq())?;
            let place = segment.place(store);
            let room = segment_bytes.saturating_sub(place.offset);
            let (bytes, frames) = chunk.seal_next(room, |frame, distance, seq| {
                let place = Place {
                    offset: place.offset + distance,
                    ..place
                };
                frame::seal(frame, &place, seq, durable);
            });
            segment.write(&*fs, bytes).map_err(Trouble::Write)?;
            let bytes = chunk.advance(frames);
            self.written = chunk.next_seq() - 1;
            self.written_bytes += bytes;
            self.unsynced_since.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    /// The segment for the next frame: the present one, or a new one after the present one is synced.
    fn segment_for(&mut self, generation: u64, seq: u64) -> Result<&mut OpenSegment, Trouble> {
        let segment = match self.segment.take() {
            Some(segment) if segment.takes(generation, self.segment_bytes) => segment,
            old => {
                self.segment = old;
                self.finish_segment()?;
                self.create_segment(generation, seq)?
            }
        };
        Ok(self.segment.insert(segment))
    }

    fn finish_segment(&mut self) -> Result<(), Trouble> {
        if self.written > self.durable {
            self.sync()?;
            self.publish();
        }
        let Some(old) = self.segment.take() else {
            return Ok(());
        };
        let removed = {
            let mut state = self.shared.state.lock();
            let removed = state.removed.contains(&old.id.generation);
            if removed {
                state.segments.remove(&old.id);
            } else if !old.is_empty() {
                state.segments.insert(old.id, old.len());
            }
            removed
        };
        // Its generation may have gone while its frames were still waiting to be written.
        if removed
            && let Err(error) = self.shared.fs.remove(&old.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %old.path.display(), %error, "cannot remove a segment that is no longer needed");
        }
        Ok(())
    }

    fn create_segment(&mut self, generation: u64, first_seq: u64) -> Result<OpenSegment, Trouble> {
        if self.next_id.generation != generation {
            self.next_id = SegmentId {
                generation,
                index: 0,
            };
            let mut state = self.shared.state.lock();
            let super::shared::State {
                removed, segments, ..
            } = &mut *state;
            removed.retain(|removed| {
                let left = segments.keys().any(|id| id.generation == *removed);
                left || *removed >= generation
            });
        }
        let id = self.next_id;
        // A name is tried once, also if the segment comes to nothing.
        self.next_id.index = id.index.saturating_add(1);
        let header = SegmentHeader {
            id,
            first_seq,
            identity: self.identity,
        };
        let (fs, dir) = (&*self.shared.fs, &self.shared.dir);
        OpenSegment::create(fs, dir, header).map_err(Trouble::Write)
    }

    fn sync(&mut self) -> Result<(), Trouble> {
        self.durable = match self.segment.as_mut() {
            Some(segment) => {
                let (fs, dir) = (&*self.shared.fs, &self.shared.dir);
                segment
                    .sync(fs, dir)
                    .map_err(|(path, e)| Trouble::Sync(path, e))?;
                let mark = Mark {
                    segment: segment.id,
                    first_seq: segment.first_seq,
                    durable_seq: self.written,
                };
                self.shared.mark.lock().write(fs, mark);
                self.written
            }
            None => self.written,
        };
        self.unsynced_since = None;
        Ok(())
    }

    /// Tells the others how far the log is.
    fn publish(&mut self) {
        let calls = {
            let mut state = self.shared.state.lock();
            if state.is_stopped() {
                // Another fsync failed, and it may have been the one that counts.
                return;
            }
            state.written = self.written;
            state.durable = self.durable;
            state.pending_bytes = state.pending_bytes.saturating_sub(self.written_bytes);
            self.written_bytes = 0;
            if let Some(segment) = &self.segment
                && !segment.is_empty()
                && !state.removed.contains(&segment.id.generation)
            {
                state.segments.insert(segment.id, segment.len());
            }
            if self.retry_at.is_none() && matches!(state.failure, Some(Failure::Write(_))) {
                state.failure = None;
            }
            state.calls(self.shared.durability)
        };
        self.shared.progress.notify_all();
        calls.run();
    }

    /// After a failed write: those who wait are told, the frames stay.
    fn fail_writes(&mut self, failure: WriteFailure) {
        if self.retry_at.is_none() {
            let error = failure.to_error();
            tracing::warn!(%error, "a write to the write-ahead log failed; it is tried again");
        }
        self.retry_at = Some(Instant::now() + RETRY);
        // What was written before the failure can still become durable.
        if self.shared.durability == Durability::Always
            && self.written > self.durable
            && let Err(Trouble::Sync(path, error)) = self.sync()
        {
            return self.fail_sync(&path, &error);
        }
        {
            let mut state = self.shared.state.lock();
            if !state.is_stopped() {
                state.failure = Some(Failure::Write(failure));
            }
        }
        self.publish();
    }

    fn fail_sync(&mut self, path: &Path, error: &io::Error) {
        tracing::error!(path = %path.display(), %error, "fsync of the write-ahead log failed; writes are stopped until the store is opened anew");
        self.shared.stop();
    }
}

/// Without the thread nothing becomes durable, so whoever waits must be told.
struct StopOnPanic(Arc<Shared>);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}
