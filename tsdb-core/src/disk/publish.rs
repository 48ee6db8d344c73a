//! From a written file to a live one, and out of the directory again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::end_memory::EndMemory;
use super::name::{RunName, State};
use super::run::Run;
use crate::codec::StoreIdentity;
use crate::error::{Error, Result};
use crate::io::Fs;

/// A file that is not live: removed, as well as that can be done, when it is dropped.
#[derive(Debug)]
pub(super) struct TmpFile {
    fs: Arc<dyn Fs>,
    path: PathBuf,
    name: RunName,
    committed: bool,
}

impl TmpFile {
    pub(super) fn new(fs: Arc<dyn Fs>, path: PathBuf, name: RunName) -> Self {
        Self {
            fs,
            path,
            name,
            committed: false,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn rename(&mut self, dir: &Path, state: State) -> Result<()> {
        let to = dir.join(self.name.file_name(state));
        self.fs
            .rename(&self.path, &to)
            .map_err(|e| Error::io("rename", &self.path, e))?;
        self.path = to;
        Ok(())
    }
}

impl Drop for TmpFile {
    fn drop(&mut self) {
        if !self.committed {
            // What stays behind is swept at the next open.
            let _ = self.fs.remove(&self.path);
        }
    }
}

/// A run that is written and synced, under its temporary name. Dropped unpublished it removes its file.
#[derive(Debug)]
pub(crate) struct FinishedRun {
    tmp: TmpFile,
    identity: StoreIdentity,
}

impl FinishedRun {
    pub(super) fn new(tmp: TmpFile, identity: StoreIdentity) -> Self {
        Self { tmp, identity }
    }
}

/// Opens the runs of one set and makes them live, all or none. `runs` are all files of the set.
///
/// One file is renamed to its name. Several are first renamed to `.run.pending`, which is what commits the set, and then
/// to their names: a name that ends in `.run` is of a complete set for as long as it exists, whatever becomes of the
/// others.
///
/// # Errors
/// Those of the file system. Files that are not yet committed are removed, as well as that can be done; the others stay,
/// and so may those whose removal failed: the next open finds them live. What they hold must then not be lost either
/// way, and written anew it is there twice with the same content.
pub(crate) fn publish(
    fs: &Arc<dyn Fs>,
    dir: &Path,
    mut runs: Vec<FinishedRun>,
    memory: &EndMemory,
) -> Result<Vec<Arc<Run>>> {
    let sync_dir = || fs.sync_dir(dir).map_err(|e| Error::io("fsync", dir, e));
    // Before anything is live: where there is no handle or no memory left for one of them, none is to be.
    let opened = runs.iter().map(|run| {
        let live = dir.join(run.tmp.name.file_name(State::Live));
        Run::open_before(fs.as_ref(), run.tmp.path(), &live, run.identity, memory)
    });
    let opened = opened.collect::<Result<Vec<_>>>()?;
    if runs.len() > 1 {
        for run in &mut runs {
            run.tmp.rename(dir, State::Pending)?;
        }
        sync_dir()?;
        // From here on a part must not be removed without the others, which a crash in between would do.
        for run in &mut runs {
            run.tmp.committed = true;
        }
    }
    for run in &mut runs {
        run.tmp.rename(dir, State::Live)?;
    }
    if !runs.is_empty() {
        sync_dir()?;
    }
    for run in &mut runs {
        run.tmp.committed = true;
    }
    Ok(opened)
}

/// Unlinks runs. Who has them open reads on. Those that a merge replaced are to be gone before what replaced them is
/// merged again.
///
/// # Errors
/// Those of the file system; a file that is gone already is none.
pub(crate) fn remove_runs(fs: &dyn Fs, dir: &Path, runs: &[Arc<Run>]) -> Result<()> {
    for run in runs {
        match fs.remove(run.path()) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("unlink", run.path(), e));
            }
            _ => {}
        }
    }
    fs.sync_dir(dir).map_err(|e| Error::io("fsync", dir, e))
}
