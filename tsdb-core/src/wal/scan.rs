//! Finding the frames of a segment, whatever its bytes are.
//!
//! The result is kept as *runs*: stretches of frames that verify and whose numbers follow each other. Everything else,
//! damage or gap, lies between two runs, so that the result is small and needs no list of frames.

use std::ops::RangeInclusive;

use super::frame::{self, Frame, Place, read_frame};
use super::segment::{HEADER_LEN, SegmentId};

/// Frames that stand back to back and have consecutive numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Where it begins and ends in the file.
    pub(super) start: u64,
    pub(super) end: u64,
    /// Number of its first frame, and one more than that of its last.
    pub(super) first_seq: u64,
    pub(super) end_seq: u64,
}

/// What stands in a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) runs: Vec<Run>,
    /// The highest number that a frame says is durable.
    pub(super) durable_seq: u64,
}

/// Looks for frames in the bytes of a segment.
pub(super) fn scan(bytes: &[u8], store: u128, id: SegmentId) -> Scan {
    let mut scan = Scan::default();
    let mut at = HEADER_LEN;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let Ok(frame) = read_frame(rest, &place(store, id, at)) else {
            at += next_candidate(rest);
            continue;
        };
        scan.add(&frame, at as u64);
        at += frame.len();
    }
    scan
}

/// The frames of a run that [`scan`] found in the same bytes, those with certain numbers.
#[derive(Debug)]
pub(crate) struct Frames<'a> {
    bytes: &'a [u8],
    store: u128,
    id: SegmentId,
    seqs: RangeInclusive<u64>,
    start: u64,
    /// Where the frame before the next one ends.
    at: u64,
    given: u64,
    changed: bool,
}

impl<'a> Frames<'a> {
    pub(super) fn new(
        bytes: &'a [u8],
        store: u128,
        id: SegmentId,
        run: &Run,
        seqs: RangeInclusive<u64>,
    ) -> Self {
        let end = usize::try_from(run.end).ok();
        let bytes = end.and_then(|end| bytes.get(..end));
        Self {
            bytes: bytes.unwrap_or_default(),
            store,
            id,
            seqs,
            start: run.start,
            at: run.start,
            given: 0,
            changed: bytes.is_none(),
        }
    }

    /// How many were taken so far.
    pub(crate) fn given(&self) -> u64 {
        self.given
    }

    fn read_next(&mut self) -> Option<Frame<'a>> {
        let at = usize::try_from(self.at).ok()?;
        let rest = self.bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let frame = read_frame(rest, &place(self.store, self.id, at));
        self.changed |= frame.is_err();
        frame.ok()
    }

    /// Goes over those that nobody took, and gives how many there were and where the last of them ends, if there was one;
    /// `None` when the bytes are not what was scanned.
    pub(super) fn finish(mut self) -> Option<(u64, Option<u64>)> {
        self.by_ref().for_each(drop);
        let end = (self.at > self.start).then_some(self.at);
        (!self.changed).then_some((self.given, end))
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        loop {
            let frame = self.read_next()?;
            if frame.seq > *self.seqs.end() {
                return None;
            }
            self.at += frame.len() as u64;
            if frame.seq >= *self.seqs.start() {
                self.given += 1;
                return Some(frame);
            }
        }
    }
}

fn place(store: u128, id: SegmentId, at: usize) -> Place {
    Place {
        store,
        generation: id.generation,
        segment: id.index,
        offset: at as u64,
    }
}

/// Distance to the next place, after the first byte, where a frame may begin.
fn next_candidate(bytes: &[u8]) -> usize {
    let [first, ..] = frame::MAGIC;
    let mut at = 1;
    while let Some(rest) = bytes.get(at..) {
        let Some(found) = rest.iter().position(|byte| *byte == first) else {
            break;
        };
        if rest
            .get(found..)
            .is_some_and(|rest| rest.starts_with(&frame::MAGIC))
        {
            return at + found;
        }
        at += found + 1;
    }
    bytes.len()
}

impl Scan {
    fn add(&mut self, frame: &Frame<'_>, start: u64) {
        self.durable_seq = self.durable_seq.max(frame.durable_seq);
        let end = start + frame.len() as u64;
        // `read_frame` refuses the largest number.
        let end_seq = frame.seq + 1;
        match self.runs.last_mut() {
            Some(run) if run.end == start && run.end_seq == frame.seq => {
                run.end = end;
                run.end_seq = end_seq;
            }
            _ => self.runs.push(Run {
                start,
                end,
                first_seq: frame.seq,
                end_seq,
            }),
        }
    }
}
