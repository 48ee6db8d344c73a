//! A list of which a clone shares all but what comes later.

use std::sync::Arc;

/// Elements of a piece: the most that is copied when the list grows after it was cloned.
const PIECE: usize = 512;

/// A list in pieces. A clone shares them and does not see what is pushed later.
#[derive(Clone, Debug)]
pub(super) struct Pieces<T>(Vec<Arc<Vec<T>>>);

impl<T> Default for Pieces<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone> Pieces<T> {
    pub(super) fn push(&mut self, element: T) {
        match self.0.last_mut() {
            Some(piece) if piece.len() < PIECE => Arc::make_mut(piece).push(element),
            _ => self.0.push(Arc::new(vec![element])),
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.iter().flat_map(|piece| piece.iter())
    }

    pub(super) fn len(&self) -> usize {
        let last = self.0.last().map_or(0, |piece| piece.len());
        self.0.len().saturating_sub(1) * PIECE + last
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Estimate of the memory held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        // Capacities double, up to a whole piece.
        let last = self.0.last().map_or(0, |piece| piece.capacity());
        let full = self.0.len().saturating_sub(1) * PIECE;
        (full + last) * size_of::<T>()
    }
}
