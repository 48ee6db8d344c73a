//! The file system as the engine sees it.
//!
//! Contract, the same for every implementation:
//! * Bytes written are visible to readers at once and durable after [`WriteFile::sync`].
//! * A name made, renamed or removed is durable after [`Fs::sync_dir`] of its directory.
//! * Errors are [`std::io::Error`]; callers add operation and path (see [`crate::Error::Io`]).

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file system.
pub(crate) trait Fs: Send + Sync + Debug {
    /// Creates a file that must not exist yet and opens it for writing at its start.
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;
    /// Opens an existing file for writing; the position is its end.
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;
    /// Opens an existing file for positional reads.
    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>>;
    /// Maps the whole of a complete, synced, renamed file that nobody will change.
    fn map(&self, path: &Path) -> io::Result<Mapped>;
    /// File names (not paths) in a directory, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;
    /// Makes a directory and its parents; no error if it is there.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// Names of the directories in a directory, sorted; none if there is no such directory.
    fn list_dirs(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;
    /// Removes a directory and everything in it.
    fn remove_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// Gives the contents of a file a second name, which must not exist yet.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Renames a file, replacing the target if it exists, or a directory, whose target must not exist.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Takes an exclusive lock that ends with the process. `Ok(None)`: another holder has it.
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn LockGuard>>>;
}

/// A file open for writing at a position that moves with each write.
pub(crate) trait WriteFile: Send + Debug {
    /// Writes all of `bytes` at the current position. After an error the file may hold a part of them.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Writes all of `bytes` over the start of the file; what stands behind them stays.
    fn overwrite(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes the contents (and the length) durable: `fdatasync`.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to `len` bytes and moves the position there.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

/// A file open for positional reads.
pub(crate) trait ReadFile: Send + Sync + Debug {
    /// Current length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Fills `buf` from `offset`; [`io::ErrorKind::UnexpectedEof`] when the file is shorter.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
}

/// Holds a lock until dropped.
pub(crate) trait LockGuard: Send + Sync + Debug {}

/// The bytes of a mapped file.
#[derive(Clone)]
pub(crate) enum Mapped {
    /// A memory map.
    Map(Arc<memmap2::Mmap>),
    /// Bytes on the heap: in-memory stores and the fault double.
    Heap(Arc<[u8]>),
}

impl std::ops::Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Map(map) => map,
            Self::Heap(bytes) => bytes,
        }
    }
}

impl Debug for Mapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mapped({} bytes)", self.len())
    }
}
