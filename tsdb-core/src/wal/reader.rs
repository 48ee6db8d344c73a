//! The one reader: recovery after a crash, and verification.
//!
//! It goes over the segments twice. The first pass verifies every frame and keeps where they are; only then it is known
//! which missing frames were ever durable, and so what is damage and what a torn tail ([`super::plan`]). The second pass
//! visits. One segment is in memory at a time, all of them in the same buffer.

use std::io;
use std::path::Path;

use super::mark::Mark;
use super::plan::{Damage, Found, Plan, Torn, plan};
use super::scan::{Frames, scan};
use super::segment::{self, HEADER_LEN, ReadHeader, SegmentHeader, SegmentId};
use super::writer::LogPosition;
use crate::codec::StoreIdentity;
use crate::error::{Error, Result};
use crate::io::Fs;
use crate::progress::RecoveryProgress;

/// What recovery found.
#[derive(Clone, Debug)]
pub(crate) struct Recovered {
    /// Where the log goes on: in the last generation that was found (after it, if that is flushed), with the next
    /// number. The caller raises it by what it knows from runs, for a log of which nothing is left.
    pub(crate) position: LogPosition,
    /// Frames visited.
    pub(crate) frames: u64,
    pub(crate) damages: Vec<Damage>,
    pub(crate) torn: Option<Torn>,
    /// The generations whose segments are still there, in rising order.
    pub(crate) generations: Vec<u64>,
}

/// Takes frames that follow each other, of one generation.
type TakeFrames<'a> = dyn FnMut(u64, &mut Frames<'_>) -> Result<()> + 'a;

/// The end of a frame: which of the segments that were found, and the offset.
type FrameEnd = (usize, u64);

/// Gives every frame that is kept to `visit`, once and in order, and leaves a log to which a
/// [`Wal`](super::Wal) can be opened: segments of flushed generations are unlinked unread, a torn tail is cut off, and
/// both is durable on return. A log with damage is left as it is, its torn tail too; the damage is found again by the
/// next recovery, as long as its generation is not flushed.
///
/// Without `identity` the headers of the segments tell it.
///
/// # Errors
/// [`Error::Io`], [`Error::UnsupportedFormat`] for a segment of a newer version, and what `visit` says.
pub(crate) fn recover(
    fs: &dyn Fs,
    dir: &Path,
    identity: Option<StoreIdentity>,
    is_flushed: &dyn Fn(u64) -> bool,
    progress: &RecoveryProgress,
    visit: &mut TakeFrames<'_>,
) -> Result<Recovered> {
    let all = segment::list(fs, dir)?;
    let (flushed, kept): (Vec<_>, Vec<_>) = all
        .iter()
        .partition(|id: &&SegmentId| is_flushed(id.generation));
    // Nobody needs them: where they stay they are met at the next start again.
    if let Err(error) = remove(fs, dir, flushed) {
        tracing::warn!(%error, "segments that are no longer needed stay");
    }

    let mut log = Log::read(fs, dir, identity, kept, is_flushed)?;
    let (frames, end) = log.visit(fs, dir, progress, visit)?;
    let torn = log.cut(fs, dir, end)?;
    if let Some(torn) = &torn {
        tracing::info!(path = %torn.path.display(), offset = torn.offset, bytes = torn.bytes, "the end of the write-ahead log was not yet durable and is cut off");
    }

    let mut generations: Vec<u64> = segment::list(fs, dir)?
        .iter()
        .map(|id| id.generation)
        .collect();
    generations.dedup();
    let position = next_position(all.last().copied(), is_flushed, log.plan.next_seq);
    Ok(Recovered {
        position,
        frames,
        damages: log.damages,
        torn,
        generations,
    })
}

/// Gives every frame that is kept to `visit`, as [`recover`] does, and changes nothing: beside a process that writes the
/// log, or for who is not to change anything.
///
/// # Errors
/// As [`recover`]; [`io::ErrorKind::NotFound`] for a segment that was removed meanwhile among them.
pub(crate) fn read(
    fs: &dyn Fs,
    dir: &Path,
    identity: Option<StoreIdentity>,
    is_flushed: &dyn Fn(u64) -> bool,
    visit: &mut TakeFrames<'_>,
) -> Result<Vec<Damage>> {
    let ids = segment::list(fs, dir)?;
    let kept = ids
        .into_iter()
        .filter(|id| !is_flushed(id.generation))
        .collect();
    let mut log = Log::read(fs, dir, identity, kept, is_flushed)?;
    log.visit(fs, dir, &RecoveryProgress::default(), visit)?;
    Ok(log.damages)
}

