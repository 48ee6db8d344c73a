//! The one error type of the crate: structured, with path and offset, and predicates for what to do about it.

use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::model::{LabelError, MatcherError};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused an operation.
    Io {
        /// The operation: `open`, `write`, `fsync`, ….
        op: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Bytes on disk are not what was written.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where in the file, in bytes.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// The disk does not give bytes that are there; it may give them later.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Where in the file, in bytes.
        offset: u64,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is of a format version that this program does not read.
    UnsupportedFormat {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u16,
        /// The versions this program reads.
        supported: RangeInclusive<u16>,
    },
    /// Another process has the store open.
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// An earlier fsync failed: nothing more is acknowledged until the store is opened anew; reads go on.
    WritesStopped,
    /// The disk is full or a quota is reached; the same write may succeed later.
    StorageFull,
    /// The store is open for reading only.
    ReadOnly,
    /// The store is closed.
    Closed,
    /// A label set is malformed.
    InvalidLabels(LabelError),
    /// A matcher is malformed.
    InvalidMatcher(MatcherError),
    /// An option is out of its bounds.
    InvalidOption {
        /// Its name.
        name: &'static str,
        /// Why.
        reason: String,
    },
    /// A configured limit is reached.
    LimitExceeded {
        /// Its name.
        limit: &'static str,
        /// Its value.
        max: u64,
    },
}

impl Error {
    /// Wraps an I/O error; a full disk becomes [`Error::StorageFull`] only where the caller can retry, not here.
    pub(crate) fn io(op: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io {
            op,
            path: path.into(),
            source,
        }
    }

    /// Bytes on disk are not what was written.
    pub(crate) fn corrupt(path: impl Into<PathBuf>, offset: u64, what: &'static str) -> Self {
        Self::Corrupt {
            path: path.into(),
            offset,
            what,
        }
    }

    /// A complete file could not be read; where it is too short, that is damage.
    pub(crate) fn reading(path: impl Into<PathBuf>, offset: u64, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::UnexpectedEof {
            return Self::corrupt(path, offset, "file was cut short");
        }
        Self::Unreadable {
            path: path.into(),
            offset,
            source,
        }
    }

    /// Whether bytes on disk are damaged, or the disk does not give them: the rest can be served.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Unreadable { .. })
    }

    /// Whether bytes on disk are damaged.
    #[must_use]
    pub fn is_corruption(&self) -> bool {
        matches!(self, Self::Corrupt { .. })
    }

    /// Whether the disk is full or a quota is reached.
    #[must_use]
    pub fn is_storage_full(&self) -> bool {
        match self {
            Self::StorageFull => true,
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ),
            _ => false,
        }
    }

    /// Whether the same call may succeed later without a change by the caller.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.is_storage_full() || matches!(self, Self::LimitExceeded { .. } | Self::WritesStopped)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { op, path, source } => write!(f, "{op} {}: {source}", path.display()),
            Self::Corrupt { path, offset, what } => {
                write!(f, "{} is damaged at byte {offset}: {what}", path.display())
            }
            Self::Unreadable {
                path,
                offset,
                source,
            } => write!(
                f,
                "{} cannot be read at byte {offset}: {source}",
                path.display()
            ),
            Self::UnsupportedFormat {
                path,
                found,
                supported,
            } => write!(
                f,
                "{} has format version {found}, this program reads {} to {}",
                path.display(),
                supported.start(),
                supported.end()
            ),
            Self::Locked { path } => {
                write!(
                    f,
                    "the store is open in another process (lock {})",
                    path.display()
                )
            }
            Self::WritesStopped => write!(
                f,
                "writes are stopped: an fsync failed, open the store anew to go on from what is on disk"
            ),
            Self::StorageFull => write!(f, "no space left for the write-ahead log"),
            Self::ReadOnly => write!(f, "the store is open for reading only"),
            Self::Closed => write!(f, "the store is closed"),
            Self::InvalidLabels(e) => e.fmt(f),
            Self::InvalidMatcher(e) => e.fmt(f),
            Self::InvalidOption { name, reason } => write!(f, "option {name}: {reason}"),
            Self::LimitExceeded { limit, max } => write!(f, "limit {limit} of {max} is reached"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::Unreadable { source, .. } => Some(source),
            Self::InvalidLabels(e) => Some(e),
            Self::InvalidMatcher(e) => Some(e),
            _ => None,
        }
    }
}

impl From<LabelError> for Error {
    fn from(e: LabelError) -> Self {
        Self::InvalidLabels(e)
    }
}

impl From<MatcherError> for Error {
    fn from(e: MatcherError) -> Self {
        Self::InvalidMatcher(e)
    }
}
