//! A part of a file in memory that knows where it stands, so that damage found in it is reported with path and offset.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::fs::Mapped;
use crate::codec::DecodeError;
use crate::error::Error;

/// Bytes `range` of what is in memory of a file.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    map: Mapped,
    range: Range<usize>,
    /// Where they stand in the file.
    offset: u64,
    path: Arc<Path>,
}

impl Section {
    /// The part `offset..offset + len` of a file of which `map` has what begins at `base`; `None` when it does not have that.
    pub(crate) fn new(
        (map, base): (&Mapped, u64),
        path: &Arc<Path>,
        offset: u64,
        len: u64,
    ) -> Option<Self> {
        let start = usize::try_from(offset.checked_sub(base)?).ok()?;
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        map.get(start..end)?;
        Some(Self {
            map: map.clone(),
            range: start..end,
            offset,
            path: Arc::clone(path),
        })
    }

    /// The bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.map.get(self.range.clone()).unwrap_or_default()
    }

    /// Damage at byte `at` of the section.
    #[cold]
    pub(crate) fn corrupt(&self, at: usize, what: &'static str) -> Error {
        let offset = self.offset.saturating_add(at as u64);
        Error::corrupt(&*self.path, offset, what)
    }

    /// A decoder's error; what it decoded starts at byte `base` of the section.
    #[cold]
    pub(crate) fn decode_error(&self, base: usize, error: DecodeError) -> Error {
        self.corrupt(base.saturating_add(error.at), error.what)
    }
}
