//! The only room that meets the operating system.
//!
//! Everything above works against [`Fs`]; [`OsFs`] is the real one, [`MemFs`] holds stores without a directory, and
//! [`FaultFs`] is the double whose crash is the test. The crate's only `unsafe` stands in `mmap`.

mod blocks;
#[cfg(test)]
mod fault;
mod fs;
mod machine;
mod memory;
mod mmap;
mod os;
mod positioned;
mod section;

pub(crate) use blocks::read_what_is_left;
#[cfg(test)]
pub(crate) use fault::{FaultFs, OpKind, Unsynced};
pub(crate) use fs::{Fs, LockGuard, Mapped, ReadFile, WriteFile};
pub(crate) use machine::memory_of_machine;
pub(crate) use memory::MemFs;
pub(crate) use os::OsFs;
pub(crate) use section::Section;
