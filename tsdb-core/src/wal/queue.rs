//! Frames that are appended and not yet written, laid out as they will be in the file.

use std::collections::VecDeque;

use super::frame;

/// Frames of one generation with consecutive numbers. Each has its room for header and checksum, so that writing needs
/// no further copy; where they will stand, and so their checksums, is known only then.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) generation: u64,
    bytes: Vec<u8>,
    /// Length of each frame, in order.
    lens: Vec<usize>,
    /// Number of the first frame that is not written.
    next_seq: u64,
    /// How many frames are written, and their bytes.
    written: usize,
    written_bytes: usize,
}

/// The most that the memory of an idle chunk may take: one large batch should not be paid for ever.
const KEPT_BYTES: usize = 4 << 20;

impl Chunk {
    fn push(&mut self, payload: &[u8]) -> usize {
        let len = frame::OVERHEAD + payload.len();
        let start = self.bytes.len();
        self.bytes.reserve(len);
        self.bytes.resize(start + frame::HEADER_LEN, 0);
        self.bytes.extend_from_slice(payload);
        self.bytes.resize(start + len, 0);
        self.lens.push(len);
        len
    }

    /// Whether every frame is written.
    pub(super) fn is_done(&self) -> bool {
        self.written == self.lens.len()
    }

    /// Number of the first frame that is not written.
    pub(super) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The frames not yet written whose bytes begin before `room` is used up, at least one: each is given to `seal` with
    /// its distance from the first and its number. Gives all their bytes and how many they are.
    pub(super) fn seal_next(
        &mut self,
        room: u64,
        mut seal: impl FnMut(&mut [u8], u64, u64),
    ) -> (&[u8], usize) {
        let start = self.written_bytes;
        let (mut end, mut frames) = (start, 0);
        for &len in &self.lens[self.written..] {
            let distance = (end - start) as u64;
            if frames > 0 && distance >= room {
                break;
            }
            seal(
                &mut self.bytes[end..end + len],
                distance,
                self.next_seq + frames as u64,
            );
            end += len;
            frames += 1;
        }
        (&self.bytes[start..end], frames)
    }

    /// The next `frames` frames are written. Gives their bytes.
    pub(super) fn advance(&mut self, frames: usize) -> u64 {
        let lens = &self.lens[self.written..self.written + frames];
        let bytes = lens.iter().sum::<usize>();
        self.written += frames;
        self.written_bytes += bytes;
        self.next_seq += frames as u64;
        bytes as u64
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.lens.clear();
        self.written = 0;
        self.written_bytes = 0;
    }
}

/// The chunks between the appenders and the thread that writes.
#[derive(Debug, Default)]
pub(super) struct Queue {
    chunks: VecDeque<Chunk>,
    /// Memory of chunks that were written.
    spare: Vec<Chunk>,
}

impl Queue {
    /// Adds a frame. Gives its bytes.
    pub(super) fn push(&mut self, generation: u64, seq: u64, payload: &[u8]) -> u64 {
        if self
            .chunks
            .back()
            .is_none_or(|chunk| chunk.generation != generation)
        {
            let spare = self.spare.pop().unwrap_or_default();
            self.chunks.push_back(Chunk {
                generation,
                next_seq: seq,
                ..spare
            });
        }
        self.chunks
            .back_mut()
            .map_or(0, |chunk| chunk.push(payload) as u64)
    }

    /// Moves everything behind `backlog`.
    pub(super) fn drain_into(&mut self, backlog: &mut VecDeque<Chunk>) {
        backlog.append(&mut self.chunks);
    }

    /// Takes back the memory of a chunk that is done.
    pub(super) fn recycle(&mut self, mut chunk: Chunk) {
        if self.spare.len() < 2 && chunk.bytes.capacity() <= KEPT_BYTES {
            chunk.clear();
            self.spare.push(chunk);
        }
    }
}
