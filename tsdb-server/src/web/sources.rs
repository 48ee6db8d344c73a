//! The files that a configuration was read from, and whether they changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};

/// What was read of each file: a hash of it, or that it could not be read. Times of files are not looked at: they stay the
/// same when a file is replaced within their resolution, or by an older one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sources(BTreeMap<PathBuf, Option<Vec<u8>>>);

impl Sources {
    /// Reads a file.
    ///
    /// # Errors
    /// As [`std::fs::read`].
    pub(super) fn read(&mut self, path: &Path) -> std::io::Result<Vec<u8>> {
        let read = std::fs::read(path);
        self.0.insert(path.to_owned(), hash(&read));
        read
    }

    pub(super) fn changed(&self) -> bool {
        let mut files = self.0.iter();
        files.any(|(path, before)| hash(&std::fs::read(path)) != *before)
    }
}

fn hash(read: &std::io::Result<Vec<u8>>) -> Option<Vec<u8>> {
    let bytes = read.as_ref().ok()?;
    Some(digest(&SHA256, bytes).as_ref().to_vec())
}
