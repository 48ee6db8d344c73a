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
    key: Vec<u8>,
}

impl FoundPairs {
    /// The number of a pair, which `find` finds the first time.
    pub(super) fn get(
        &mut self,
        name: &str,
        value: &str,
        find: impl FnOnce() -> Result<Option<u32>>,
    ) -> Result<Option<u32>> {
        self.key.clear();
        self.key.extend_from_slice(name.as_bytes());
        // Not part of any UTF-8 text, so that no two pairs share a key.
        self.key.push(0xff);
        self.key.extend_from_slice(value.as_bytes());
        if let Some(&number) = self.numbers.get(self.key.as_slice()) {
            return Ok(number);
        }
        let number = find()?;
        if self.numbers.len() >= MAX_PAIRS {
            self.numbers.clear();
        }
        self.numbers.insert(self.key.as_slice().into(), number);
        Ok(number)
    }
}
