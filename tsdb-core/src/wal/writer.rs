//! The log as its users see it: append, wait, rotate, remove. The work is done by [`super::thread`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};

use super::mark::MarkFile;
use super::queue::Queue;
use super::segment::{self, SegmentId};
use super::shared::{Shared, State};
use super::thread::Writer;
use super::tickets::Tickets;
use crate::codec::StoreIdentity;
use crate::error::{Error, Result};
use crate::io::Fs;
use crate::options::Durability;

/// Bytes of frames that may wait to be written; beyond it nothing more is accepted.
const MAX_PENDING_BYTES: u64 = 256 << 20;

/// Where the log goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogPosition {
    /// The generation that appended frames belong to.
    pub(crate) generation: u64,
    /// Index of the next segment file to create in it.
    pub(crate) segment: u32,
    /// Sequence number of the next frame; the first of a store is 1.
    pub(crate) next_seq: u64,
}

/// A write-ahead log that is open for writing. Segments are made with the first frame that goes into them.
pub(crate) struct Wal {
    shared: Arc<Shared>,
    /// Taken by the first [`Wal::close`]; held while the thread ends, so that every `close` returns after that.
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Wal {
    /// Starts the thread that writes. `dir` must exist; segments in it are counted and otherwise left alone, so they must
    /// all be older than `position`.
    ///
    /// # Errors
    /// [`Error::Io`] when the directory cannot be listed or the thread not be started.
    pub(crate) fn start(
        fs: Arc<dyn Fs>,
        dir: PathBuf,
        identity: StoreIdentity,
        position: LogPosition,
        segment_bytes: u64,
        durability: Durability,
    ) -> Result<Arc<Self>> {
        let mut segments = BTreeMap::new();
        for id in segment::list(&*fs, &dir)? {
            let path = id.path(&dir);
            let len = fs
                .open_read(&path)
                .and_then(|file| file.len())
                .map_err(|e| Error::io("open", path, e))?;
            segments.insert(id, len);
        }
        let generation_bytes = segments
            .iter()
            .filter(|(id, _)| id.generation == position.generation)
            .map(|(_, len)| len)
            .sum();
        let last_seq = position.next_seq.saturating_sub(1);
        let mark = MarkFile::new(&*fs, &dir, identity.id);
        let shared = Arc::new(Shared {
            fs,
            mark: Mutex::new(mark),
            dir: dir.clone(),
            durability,
            state: Mutex::new(State {
                queue: Queue::default(),
                last_seq,
                generation: position.generation,
                generation_bytes,
                written: last_seq,
                durable: last_seq,
                pending_bytes: 0,
                failure: None,
                sync_to: 0,
                tickets: Tickets::default(),
                segments,
                removed: BTreeSet::new(),
                closing: false,
                closed: false,
                #[cfg(test)]
                retry_now: false,
            }),
            work: Condvar::new(),
            progress: Condvar::new(),
        });
        let writer = Writer::new(Arc::clone(&shared), identity, position, segment_bytes);
        let thread = std::thread::Builder::new()
            .name("tsdb-log".to_owned())
            .spawn(move || writer.run())
            .map_err(|e| Error::io("start thread", dir, e))?;
        Ok(Arc::new(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        }))
    }

    /// Whether a frame may be appended now.
    ///
    /// # Errors
    /// [`Error::StorageFull`] (or [`Error::Io`]) while writes fail, [`Error::WritesStopped`] after a failed fsync,
    /// [`Error::LimitExceeded`] when too much waits to be written, [`Error::Closed`].
    pub(crate) fn check_writable(&self) -> Result<()> {
        let state = self.shared.state.lock();
        if let Some(failure) = &state.failure {
            return Err(failure.to_error());
        }
        if state.closing {
            return Err(Error::Closed);
        }
        if state.pending_bytes > MAX_PENDING_BYTES {
            return Err(Error::LimitExceeded {
                limit: "wal_pending_bytes",
                max: MAX_PENDING_BYTES,
            });
        }
        Ok(())
    }

    /// Adds a frame and gives its sequence number; the order of the calls is the order of the log. Never blocks on I/O.
    /// Between [`Self::check_writable`] and this the log may fail or close; the frame is then kept or dropped, and
    /// whoever waits for it is told.
    pub(crate) fn append(&self, payload: &[u8]) -> u64 {
        let mut state = self.shared.state.lock();
        state.last_seq += 1;
        let (seq, generation) = (state.last_seq, state.generation);
        let bytes = state.queue.push(generation, seq, payload);
        state.pending_bytes += bytes;
        state.generation_bytes += bytes;
        drop(state);
        self.shared.work.notify_one();
        seq
    }

    /// Sequence number of the last appended frame.
    pub(crate) fn last_seq(&self) -> u64 {
        self.shared.state.lock().last_seq
    }

    /// Frames appended from now on belong to `generation`, which must be above the one before.
    pub(crate) fn rotate(&self, generation: u64) {
        let mut state = self.shared.state.lock();
        debug_assert!(generation > state.generation, "generations only rise");
        state.generation = generation;
        state.generation_bytes = 0;
    }

