//! A copy of a store that is a store itself: names of the same runs, which never change, and small files of its own.
//!
//! Steps: head to runs → names in a directory beside the target, synced → renamed to the target, the directory above
//! synced. So the target is whole or not there. What a crash leaves of it is removed at the next open if it is in the
//! store's own directory of snapshots, or by the next snapshot of that name.

use std::io;
use std::path::{Path, PathBuf};

use super::open::parent_of;
use super::{Store, identity};
use crate::error::{Error, Result};
use crate::io::Fs;

/// Directory of a store for snapshots of it.
const SNAPSHOTS: &str = "snapshots";

/// What the name of a snapshot ends in while it is made.
const TMP: &str = ".snapshot-tmp";

/// Bytes copied at once where no second name can be given.
const COPY_BYTES: u64 = 1 << 20;

/// What becomes of samples that are in memory and in the write-ahead log alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotHead {
    /// They are written to runs first, and are in the snapshot.
    Included,
    /// They are not in the snapshot.
    Skipped,
}

impl Store {
    /// See [`Db::snapshot_to`](crate::Db::snapshot_to).
    ///
    /// # Errors
    /// When a file cannot be made; there is no snapshot then.
    pub(crate) fn snapshot_to(&self, dir: &Path, head: SnapshotHead) -> Result<()> {
        self.check_writable()?;
        if self.wal.is_none() {
            return Err(Error::InvalidOption {
                name: "snapshot",
                reason: "a store in memory has no files".to_owned(),
            });
        }
        let (Some(parent), Some(tmp)) = (dir.parent(), tmp_of(dir)) else {
            return Err(Error::InvalidOption {
                name: "snapshot",
                reason: format!("{} is no name for a directory", dir.display()),
            });
        };
        if head == SnapshotHead::Included {
            self.flush_head()?;
        }
        let fs = &*self.fs;
        make_dir(fs, parent)?;
        sync_dir(fs, parent_of(parent))?;
        let name = dir.file_name().map(PathBuf::from).unwrap_or_default();
        let beside = list_dirs(fs, parent)?;
        if beside.contains(&name) {
            return Err(Error::io(
                "create",
                dir,
                io::ErrorKind::AlreadyExists.into(),
            ));
        }
        if tmp
            .file_name()
            .is_some_and(|tmp| beside.contains(&PathBuf::from(tmp)))
        {
            remove_dir(fs, &tmp)?;
        }
        let made = self.fill(&tmp).and_then(|()| {
            fs.rename(&tmp, dir)
                .map_err(|e| Error::io("rename", &tmp, e))?;
            sync_dir(fs, parent)
        });
        if made.is_err() {
            // As well as that can be done: what stays is swept.
            let _ = fs.remove_dir_all(&tmp);
        }
        made
    }

    /// See [`Db::snapshots_dir`](crate::Db::snapshots_dir).
    pub(crate) fn snapshots_dir(&self) -> PathBuf {
        self.data_dir.with_file_name(SNAPSHOTS)
    }

    /// Makes the files of a snapshot and syncs them.
    fn fill(&self, dir: &Path) -> Result<()> {
        let fs = &*self.fs;
        let data_dir = dir.join("data");
        make_dir(fs, &data_dir)?;
        {
            // Until all have their second name no run is merged away or expires.
            let _merging = self.merging.lock();
            // Nor is anything deleted of these runs that the tombstones beside them do not say.
            let tombstones = self.tombstones.lock();
            if tombstones.len() > 0 {
                tombstones.write_to(fs, dir, self.identity)?;
            }
            let view = self.view.get();
            drop(tombstones);
            let link = |path: &Path| match path.file_name() {
                Some(name) => link_or_copy(fs, path, &data_dir.join(name)),
                None => Ok(()),
            };
            for run in &view.runs {
                link(run.path())?;
            }
            for (_, path) in view.set_aside.iter() {
                match link(path) {
                    // Damaged files may be taken away while the store is open.
                    Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                    linked => linked?,
                }
            }
        }
        sync_dir(fs, &data_dir)?;
        self.metadata.write_to(fs, dir)?;
        self.exemplars.write_to(fs, dir)?;
        identity::write(fs, dir, self.identity)?;
        sync_dir(fs, dir)
    }
}

/// Removes what a crash left of snapshots in the store's own directory of them.
///
/// # Errors
/// When the directory cannot be read.
pub(super) fn sweep(fs: &dyn Fs, store_dir: &Path) -> Result<()> {
    let dir = store_dir.join(SNAPSHOTS);
    for name in list_dirs(fs, &dir)? {
        let unfinished = name.to_str().is_some_and(|name| name.ends_with(TMP));
        if unfinished && let Err(error) = remove_dir(fs, &dir.join(name)) {
            tracing::warn!(%error, "what is left of an unfinished snapshot stays");
        }
    }
    Ok(())
}

fn tmp_of(dir: &Path) -> Option<PathBuf> {
    let mut name = dir.file_name()?.to_owned();
    name.push(TMP);
    Some(dir.with_file_name(name))
}

/// Gives a file a second name, or copies it where the file system has no such thing: to another device.
fn link_or_copy(fs: &dyn Fs, from: &Path, to: &Path) -> Result<()> {
    match fs.hard_link(from, to) {
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::CrossesDevices | io::ErrorKind::Unsupported
            ) =>
        {
            copy(fs, from, to).map_err(|e| Error::io("copy", from, e))
        }
        linked => linked.map_err(|e| Error::io("link", from, e)),
    }
}

fn copy(fs: &dyn Fs, from: &Path, to: &Path) -> io::Result<()> {
    let source = fs.open_read(from)?;
    let mut target = fs.create(to)?;
    let len = source.len()?;
    let mut buffer = Vec::new();
    let mut at = 0;
    while at < len {
        buffer.resize(
            usize::try_from(COPY_BYTES.min(len - at)).unwrap_or_default(),
            0,
        );
        source.read_exact_at(&mut buffer, at)?;
        target.write_all(&buffer)?;
        at += buffer.len() as u64;
    }
    target.sync()
}

fn make_dir(fs: &dyn Fs, dir: &Path) -> Result<()> {
    fs.create_dir_all(dir)
        .map_err(|e| Error::io("create directory", dir, e))
}

fn list_dirs(fs: &dyn Fs, dir: &Path) -> Result<Vec<PathBuf>> {
    fs.list_dirs(dir).map_err(|e| Error::io("list", dir, e))
}

fn remove_dir(fs: &dyn Fs, dir: &Path) -> Result<()> {
    fs.remove_dir_all(dir)
        .map_err(|e| Error::io("remove", dir, e))
}

fn sync_dir(fs: &dyn Fs, dir: &Path) -> Result<()> {
    fs.sync_dir(dir).map_err(|e| Error::io("fsync", dir, e))
}
