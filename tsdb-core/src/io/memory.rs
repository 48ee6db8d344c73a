//! A file system in memory, for stores without a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::fs::{Fs, LockGuard, Mapped, ReadFile, WriteFile};

/// A file system in memory; clones share it. There is nothing to make durable, so syncing does nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemFs {
    tree: Arc<Mutex<Tree>>,
}

#[derive(Debug, Default)]
struct Tree {
    files: BTreeMap<PathBuf, Contents>,
    locks: BTreeSet<PathBuf>,
}

/// Handles keep the contents alive after the name is gone, as open files do.
type Contents = Arc<Mutex<Vec<u8>>>;

impl MemFs {
    fn get(&self, path: &Path) -> io::Result<Contents> {
        let tree = self.tree.lock();
        tree.files.get(path).cloned().ok_or_else(not_found)
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Fs for MemFs {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let mut tree = self.tree.lock();
        if tree.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let contents = Contents::default();
        tree.files.insert(path.to_owned(), Arc::clone(&contents));
        Ok(Box::new(MemFile(contents)))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(MemFile(self.get(path)?)))
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        Ok(Arc::new(MemFile(self.get(path)?)))
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        Ok(Mapped::Heap(Arc::from(self.get(path)?.lock().as_slice())))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let tree = self.tree.lock();
        let names = tree.files.keys().filter(|p| p.parent() == Some(dir));
        Ok(names
            .filter_map(|p| p.file_name().map(PathBuf::from))
            .collect())
    }

    fn create_dir_all(&self, _dir: &Path) -> io::Result<()> {
        Ok(()) // A directory is the common start of some names.
    }

    fn list_dirs(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let tree = self.tree.lock();
        Ok(dirs_in(dir, tree.files.keys().map(PathBuf::as_path)))
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.tree
            .lock()
            .files
            .retain(|path, _| !path.starts_with(dir));
        Ok(())
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut tree = self.tree.lock();
        if tree.files.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let contents = tree.files.get(from).cloned().ok_or_else(not_found)?;
        tree.files.insert(to.to_owned(), contents);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut tree = self.tree.lock();
        if move_names(&mut tree.files, from, to) {
            Ok(())
        } else {
            Err(not_found())
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut tree = self.tree.lock();
        tree.files.remove(path).map(drop).ok_or_else(not_found)
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn LockGuard>>> {
        if !self.tree.lock().locks.insert(path.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Box::new(MemLock {
            tree: Arc::clone(&self.tree),
            path: path.to_owned(),
        })))
    }
}

/// Written at its end or over its start, so the position is the length.
#[derive(Debug)]
struct MemFile(Contents);

impl WriteFile for MemFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().extend_from_slice(bytes);
        Ok(())
    }

    fn overwrite(&mut self, bytes: &[u8]) -> io::Result<()> {
        overwrite(&mut self.0.lock(), bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
        self.0.lock().resize(len, 0);
        Ok(())
    }
}

impl ReadFile for MemFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().len() as u64)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        read_exact_at(&self.0.lock(), buf, offset)
    }
}

/// The first parts below `dir` of the paths that are deeper than that.
pub(super) fn dirs_in<'a>(dir: &Path, paths: impl Iterator<Item = &'a Path>) -> Vec<PathBuf> {
    let below = paths.filter_map(|path| path.strip_prefix(dir).ok());
    let deeper = below.filter_map(|path| {
        let mut parts = path.components();
        let first = parts.next()?;
        parts.next().map(|_| PathBuf::from(first.as_os_str()))
    });
    deeper.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Renames a file, or a directory with everything in it; says whether there was something.
pub(super) fn move_names<T>(names: &mut BTreeMap<PathBuf, T>, from: &Path, to: &Path) -> bool {
    let moved: Vec<PathBuf> = names
        .keys()
        .filter(|path| path.starts_with(from))
        .cloned()
        .collect();
    for path in &moved {
        if let (Some(contents), Ok(rest)) = (names.remove(path), path.strip_prefix(from)) {
            // Joining nothing would add a slash.
            let target = match rest.as_os_str().is_empty() {
                true => to.to_owned(),
                false => to.join(rest),
            };
            names.insert(target, contents);
        }
    }
    !moved.is_empty()
}

/// Puts `bytes` over the start of `contents`.
pub(super) fn overwrite(contents: &mut Vec<u8>, bytes: &[u8]) {
    let len = contents.len().max(bytes.len());
    contents.resize(len, 0);
    contents[..bytes.len()].copy_from_slice(bytes);
}

/// Fills `buf` from `contents` at `offset`.
pub(super) fn read_exact_at(contents: &[u8], buf: &mut [u8], offset: u64) -> io::Result<()> {
    let wanted = usize::try_from(offset)
        .ok()
        .and_then(|start| contents.get(start..start.checked_add(buf.len())?));
    buf.copy_from_slice(wanted.ok_or(io::ErrorKind::UnexpectedEof)?);
    Ok(())
}

#[derive(Debug)]
struct MemLock {
    tree: Arc<Mutex<Tree>>,
    path: PathBuf,
}

impl LockGuard for MemLock {}

impl Drop for MemLock {
    fn drop(&mut self) {
        self.tree.lock().locks.remove(&self.path);
    }
}
