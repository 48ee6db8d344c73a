//! Checks every byte of a store that is not open, and changes nothing.

use std::path::{Path, PathBuf};

use super::identity::{self, StoreFile};
use super::metadata::MetadataFile;
use super::tombstones::{self, Tombstones};
use crate::disk::{Run, catalog};
use crate::error::{Error, Result};
use crate::io::Fs;
use crate::wal;

/// What [`Db::verify`](crate::Db::verify) found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Runs that were read, every group of them.
    pub runs: u64,
    /// Samples in the runs that are whole.
    pub samples: u64,
    /// What is damaged.
    pub damages: Vec<DamagedUnit>,
}

/// A unit of a store that is damaged.
#[derive(Debug)]
#[non_exhaustive]
pub struct DamagedUnit {
    /// The file.
    pub path: PathBuf,
    /// Where in the file, in bytes.
    pub offset: u64,
    /// What is wrong there.
    pub what: String,
}

impl DamagedUnit {
    fn of(path: &Path, e: &Error) -> Self {
        let (path, offset) = match e {
            Error::Corrupt { path, offset, .. } => (path.clone(), *offset),
            _ => (path.to_owned(), 0),
        };
        Self {
            path,
            offset,
            what: e.to_string(),
        }
    }
}

/// Reads everything in the directory of a store.
///
/// # Errors
/// When the directory cannot be listed; what cannot be read is in the report.
pub(crate) fn verify(fs: &dyn Fs, dir: &Path) -> Result<VerifyReport> {
    let (wal_dir, data_dir) = (dir.join("wal"), dir.join("data"));
    let mut report = VerifyReport::default();
    let mut damaged = |path: &Path, e: &Error| report.damages.push(DamagedUnit::of(path, e));

    let store_path = dir.join("store");
    let identity = match identity::read(fs, dir) {
        Ok(StoreFile::Identity(identity)) => Some(identity),
        Ok(StoreFile::Damaged(e)) | Err(e) => {
            damaged(&store_path, &e);
            None
        }
        Ok(StoreFile::Missing) => {
            damaged(
                &store_path,
                &Error::corrupt(&store_path, 0, "file is missing"),
            );
            None
        }
    };
    let identity = match identity {
        Some(identity) => Some(identity),
        None => match catalog::identity_in_footers(fs, &data_dir)? {
            Some(identity) => Some(identity),
            None => wal::identity_in_headers(fs, &wal_dir)?,
        },
    };
    let Some(identity) = identity else {
        return Ok(report); // nothing else can be checked
    };
    let metadata_path = dir.join("metadata");
    match MetadataFile::open(fs, dir, identity) {
        Ok((_, None)) => {}
        Ok((_, Some(e))) | Err(e) => damaged(&metadata_path, &e),
    }
    let tombstones_path = dir.join(tombstones::NAME);
    match Tombstones::open(fs, dir, identity) {
        Ok((_, None)) => {}
        Ok((_, Some(e))) | Err(e) => damaged(&tombstones_path, &e),
    }
    let names = fs
        .list(&data_dir)
        .map_err(|e| Error::io("list", &data_dir, e))?;
    let mut flushed = 0;
    let (mut runs, mut samples) = (0, 0);
    for name in names {
        if name.extension().is_none_or(|extension| extension != "run") {
            continue;
        }
        let path = data_dir.join(name);
        runs += 1;
        match Run::open(fs, &path, identity).and_then(|run| run.verify().map(|()| run)) {
            Ok(run) => {
                samples += run.meta().samples;
                flushed = flushed.max(*run.meta().generations.end());
            }
            Err(e) => damaged(&path, &e),
        }
    }
    for damage in wal::survey(fs, &wal_dir, Some(identity), &|generation| {
        generation <= flushed
    })? {
        report.damages.push(DamagedUnit {
            what: match &damage.lost_seqs {
                Some(lost) => format!(
                    "{}; frames {} to {} are lost",
                    damage.what,
                    lost.start(),
                    lost.end()
                ),
                None => damage.what.to_owned(),
            },
            path: damage.path,
            offset: damage.offset,
        });
    }
    report.runs = runs;
    report.samples = samples;
    Ok(report)
}
