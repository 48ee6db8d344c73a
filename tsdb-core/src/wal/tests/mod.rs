//! Tests of the log as a whole, against the file system that fails and crashes.

mod any_bytes;
mod concurrency;
mod damage;
mod faults;
mod golden;
mod records;
mod torn;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frame::{OVERHEAD, Place, seal};
use super::mark::{Mark, MarkFile};
use super::reader::Recovered;
use super::segment::{SegmentHeader, SegmentId};
use super::{LogPosition, Wal, recover};
use crate::codec::StoreIdentity;
use crate::error::Result;
use crate::io::{FaultFs, Fs as _};
use crate::options::Durability;
use crate::progress::RecoveryProgress;

const IDENTITY: StoreIdentity = StoreIdentity {
    id: 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100,
    key: *b"key of the store",
};

const START: LogPosition = LogPosition {
    generation: 0,
    segment: 0,
    next_seq: 1,
};

/// A frame as it was read: generation, number, payload.
type Read = (u64, u64, Vec<u8>);

fn dir() -> &'static Path {
    Path::new("/store/wal")
}

fn new_fs() -> FaultFs {
    let fs = FaultFs::new();
    fs.create_dir_all(dir()).unwrap();
    fs
}

fn open(
    fs: &FaultFs,
    position: LogPosition,
    segment_bytes: u64,
    durability: Durability,
) -> Arc<Wal> {
    Wal::start(
        Arc::new(fs.clone()),
        dir().to_owned(),
        IDENTITY,
        position,
        segment_bytes,
        durability,
    )
    .unwrap()
}

fn read(fs: &FaultFs) -> (Vec<Read>, Recovered) {
    read_unless(fs, &|_| false)
}

fn read_unless(fs: &FaultFs, is_flushed: &dyn Fn(u64) -> bool) -> (Vec<Read>, Recovered) {
    let mut frames = Vec::new();
    let recovered = recover(
        fs,
        dir(),
        Some(IDENTITY),
        is_flushed,
        &RecoveryProgress::default(),
        &mut |generation, found| {
            frames.extend(found.map(|frame| (generation, frame.seq, frame.payload.to_vec())));
            Result::Ok(())
        },
    )
    .unwrap();
    assert_eq!(recovered.frames, frames.len() as u64);
    (frames, recovered)
}

fn seqs(frames: &[Read]) -> Vec<u64> {
    frames.iter().map(|(_, seq, _)| *seq).collect()
}

/// A segment made by hand.
struct Segment {
    id: SegmentId,
    bytes: Vec<u8>,
}

impl Segment {
    fn new(generation: u64, index: u32, first_seq: u64) -> Self {
        let id = SegmentId { generation, index };
        let header = SegmentHeader {
            id,
            first_seq,
            identity: IDENTITY,
        };
        Self {
            id,
            bytes: header.to_bytes().to_vec(),
        }
    }

    fn frame(mut self, seq: u64, durable_seq: u64, payload: &[u8]) -> Self {
        let mut frame = vec![0; OVERHEAD + payload.len()];
        frame[super::frame::HEADER_LEN..][..payload.len()].copy_from_slice(payload);
        let place = Place {
            store: IDENTITY.id,
            generation: self.id.generation,
            segment: self.id.index,
            offset: self.bytes.len() as u64,
        };
        seal(&mut frame, &place, seq, durable_seq);
        self.bytes.extend(frame);
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    fn path(&self) -> PathBuf {
        self.id.path(dir())
    }

    fn put(&self, fs: &FaultFs) {
        let mut file = fs.create(&self.path()).unwrap();
        file.write_all(&self.bytes).unwrap();
        file.sync().unwrap();
        fs.sync_dir(dir()).unwrap();
    }
}

/// Marks the log as durable up to a frame, whose segment begins with `first_seq`.
fn mark(fs: &FaultFs, segment: SegmentId, first_seq: u64, durable_seq: u64) {
    let mark = Mark {
        segment,
        first_seq,
        durable_seq,
    };
    MarkFile::new(fs, dir(), IDENTITY.id).write(fs, mark);
}

fn put_all(segments: &[Segment]) -> FaultFs {
    let fs = new_fs();
    for segment in segments {
        segment.put(&fs);
    }
    fs
}

/// Three frames, each written when the one before was durable.
fn three() -> Segment {
    Segment::new(0, 0, 1)
        .frame(1, 0, b"one")
        .frame(2, 1, b"two")
        .frame(3, 2, b"three")
}

fn flip(segment: &mut Segment, needle: &[u8]) {
    let at = segment
        .bytes
        .windows(needle.len())
        .position(|window| window == needle)
        .unwrap();
    segment.bytes[at] ^= 1;
}
