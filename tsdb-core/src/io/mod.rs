//! The only room that meets the operating system.
//!
//! Everything above works against [`Fs`]; [`OsFs`] is the real one, [`FaultFs`] the double whose crash is the test.

mod fs;

pub use fs::{Fs, LockGuard, Mapped, ReadFile, WriteFile};
