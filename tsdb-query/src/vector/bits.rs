//! A bitmap over the steps of a tile.

/// Which steps have a sample. Bits beyond the length are zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    /// `len` steps, none set.
    pub(crate) fn none(len: usize) -> Self {
        let mut bits = Self::default();
        bits.reset(len);
        bits
    }

    /// Becomes `len` steps, none set. Keeps the memory.
    pub(crate) fn reset(&mut self, len: usize) {
        self.words.clear();
        self.words.resize(len.div_ceil(64), 0);
        self.len = len;
    }

    /// Becomes `len` steps, all set.
    pub(crate) fn fill(&mut self, len: usize) {
        self.words.clear();
        self.words.resize(len.div_ceil(64), u64::MAX);
        self.len = len;
        self.clear_tail();
    }

    fn clear_tail(&mut self) {
        let used = self.len % 64;
        if used != 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << used) - 1;
        }
    }

    /// Becomes a copy of `other`. Keeps the memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.words.clear();
        self.words.extend_from_slice(&other.words);
        self.len = other.len;
    }

    pub(crate) fn set(&mut self, i: usize) {
        self.words[i / 64] |= 1 << (i % 64);
    }

    pub(crate) fn clear(&mut self, i: usize) {
        self.words[i / 64] &= !(1 << (i % 64));
    }

    pub(crate) fn get(&self, i: usize) -> bool {
        self.words[i / 64] >> (i % 64) & 1 == 1
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|&w| w == 0)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.count() == self.len
    }

    pub(crate) fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// The lowest set bit.
    pub(crate) fn first(&self) -> Option<usize> {
        self.iter().next()
    }

    /// The set bits, rising.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(i, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                Some(i * 64 + bit)
            })
        })
    }

    fn zip(&mut self, other: &Self, f: impl Fn(u64, u64) -> u64) {
        debug_assert_eq!(self.len, other.len);
        for (a, &b) in self.words.iter_mut().zip(&other.words) {
            *a = f(*a, b);
        }
    }

    /// Keeps the bits that are set in both.
    pub(crate) fn and(&mut self, other: &Self) {
        self.zip(other, |a, b| a & b);
    }

    /// Takes out the bits of `other`.
    pub(crate) fn and_not(&mut self, other: &Self) {
        self.zip(other, |a, b| a & !b);
    }

    /// Adds the bits of `other`.
    pub(crate) fn or(&mut self, other: &Self) {
        self.zip(other, |a, b| a | b);
    }

    /// The lowest bit that is set in both.
    pub(crate) fn first_common(&self, other: &Self) -> Option<usize> {
        let words = self.words.iter().zip(&other.words);
        words
            .enumerate()
            .find(|(_, (a, b))| *a & *b != 0)
            .map(|(i, (a, b))| i * 64 + (a & b).trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn full_and_empty() {
        for len in [0, 1, 63, 64, 65, 1024] {
            let mut bits = Bits::none(len);
            assert!(bits.is_empty());
            bits.fill(len);
            assert!(bits.is_full());
            assert_eq!(bits.count(), len);
            assert_eq!(bits.iter().last(), len.checked_sub(1));
        }
    }

    proptest! {
        #[test]
        fn behaves_like_a_set(a in proptest::collection::btree_set(0usize..200, 0..50), b in proptest::collection::btree_set(0usize..200, 0..50)) {
            let bits = |set: &std::collections::BTreeSet<usize>| {
                let mut bits = Bits::none(200);
                set.iter().for_each(|&i| bits.set(i));
                bits
            };
            let (x, y) = (bits(&a), bits(&b));
            prop_assert!(x.iter().eq(a.iter().copied()));
            prop_assert_eq!(x.first_common(&y), a.intersection(&b).next().copied());
            let mut z = x.clone();
            z.and(&y);
            prop_assert!(z.iter().eq(a.intersection(&b).copied()));
            z.copy_from(&x);
            z.and_not(&y);
            prop_assert!(z.iter().eq(a.difference(&b).copied()));
            z.or(&y);
            prop_assert!(z.iter().eq(a.union(&b).copied()));
        }
    }
}
