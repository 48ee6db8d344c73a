//! Finding the frames of a segment, whatever its bytes are.
//!
//! The result is kept as *runs*: stretches of frames that verify and whose numbers follow each other. Everything else,
//! damage or gap, lies between two runs, so that the result is small and needs no list of frames.

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

/// Visits the frames of a run that `scan` found in the same bytes; `false` when they are not there any more.
pub(super) fn walk(
    bytes: &[u8],
    store: u128,
    id: SegmentId,
    run: &Run,
    mut visit: impl FnMut(&Frame<'_>, u64),
) -> bool {
    let (Ok(mut at), Ok(end)) = (usize::try_from(run.start), usize::try_from(run.end)) else {
        return false;
    };
    while at < end {
        let Some(Ok(frame)) = bytes
            .get(at..end)
            .map(|rest| read_frame(rest, &place(store, id, at)))
        else {
            return false;
        };
        at += frame.len();
        visit(&frame, at as u64);
    }
    true
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