/// The identity in the first segment header that verifies.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn identity_in_headers(fs: &dyn Fs, dir: &Path) -> Result<Option<StoreIdentity>> {
    for id in segment::list(fs, dir)? {
        if let ReadHeader::Valid(header) = read_header(fs, &id.path(dir))? {
            return Ok(Some(header.identity));
        }
    }
    Ok(None)
}

fn next_position(
    last: Option<SegmentId>,
    is_flushed: &dyn Fn(u64) -> bool,
    next_seq: u64,
) -> LogPosition {
    let (generation, segment) = match last {
        None => (0, 0),
        Some(last) if is_flushed(last.generation) => (last.generation + 1, 0),
        // Names with the largest numbers are not taken for segments.
        Some(last) => (last.generation, last.index + 1),
    };
    LogPosition {
        generation,
        segment,
        next_seq,
    }
}

fn remove(fs: &dyn Fs, dir: &Path, ids: Vec<SegmentId>) -> Result<()> {
    for id in &ids {
        let path = id.path(dir);
        fs.remove(&path).map_err(|e| Error::io("remove", path, e))?;
    }
    if !ids.is_empty() {
        fs.sync_dir(dir).map_err(|e| Error::io("fsync", dir, e))?;
    }
    Ok(())
}

/// The log after the first pass.
struct Log {
    store: u128,
    found: Vec<Found>,
    plan: Plan,
    damages: Vec<Damage>,
    loaded: Loaded,
}

/// The segment in memory.
#[derive(Default)]
struct Loaded {
    id: Option<SegmentId>,
    bytes: Vec<u8>,
}

impl Loaded {
    /// The bytes of a segment, and how many of them the disk does not give any more.
    fn load(&mut self, fs: &dyn Fs, path: &Path, id: SegmentId) -> Result<(&[u8], u64)> {
        self.id = None;
        let unreadable = segment::read(fs, path, &mut self.bytes)?;
        self.id = Some(id);
        Ok((&self.bytes, unreadable))
    }

    /// The bytes of a segment, which may be in memory already.
    fn bytes(&mut self, fs: &dyn Fs, path: &Path, id: SegmentId) -> Result<&[u8]> {
        if self.id != Some(id) {
            self.load(fs, path, id)?;
        }
        Ok(&self.bytes)
    }
}

impl Log {
    fn read(
        fs: &dyn Fs,
        dir: &Path,
        identity: Option<StoreIdentity>,
        ids: Vec<SegmentId>,
        is_flushed: &dyn Fn(u64) -> bool,
    ) -> Result<Self> {
        let identity = match identity {
            Some(identity) => Some(identity),
            None => identity_in_headers(fs, dir)?,
        };
        // Before the segments: beside a process that writes they only gain frames.
        let mark = identity.and_then(|identity| Mark::read(fs, dir, identity.id));
        let mut damages = Vec::new();
        let mut found = Vec::new();
        let mut loaded = Loaded::default();
        for id in ids {
            let path = id.path(dir);
            let damage = |bytes: u64, what| Damage {
                generation: id.generation,
                path: path.clone(),
                offset: 0,
                bytes,
                lost_seqs: None,
                what,
            };
            let (bytes, unreadable) = loaded.load(fs, &path, id)?;
            let len = bytes.len() as u64;
            if unreadable > 0 {
                damages.push(damage(unreadable, "bytes cannot be read"));
            }
            let header = match SegmentHeader::read(bytes) {
                ReadHeader::Valid(header) => Some(header),
                ReadHeader::Damaged => None,
                ReadHeader::Unsupported(found) => {
                    return Err(Error::UnsupportedFormat {
                        path,
                        found,
                        supported: segment::VERSION..=segment::VERSION,
                    });
                }
            };
            let Some(identity) = identity else {
                // Nothing can be verified. What may hold frames is not ours to cut.
                if len > HEADER_LEN as u64 {
                    damages.push(damage(len, "the identity of the store is lost"));
                    continue;
                }
                found.push(Found {
                    id,
                    len,
                    header: None,
                    scan: Default::default(),
                });
                continue;
            };
            if header.is_some_and(|h| h.identity.id != identity.id || h.id != id) {
                damages.push(damage(len, "segment belongs elsewhere"));
                continue;
            }
            let scan = scan(bytes, identity.id, id);
            if header.is_none() && !scan.runs.is_empty() {
                damages.push(damage(
                    HEADER_LEN as u64,
                    "segment header does not verify; its frames do",
                ));
            }
            found.push(Found {
                id,
                len,
                header,
                scan,
            });
        }
        let plan = plan(&found, mark, dir, is_flushed);
        damages.extend(plan.damages.iter().cloned());
        Ok(Self {
            store: identity.map_or(0, |identity| identity.id),
            found,
            plan,
            damages,
            loaded,
        })
    }