    /// Waits until the frame, and all before it, are acknowledged: durable with [`Durability::Always`], given to the
    /// operating system otherwise.
    ///
    /// # Errors
    /// As [`Self::check_writable`], unless the frame is acknowledged already.
    pub(crate) fn wait(&self, seq: u64) -> Result<()> {
        self.wait_until(|state| state.horizon(self.shared.durability) >= seq)
    }

    fn wait_until(&self, reached: impl Fn(&State) -> bool) -> Result<()> {
        let mut state = self.shared.state.lock();
        loop {
            if reached(&state) {
                return Ok(());
            }
            if let Some(error) = state.refusal() {
                return Err(error);
            }
            self.shared.progress.wait(&mut state);
        }
    }

    /// Calls `done` as soon as [`Self::wait`] would return: at once, or from the log's thread, which it must not block.
    pub(crate) fn on_durable(&self, seq: u64, done: impl FnOnce(Result<()>) + Send + 'static) {
        let result = {
            let mut state = self.shared.state.lock();
            if state.horizon(self.shared.durability) >= seq {
                Ok(())
            } else if let Some(error) = state.refusal() {
                Err(error)
            } else {
                state.tickets.add(seq, Box::new(done));
                return;
            }
        };
        done(result);
    }

    /// Waits until everything appended so far is durable, whatever the [`Durability`].
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub(crate) fn sync(&self) -> Result<()> {
        let target = {
            let mut state = self.shared.state.lock();
            let target = state.last_seq;
            state.sync_to = state.sync_to.max(target);
            target
        };
        self.shared.work.notify_one();
        self.wait_until(|state| state.durable >= target)
    }

    /// Unlinks the segments of a generation that runs on disk hold by now, and of which no more frames will come; and those of
    /// earlier ones that could not be unlinked then.
    ///
    /// # Errors
    /// [`Error::Io`]; the segments not yet unlinked are tried again with the next generation, or by the next recovery.
    /// [`Error::WritesStopped`] when the directory cannot be synced.
    pub(crate) fn remove_generation(&self, generation: u64) -> Result<()> {
        let ids: Vec<SegmentId> = {
            let mut state = self.shared.state.lock();
            debug_assert!(generation < state.generation, "the generation is frozen");
            state.removed.insert(generation);
            let segments = state.segments.keys();
            let is_removed = |id: &&SegmentId| state.removed.contains(&id.generation);
            segments.filter(is_removed).copied().collect()
        };
        self.shared
            .mark
            .lock()
            .forget(&*self.shared.fs, generation)?;
        for id in &ids {
            let path = id.path(&self.shared.dir);
            match self.shared.fs.remove(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", path, e));
                }
                _ => self.shared.state.lock().segments.remove(id),
            };
        }
        if !ids.is_empty()
            && let Err(e) = self.shared.fs.sync_dir(&self.shared.dir)
        {
            // The name of a segment made meanwhile may be what was lost, and nobody would be told again.
            let dir = self.shared.dir.display();
            tracing::error!(%dir, error = %e, "fsync of the write-ahead log's directory failed; writes are stopped");
            self.shared.stop();
            return Err(Error::WritesStopped);
        }
        Ok(())
    }

    /// Bytes of all segments on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.shared.state.lock().segments.values().sum()
    }

    /// Bytes of the current generation, those that wait to be written included.
    pub(crate) fn generation_bytes(&self) -> u64 {
        self.shared.state.lock().generation_bytes
    }

    /// Whether an fsync failed: nothing is acknowledged until the store is opened anew.
    pub(crate) fn writes_stopped(&self) -> bool {
        self.shared.state.lock().is_stopped()
    }

    /// Makes everything appended durable and ends the thread. A second call says the same.
    ///
    /// # Errors
    /// [`Error::StorageFull`], [`Error::Io`] or [`Error::WritesStopped`] when something appended is not durable.
    pub(crate) fn close(&self) -> Result<()> {
        self.shared.state.lock().closing = true;
        self.shared.work.notify_one();
        let mut thread = self.thread.lock();
        if let Some(handle) = thread.take() {
            // The last owner may be a callback, which runs on the thread itself: it ends by itself then.
            if handle.thread().id() != std::thread::current().id() && handle.join().is_err() {
                tracing::error!("the thread of the write-ahead log panicked");
            }
            let calls = {
                let mut state = self.shared.state.lock();
                state.closed = true;
                state.calls(self.shared.durability)
            };
            self.shared.progress.notify_all();
            calls.run();
        }
        let state = self.shared.state.lock();
        match &state.failure {
            Some(failure) => Err(failure.to_error()),
            None => Ok(()),
        }
    }

    /// Does not wait for the next try after a failed write.
    #[cfg(test)]
    pub(super) fn retry_now(&self) {
        self.shared.state.lock().retry_now = true;
        self.shared.work.notify_one();
    }
}

impl Drop for Wal {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "the write-ahead log was dropped with writes that are not durable");
        }
    }
}

impl fmt::Debug for Wal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wal")
            .field("dir", &self.shared.dir)
            .finish_non_exhaustive()
    }
}
