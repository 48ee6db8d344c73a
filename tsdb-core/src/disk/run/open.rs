//! From a file to an open run.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::super::checksum::FileIdentity;
use super::super::directory::Directory;
use super::super::end_memory::{EndMemory, EndReservation};
use super::super::footer::{Extent, Footer};
use super::super::header::{HEADER_LEN, Refusal};
use super::super::mend;
use super::super::name::RunName;
use super::super::section;
use super::Run;
use super::end::{EndReader, refused};
use crate::codec::StoreIdentity;
use crate::error::{Error, Result};
use crate::index::IndexReader;
use crate::io::{Fs, ReadFile, Section};

impl Run {
    /// Opens a run and verifies everything but its groups; `memory` is what its index and directory may take. A damaged
    /// header does no harm, since the footer says the same, and the end of the file is mended where that can be done.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for damage and for a file of another store; [`Error::Unreadable`] where the disk gives too little;
    /// [`Error::UnsupportedFormat`]; those of the file system.
    pub(crate) fn open(
        fs: &dyn Fs,
        path: &Path,
        identity: StoreIdentity,
        memory: &EndMemory,
    ) -> Result<Arc<Self>> {
        Self::open_before(fs, path, path, identity, memory)
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
        memory: &EndMemory,
    ) -> Result<Arc<Self>> {
        let (name, _) = RunName::parse(path)
            .ok_or_else(|| Error::corrupt(path, 0, "name is not that of a run"))?;
        let io = |op| move |e| Error::io(op, at, e);
        let file = fs.open_read(at).map_err(io("open"))?;
        let path: Arc<Path> = path.into();
        let reader = EndReader {
            fs,
            at,
            path: &path,
            len: file.len().map_err(io("stat"))?,
            file: &*file,
            identity: FileIdentity {
                store_id: identity.id,
                file_id: name.file_id,
            },
            memory,
        };
        let mut mended = Vec::new();
        match reader.header() {
            Ok(()) => {}
            Err(Refusal::Damage(at, what)) => mended.push((at, HEADER_LEN as u64, what)),
            Err(version) => return Err(refused(&path, version)),
        }
        let opening = Opening {
            name,
            path: &path,
            file: &file,
            store: identity,
            identity: reader.identity,
        };
        let opened = reader
            .footer()
            .and_then(|footer| opening.over(footer, |extent, what| reader.section(extent, what)));
        let opened = match opened {
            Err(damage) if damage.is_damage() => {
                let intact = mend::mend(reader.identity, &*file).ok_or(damage)?;
                let what = "end of the file does not match its checksums";
                mended.push((intact.damaged_at, intact.damaged_len, what));
                let end = (&intact.bytes, intact.offset);
                let footer = Footer::decode(end.0, end.1, name.file_id)
                    .map_err(|refusal| refused(&path, refusal))?;
                opening.over(footer, |extent, what| {
                    let section = section::open(end, &path, reader.identity, extent, what)?;
                    Ok((section, None))
                })
            }
            opened => opened,
        };
        opened.map(|run| Arc::new(Self { mended, ..run }))
    }
}

/// What is known of a file before its end is read.
struct Opening<'a> {
    name: RunName,
    path: &'a Arc<Path>,
    file: &'a Arc<dyn ReadFile>,
    store: StoreIdentity,
    identity: FileIdentity,
}

impl Opening<'_> {
    /// The run with this footer; `section` gives the sections that it names.
    fn over(
        &self,
        footer: Footer,
        section: impl Fn(Extent, &'static str) -> Result<(Section, Option<EndReservation>)>,
    ) -> Result<Run> {
        let damage = |offset, what| Error::corrupt(&**self.path, offset, what);
        if footer.identity != self.store {
            return Err(damage(0, "file belongs to another store"));
        }
        if footer.meta.partition.start_ms != self.name.partition_start_ms {
            return Err(damage(0, "name is that of another partition"));
        }
        let (index, of_index) = section(footer.index, "index does not match its checksum")?;
        let (directory, of_directory) =
            section(footer.directory, "directory does not match its checksum")?;
        let (index, directory) = (IndexReader::open(index)?, Directory::open(directory)?);
        if index.series_len() != footer.meta.series {
            return Err(damage(footer.index.offset, "number of series differs"));
        }
        Ok(Run {
            file: Arc::clone(self.file),
            identity: self.identity,
            index,
            directory,
            groups_end: footer.groups_end,
            index_at: footer.index.offset,
            mended: Vec::new(),
            retired: AtomicBool::new(false),
            meta: footer.meta,
            path: Arc::clone(self.path),
            _memory: [of_index, of_directory],
        })
    }
}
