//! The operating system's file system.

use std::fs::{self, File, TryLockError};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fs::{Fs, LockGuard, Mapped, ReadFile, WriteFile};
use super::{mmap, positioned};

/// The operating system's file system, through [`std::fs`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OsFs;

impl Fs for OsFs {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let file = File::options().write(true).create_new(true).open(path)?;
        Ok(Box::new(OsWriteFile(file)))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        // Not O_APPEND: the position must follow a truncation.
        let mut file = File::options().write(true).open(path)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Box::new(OsWriteFile(file)))
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        Ok(Arc::new(OsReadFile(File::open(path)?)))
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        mmap::map(&File::open(path)?)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        entries(dir, |kind| !kind.is_dir())
    }

    fn list_dirs(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        match entries(dir, |kind| kind.is_dir()) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            listed => listed,
        }
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::remove_dir_all(dir)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        // Windows has no such thing: NTFS has names in its own log, and a directory cannot be opened as a file.
        match cfg!(windows) {
            true => Ok(()),
            false => File::open(dir)?.sync_all(),
        }
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn LockGuard>>> {
        // The file is never removed: a process that locks a removed file and one that makes it anew would both hold
        // "the" lock. The kernel lets go when the process ends, so nothing stale remains after SIGKILL.
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(OsLock { _file: file }))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }
}

fn entries(dir: &Path, wanted: fn(fs::FileType) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if wanted(entry.file_type()?) {
            names.push(PathBuf::from(entry.file_name()));
        }
    }
    names.sort();
    Ok(names)
}

#[derive(Debug)]
struct OsWriteFile(File);

impl WriteFile for OsWriteFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn overwrite(&mut self, bytes: &[u8]) -> io::Result<()> {
        positioned::overwrite_beginning(&mut self.0, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)?;
        self.0.seek(SeekFrom::Start(len))?;
        Ok(())
    }
}

#[derive(Debug)]
struct OsReadFile(File);

impl ReadFile for OsReadFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        positioned::read_exact_at(&self.0, buf, offset)
    }
}

/// Closing the file releases the lock.
#[derive(Debug)]
struct OsLock {
    _file: File,
}

impl LockGuard for OsLock {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_after_an_overwrite_follows_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let mut file = OsFs.create(&path).unwrap();
        file.write_all(b"abcd").unwrap();
        file.overwrite(b"xy").unwrap();
        file.write_all(b"ef").unwrap();
        file.sync().unwrap();
        OsFs.sync_dir(dir.path()).unwrap();
        let file = OsFs.open_read(&path).unwrap();
        let mut bytes = [0; 5];
        file.read_exact_at(&mut bytes, 1).unwrap();
        assert_eq!(&bytes, b"ycdef");
        assert!(file.read_exact_at(&mut bytes, 2).is_err());
    }

    #[test]
    fn lock_excludes_until_dropped_and_keeps_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = OsFs.try_lock(&path).unwrap();
        assert!(held.is_some());
        assert!(OsFs.try_lock(&path).unwrap().is_none());
        drop(held);
        assert!(path.exists());
        assert!(OsFs.try_lock(&path).unwrap().is_some());
    }
}
