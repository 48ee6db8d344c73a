//! Append-only storage whose elements never move, so that readers hold references while the writer adds.
//!
//! Elements lie in pages of equal size, so that at most a page is unused; the pages are found through segments that
//! double in length, so that nothing is ever copied to grow.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Elements of a page.
const PAGE: u32 = 1024;
/// Segments of 1, 2, 4, … slots: together one slot for each page of 2³² elements.
const SEGMENTS: usize = 23;

type Slots<T> = Box<[OnceLock<T>]>;

/// A list that one thread appends to and any number read.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    pages: [OnceLock<Slots<Slots<T>>>; SEGMENTS],
    len: AtomicU32,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Self {
            pages: [const { OnceLock::new() }; SEGMENTS],
            len: AtomicU32::new(0),
        }
    }

    /// Number of elements; each of them can be read.
    pub(crate) fn len(&self) -> u32 {
        // Acquire: pairs with the Release in `push`; who sees the length sees the elements.
        self.len.load(Ordering::Acquire)
    }

    /// The element at `index`.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        let (segment, slot) = place_of(index / PAGE);
        let page = self.pages.get(segment)?.get()?.get(slot)?.get()?;
        page.get((index % PAGE) as usize)?.get()
    }

    /// Appends an element and returns its index. One thread at a time.
    ///
    /// # Panics
    /// When 2³² - 1 elements are there, or when two threads append at once.
    pub(crate) fn push(&self, element: T) -> u32 {
        let index = self.len.load(Ordering::Relaxed);
        assert!(index < u32::MAX, "the slab is full");
        let (segment, slot) = place_of(index / PAGE);
        let segment_slots = self.pages[segment].get_or_init(|| slots(1 << segment));
        let page = segment_slots[slot].get_or_init(|| slots(PAGE as usize));
        let stored = page[(index % PAGE) as usize].set(element);
        assert!(stored.is_ok(), "the slab has one writer");
        self.len.store(index + 1, Ordering::Release);
        index
    }
}

fn slots<T>(count: usize) -> Slots<T> {
    (0..count).map(|_| OnceLock::new()).collect()
}

/// The segment of a page and the slot inside it: segment `s` holds the pages `2^s - 1 .. 2^(s+1) - 1`.
#[inline]
fn place_of(page: u32) -> (usize, usize) {
    let n = page + 1;
    let segment = n.ilog2();
    (segment as usize, (n - (1 << segment)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_across_pages_and_stay_where_they_are() {
        let slab = Slab::new();
        assert_eq!(slab.push(0u32), 0);
        let first: *const u32 = slab.get(0).expect("pushed");
        let count = 5 * PAGE + 7;
        for n in 1..count {
            assert_eq!(slab.push(n), n);
        }
        assert_eq!(slab.len(), count);
        assert!((0..count).all(|n| slab.get(n) == Some(&n)));
        assert_eq!(slab.get(count), None);
        assert_eq!(slab.get(u32::MAX), None);
        assert!(std::ptr::eq(first, slab.get(0).expect("pushed")));
    }

    #[test]
    fn the_last_page_has_a_place() {
        let (segment, slot) = place_of(u32::MAX / PAGE);
        assert!(segment < SEGMENTS && slot < 1 << segment);
    }
}