    /// Visits, and gives the number of frames and where the last of them ends.
    fn visit(
        &mut self,
        fs: &dyn Fs,
        dir: &Path,
        progress: &RecoveryProgress,
        visit: &mut TakeFrames<'_>,
    ) -> Result<(u64, Option<FrameEnd>)> {
        progress.begin(self.found.len());
        let mut frames = 0;
        let mut end = None;
        for wanted in &self.plan.visits {
            let Some(found) = self.found.get(wanted.segment) else {
                continue;
            };
            progress.reached(wanted.segment);
            let path = found.id.path(dir);
            let bytes = self.loaded.bytes(fs, &path, found.id)?;
            let seqs = wanted.seqs.clone();
            let mut run = Frames::new(bytes, self.store, found.id, &wanted.run, seqs);
            visit(found.id.generation, &mut run)?;
            let Some((count, run_end)) = run.finish() else {
                return Err(Error::corrupt(
                    path,
                    wanted.run.start,
                    "bytes changed while they were read",
                ));
            };
            frames += count;
            end = run_end.map(|at| (wanted.segment, at)).or(end);
        }
        progress.reached(self.found.len());
        self.loaded = Loaded::default();
        Ok((frames, end))
    }

    /// Cuts off everything behind `end` if the plan says so. Interrupted, it is found the same way again.
    ///
    /// Beside damage nothing is cut: what stands in the tail may be all that tells the damage from a torn tail. The header
    /// of the next segment makes it void.
    fn cut(&self, fs: &dyn Fs, dir: &Path, end: Option<FrameEnd>) -> Result<Option<Torn>> {
        if !self.plan.cut || !self.damages.is_empty() {
            return Ok(None);
        }
        // Without any frame a header is all that tells the next number.
        let headed = || self.found.first().is_some_and(|f| f.header.is_some());
        let end = end.or_else(|| headed().then_some((0, HEADER_LEN as u64)));
        let mut torn: Option<Torn> = None;
        let later = end.map_or(0, |(segment, _)| segment + 1);
        if let Some((segment, offset)) = end
            && let Some(found) = self.found.get(segment)
            && found.len > offset
        {
            let path = found.id.path(dir);
            let cut = || {
                let mut file = fs.open_append(&path)?;
                file.truncate(offset)?;
                file.sync()
            };
            cut().map_err(|e| Error::io("truncate", &path, e))?;
            let bytes = found.len - offset;
            torn = Some(Torn {
                path,
                offset,
                bytes,
            });
        }
        let later = self.found.get(later..).unwrap_or_default();
        remove(fs, dir, later.iter().map(|found| found.id).collect())?;
        for found in later {
            // A segment with a header only was never begun: nothing of the log is cut.
            let bytes = found.len.saturating_sub(HEADER_LEN as u64);
            match &mut torn {
                Some(torn) => torn.bytes += bytes,
                None if bytes == 0 => {}
                None => {
                    torn = Some(Torn {
                        path: found.id.path(dir),
                        offset: HEADER_LEN as u64,
                        bytes,
                    });
                }
            }
        }
        Ok(torn)
    }
}

fn read_header(fs: &dyn Fs, path: &Path) -> Result<ReadHeader> {
    let file = fs.open_read(path).map_err(|e| Error::io("open", path, e))?;
    let mut bytes = [0; HEADER_LEN];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => Ok(SegmentHeader::read(&bytes)),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(ReadHeader::Damaged),
        Err(e) => Err(Error::io("read", path, e)),
    }
}
