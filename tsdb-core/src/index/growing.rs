//! A postings list that grows at its end.

use crate::codec::cursor::Cursor;
use crate::codec::varint::push_uvarint;

/// Ids of series, strictly rising. Most values of labels like `instance` or `le` belong to few series and many to a single
/// one, which is held inline; of more, each is the difference to the one before it: a byte where the neighbours in order of
/// making have the pair too.
#[derive(Debug, Default)]
pub(super) enum GrowingPostings {
    #[default]
    Empty,
    One(u32),
    Many(Box<Deltas>),
}

#[derive(Debug)]
pub(super) struct Deltas {
    len: u32,
    last: u32,
    /// Varints, from 0 on.
    bytes: Vec<u8>,
}

impl Deltas {
    fn push(&mut self, id: u32) {
        push_uvarint(&mut self.bytes, u64::from(id - self.last));
        self.last = id;
        self.len += 1;
    }
}

impl GrowingPostings {
    /// Adds an id that is larger than those before. Returns the growth of memory in bytes.
    #[inline]
    pub(super) fn push(&mut self, id: u32) -> usize {
        match self {
            Self::Many(deltas) => {
                let before = deltas.bytes.capacity();
                deltas.push(id);
                deltas.bytes.capacity() - before
            }
            _ => self.push_first(id),
        }
    }

    #[cold]
    fn push_first(&mut self, id: u32) -> usize {
        let Self::One(first) = *self else {
            *self = Self::One(id);
            return 0;
        };
        let mut deltas = Deltas {
            len: 0,
            last: 0,
            bytes: Vec::new(),
        };
        deltas.push(first);
        deltas.push(id);
        let bytes = size_of::<Deltas>() + deltas.bytes.capacity();
        *self = Self::Many(Box::new(deltas));
        bytes
    }

    /// Number of ids.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::One(_) => 1,
            Self::Many(deltas) => deltas.len as usize,
        }
    }

    /// The ids.
    pub(super) fn to_vec(&self) -> Vec<u32> {
        match self {
            Self::Empty => Vec::new(),
            Self::One(id) => vec![*id],
            Self::Many(deltas) => {
                let mut bytes = Cursor::new(&deltas.bytes);
                let mut id = 0;
                let ids = std::iter::from_fn(|| {
                    // Ends with the bytes, which this wrote.
                    id += u32::try_from(bytes.uvarint().ok()?).ok()?;
                    Some(id)
                });
                let mut all = Vec::with_capacity(deltas.len as usize);
                all.extend(ids);
                all
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn gives_back_what_was_pushed(ids in prop::collection::btree_set(any::<u32>(), 0..50)) {
            let mut postings = GrowingPostings::default();
            for &id in &ids {
                postings.push(id);
            }
            prop_assert_eq!(postings.len(), ids.len());
            prop_assert_eq!(postings.to_vec(), Vec::from_iter(ids));
        }
    }
}
