//! From a file to an open run.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::super::checksum::FileIdentity;
use super::super::directory::Directory;
use super::super::footer::Footer;
use super::super::header::{self, FORMAT_VERSION, Refusal};
use super::super::mend;
use super::super::name::RunName;
use super::super::section;
use super::Run;
use crate::codec::StoreIdentity;
use crate::error::{Error, Result};
use crate::index::IndexReader;
use crate::io::{Fs, Mapped, ReadFile};

impl Run {
    /// Opens a run and verifies everything but its groups. Allocates nothing per series. A damaged header does no harm, since
    /// the footer says the same, and the end of the file is mended where that can be done.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for damage and for a file of another store; [`Error::UnsupportedFormat`]; those of the
    /// file system.
    pub(crate) fn open(fs: &dyn Fs, path: &Path, identity: StoreIdentity) -> Result<Arc<Self>> {
        Self::open_before(fs, path, path, identity)
    }

    /// As [`open`](Self::open), of a file that stands at `at` and is about to get the name `path`.
    ///
    /// # Errors
    /// As `open`.
    pub(in super::super) fn open_before(
        fs: &dyn Fs,
        at: &Path,
        path: &Path,
        identity: StoreIdentity,
    ) -> Result<Arc<Self>> {
        let (name, _) = RunName::parse(path)
            .ok_or_else(|| Error::corrupt(path, 0, "name is not that of a run"))?;
        let io = |op| move |e| Error::io(op, at, e);
        let map = fs.map(at).map_err(io("map"))?;
        let file = fs.open_read(at).map_err(io("open"))?;
        let path: Arc<Path> = path.into();
        let checksums = FileIdentity {
            store_id: identity.id,
            file_id: name.file_id,
        };
        let mut mended = Vec::new();
        match header::check_header(&map, checksums) {
            Ok(()) => {}
            Err(Refusal::Damage(at, what)) => mended.push((at, header::HEADER_LEN as u64, what)),
            Err(version) => return Err(refused(&path, version)),
        }
        let opened = match Self::over(&path, name, &file, (&map, 0), identity) {
            Err(damage) if damage.is_corruption() => {
                let intact = mend::mend(checksums, &map).ok_or(damage)?;
                let what = "end of the file does not match its checksums";
                mended.push((intact.damaged_at, intact.damaged_len, what));
                Self::over(&path, name, &file, (&intact.bytes, intact.offset), identity)
            }
            opened => opened,
        };
        opened.map(|run| Arc::new(Self { mended, ..run }))
    }

    /// The run whose bytes from `base` on are `end`: all, or those that were mended.
    fn over(
        path: &Arc<Path>,
        name: RunName,
        file: &Arc<dyn ReadFile>,
        (end, base): (&Mapped, u64),
        store: StoreIdentity,
    ) -> Result<Self> {
        let identity = FileIdentity {
            store_id: store.id,
            file_id: name.file_id,
        };
        let refused = |refusal| refused(path, refusal);
        let footer = Footer::decode(end, base, name.file_id).map_err(refused)?;
        let damage = |offset, what| Error::corrupt(&**path, offset, what);
        if footer.identity != store {
            return Err(damage(0, "file belongs to another store"));
        }
        if footer.meta.partition.start_ms != name.partition_start_ms {
            return Err(damage(0, "name is that of another partition"));
        }
        let section = |extent, what| section::open((end, base), path, identity, extent, what);
        let index = section(footer.index, "index does not match its checksum")?;
        let directory = section(footer.directory, "directory does not match its checksum")?;
        let (index, directory) = (IndexReader::open(index)?, Directory::open(directory)?);
        if index.series_len() != footer.meta.series {
            return Err(damage(footer.index.offset, "number of series differs"));
        }
        Ok(Self {
            file: Arc::clone(file),
            identity,
            index,
            directory,
            groups_end: footer.groups_end,
            index_at: footer.index.offset,
            mended: Vec::new(),
            retired: AtomicBool::new(false),
            meta: footer.meta,
            path: Arc::clone(path),
        })
    }
}

fn refused(path: &Path, refusal: Refusal) -> Error {
    match refusal {
        Refusal::Damage(offset, what) => Error::corrupt(path, offset, what),
        Refusal::Version(found) => Error::UnsupportedFormat {
            path: path.to_owned(),
            found,
            supported: FORMAT_VERSION..=FORMAT_VERSION,
        },
    }
}
