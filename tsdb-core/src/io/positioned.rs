//! Reading and writing at an offset, which operating systems have under different names.

use std::fs::File;
use std::io;

/// Fills `buf` with the bytes from `offset` on. Several threads may read the same file.
#[cfg(unix)]
pub(super) fn read_exact_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buf, offset)
}

/// Fills `buf` with the bytes from `offset` on. Several threads may read the same file: its position moves, and nobody who reads
/// asks for it.
#[cfg(windows)]
pub(super) fn read_exact_at(file: &File, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buf.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buf, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                buf = buf.get_mut(n..).unwrap_or_default();
                offset += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Writes over the first bytes of a file; what is appended next still follows its end.
#[cfg(unix)]
pub(super) fn overwrite_beginning(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, 0)
}

/// Writes over the first bytes of a file; what is appended next still follows its end.
#[cfg(windows)]
pub(super) fn overwrite_beginning(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    use std::io::{Seek as _, SeekFrom, Write as _};
    let before = file.stream_position()?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(bytes)?;
    file.seek(SeekFrom::Start(before))?;
    Ok(())
}
