//! Start times of the samples of a section, as run lengths: the samples of one sender mostly count since the same time.
//!
//! ```text
//! entry │ samples without a start time: uvarint │ samples with it: uvarint │ start time − that of the entry before: ivarint │
//! ```

use std::vec::IntoIter;

use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::codec::varint::{push_ivarint, push_uvarint};

/// Samples that follow each other, and the start time of the last of them.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    without: u64,
    with: u64,
    start_ms: i64,
}

/// Builds the start times of a section.
#[derive(Debug, Default)]
pub(super) struct StartsBuilder {
    body: Vec<u8>,
    /// The entry that is not in the body yet; none if it is `with` nothing.
    open: Entry,
    /// Samples up to the end of that entry.
    samples: u64,
    /// Start time of the entry before it.
    before_ms: i64,
}

impl StartsBuilder {
    pub(super) fn clear(&mut self) {
        self.body.clear();
        self.open = Entry::default();
        self.samples = 0;
        self.before_ms = 0;
    }

    /// The sample at this place of the section has this start time. Places rise.
    pub(super) fn push(&mut self, place: u64, start_ms: i64) {
        if self.open.with == 0 || place != self.samples || start_ms != self.open.start_ms {
            self.close();
            self.open = Entry {
                without: place - self.samples,
                with: 0,
                start_ms,
            };
        }
        self.open.with += 1;
        self.samples = place + 1;
    }

    fn close(&mut self) {
        let entry = std::mem::take(&mut self.open);
        if entry.with > 0 {
            push_uvarint(&mut self.body, entry.without);
            push_uvarint(&mut self.body, entry.with);
            push_ivarint(&mut self.body, entry.start_ms.wrapping_sub(self.before_ms));
            self.before_ms = entry.start_ms;
        }
    }

    /// The body of the section; empty if no sample has a start time.
    pub(super) fn body(&mut self) -> &[u8] {
        self.close();
        &self.body
    }
}

/// Reads the start times of a section, sample by sample.
#[derive(Debug, Default)]
pub(super) struct Starts {
    entries: IntoIter<Entry>,
    now: Entry,
}

impl Starts {
    pub(super) fn read(mut body: Cursor<'_>) -> Result<Self, DecodeError> {
        let mut entries = Vec::new();
        let mut start_ms = 0_i64;
        while !body.is_empty() {
            let (without, with) = (body.uvarint()?, body.uvarint()?);
            if with == 0 {
                return Err(body.error("start time of no sample"));
            }
            start_ms = start_ms.wrapping_add(body.ivarint()?);
            entries.push(Entry {
                without,
                with,
                start_ms,
            });
        }
        Ok(Self {
            entries: entries.into_iter(),
            now: Entry::default(),
        })
    }

    /// The start time of the next sample, 0 for none.
    #[inline]
    pub(super) fn next(&mut self) -> i64 {
        if self.now.without == 0 && self.now.with == 0 {
            match self.entries.next() {
                Some(entry) => self.now = entry,
                None => return 0,
            }
        }
        if self.now.without > 0 {
            self.now.without -= 1;
            return 0;
        }
        self.now.with -= 1;
        self.now.start_ms
    }

    /// Whether all samples that it tells of were there.
    pub(super) fn is_done(&self) -> bool {
        self.now.with == 0 && self.entries.len() == 0
    }
}
