//! Label pairs that were looked for in one index.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::error::Result;

/// Pairs kept at most: they are those of a batch, which has most of them many times.
const MAX_PAIRS: usize = 1 << 14;

/// Remembers which number each label pair has, or that it has none.
#[derive(Debug, Default)]
pub(crate) struct FoundPairs {
    numbers: HashMap<Box<[u8]>, Option<u32>, RandomState>,
}

impl FoundPairs {
    /// The number of a pair, given as its part of the canonical bytes, which `find` finds the first time.
    pub(super) fn get(
        &mut self,
        pair: &[u8],
        find: impl FnOnce() -> Result<Option<u32>>,
    ) -> Result<Option<u32>> {
        if let Some(&number) = self.numbers.get(pair) {
            return Ok(number);
        }
        let number = find()?;
        if self.numbers.len() >= MAX_PAIRS {
            self.numbers.clear();
        }
        self.numbers.insert(pair.into(), number);
        Ok(number)
    }
}
