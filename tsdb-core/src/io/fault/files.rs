//! The operations of the double.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::fs::{Fs, LockGuard, Mapped, ReadFile, WriteFile};
use super::super::memory::{dirs_in, move_names, overwrite, read_exact_at};
use super::{FaultFs, File, OpKind, State};

impl Fs for FaultFs {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let mut state = self.state.lock();
        state.count(OpKind::Mutating)?;
        if !path.parent().is_some_and(|dir| state.dirs.contains(dir)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = state.next_file;
        state.next_file += 1;
        state.files.insert(id, File::default());
        state.names.insert(path.to_owned(), id);
        Ok(Box::new(FaultFile {
            fs: self.clone(),
            id,
        }))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let state = self.state.lock();
        state.alive()?;
        let (id, _) = state.file(path)?;
        Ok(Box::new(FaultFile {
            fs: self.clone(),
            id,
        }))
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        let state = self.state.lock();
        state.alive()?;
        let (id, _) = state.file(path)?;
        Ok(Arc::new(FaultFile {
            fs: self.clone(),
            id,
        }))
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        let state = self.state.lock();
        state.alive()?;
        let (_, file) = state.file(path)?;
        assert!(file.bad.is_empty(), "the system would end the process");
        Ok(Mapped::Heap(Arc::from(file.live.as_slice())))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.state.lock();
        state.alive()?;
        if !state.dirs.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let paths = state.names.keys().filter(|p| p.parent() == Some(dir));
        Ok(paths
            .filter_map(|p| p.file_name().map(PathBuf::from))
            .collect())
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.count(OpKind::Mutating)?;
        state.dirs.extend(dir.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn list_dirs(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.state.lock();
        state.alive()?;
        Ok(dirs_in(dir, state.names.keys().map(PathBuf::as_path)))
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.count(OpKind::Mutating)?;
        state.names.retain(|path, _| !path.starts_with(dir));
        state.dirs.retain(|path| !path.starts_with(dir));
        Ok(())
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.count(OpKind::Mutating)?;
        if state.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), id);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.count(OpKind::Mutating)?;
        let is_dir = state.dirs.contains(from);
        if is_dir {
            let mut dirs: BTreeMap<PathBuf, ()> = std::mem::take(&mut state.dirs)
                .into_iter()
                .map(|dir| (dir, ()))
                .collect();
            move_names(&mut dirs, from, to);
            state.dirs = dirs.into_keys().collect();
            state.renamed_dirs.push((from.to_owned(), to.to_owned()));
        }
        if !move_names(&mut state.names, from, to) && !is_dir {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.count(OpKind::Mutating)?;
        // The contents stay: open handles and durable names may still mean them.
        state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.count(OpKind::Sync)?;
        let State {
            names,
            durable_names,
            renamed_dirs,
            dirs,
            ..
        } = &mut *state;
        renamed_dirs.retain(|(from, to)| {
            let durable = to.parent() == Some(dir);
            if durable {
                move_names(durable_names, from, to);
            }
            !durable
        });
        durable_names.retain(|path, _| {
            // A directory in it that is gone takes along what was in it.
            let below = path.ancestors().find(|at| at.parent() == Some(dir));
            below.is_none_or(|below| below != path && dirs.contains(below))
        });
        let now = names.iter().filter(|(path, _)| path.parent() == Some(dir));
        durable_names.extend(now.map(|(path, id)| (path.clone(), *id)));
        Ok(())
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn LockGuard>>> {
        let mut state = self.state.lock();
        state.alive()?;
        if !state.locks.insert(path.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Box::new(FaultLock {
            fs: self.clone(),
            path: path.to_owned(),
        })))
    }
}

/// Written at its end or over its start, so the position is the length.
#[derive(Debug)]
struct FaultFile {
    fs: FaultFs,
    id: u64,
}

impl WriteFile for FaultFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.fs.state.lock();
        let was_cut = state.cut;
        let outcome = state.count(OpKind::Write);
        let file = state.file_mut(self.id)?;
        match outcome {
            Ok(()) => file.live.extend_from_slice(bytes),
            Err(_) if was_cut => {}
            // A write that fails may have written a part.
            Err(_) => file.live.extend_from_slice(&bytes[..bytes.len() / 2]),
        }
        outcome
    }

    fn overwrite(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.fs.state.lock();
        state.count(OpKind::Write)?;
        let file = state.file_mut(self.id)?;
        overwrite(&mut file.live, bytes);
        file.dirty_from = 0;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.fs.state.lock();
        let was_cut = state.cut;
        let outcome = state.count(OpKind::Sync);
        let cut = state.cut;
        let file = state.file_mut(self.id)?;
        match outcome {
            Ok(()) => file.sync(),
            Err(_) if was_cut || cut => {}
            Err(_) => file.fail_sync(),
        }
        outcome
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut state = self.fs.state.lock();
        state.count(OpKind::Mutating)?;
        let len = usize::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
        let file = state.file_mut(self.id)?;
        file.live.resize(len, 0);
        file.dirty_from = file.dirty_from.min(len);
        Ok(())
    }
}

impl ReadFile for FaultFile {
    fn len(&self) -> io::Result<u64> {
        let mut state = self.fs.state.lock();
        state.alive()?;
        Ok(state.file_mut(self.id)?.live.len() as u64)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.fs.state.lock();
        state.alive()?;
        let file = state.file_mut(self.id)?;
        let end = offset + buf.len() as u64;
        if offset.max(file.bad.start) < end.min(file.bad.end) {
            return Err(io::Error::from_raw_os_error(FaultFs::EIO));
        }
        read_exact_at(&file.live, buf, offset)
    }
}

#[derive(Debug)]
struct FaultLock {
    fs: FaultFs,
    path: PathBuf,
}

impl LockGuard for FaultLock {}

impl Drop for FaultLock {
    fn drop(&mut self) {
        self.fs.state.lock().locks.remove(&self.path);
    }
}
