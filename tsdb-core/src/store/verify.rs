//! Checks every byte of a store and changes nothing. Takes any bytes.

use std::path::{Path, PathBuf};

use super::exemplars::Exemplars;
use super::identity::{self, StoreFile};
use super::metadata::MetadataFile;
use super::replay::Replay;
use super::tombstones::{self, Tombstones};
use crate::budget::MemoryBudget;
use crate::codec::StoreIdentity;
use crate::disk::{EndMemory, LostRange, Run, RunDamage, catalog};
use crate::error::{Error, Result};
use crate::io::Fs;
use crate::model::TimeRange;
use crate::wal;

/// What [`Db::verify`](crate::Db::verify) found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Runs that were read, every group of them.
    pub runs: u64,
    /// Samples in them.
    pub samples: u64,
    /// Frames of the write-ahead log that were read.
    pub frames: u64,
    /// What is damaged.
    pub damages: Vec<DamagedUnit>,
    /// What was lost earlier, and the run that records it.
    pub lost: Vec<(PathBuf, LostRange)>,
}

/// A unit of a store that is damaged.
#[derive(Debug)]
#[non_exhaustive]
pub struct DamagedUnit {
    /// The file, or a directory that stands in the place of one.
    pub path: PathBuf,
    /// Where the damage was found, in bytes.
    pub offset: u64,
    /// How many bytes of the file cannot be used because of it: those of the unit, or all of them; 0 where they are gone or
    /// that is not known.
    pub bytes: u64,
    /// What is wrong there.
    pub what: String,
    /// What it held, as far as that is known.
    pub lost: Option<LostRange>,
}

impl DamagedUnit {
    /// An error that was met in a file.
    pub(super) fn of(path: &Path, e: &Error) -> Self {
        let (path, offset, what) = match e {
            Error::Corrupt { path, offset, what } => (path.as_path(), *offset, (*what).to_owned()),
            Error::Unreadable {
                path,
                offset,
                source,
            } => (path.as_path(), *offset, source.to_string()),
            e => (path, 0, e.to_string()),
        };
        Self {
            path: path.to_owned(),
            offset,
            bytes: 0,
            what,
            lost: None,
        }
    }

    /// A damaged part of a run.
    pub(super) fn of_run(path: &Path, damage: &RunDamage) -> Self {
        Self {
            bytes: damage.bytes,
            lost: damage.lost,
            ..Self::of(path, &damage.error)
        }
    }
}

/// Reads everything in the directory of a store.
///
/// # Errors
/// When there is no such directory; what cannot be read is in the report.
pub(crate) fn verify(fs: &dyn Fs, dir: &Path) -> Result<VerifyReport> {
    fs.list(dir).map_err(|e| Error::io("list", dir, e))?;
    let mut verify = Verify {
        fs,
        dir,
        report: VerifyReport::default(),
        ends: EndMemory::of(&MemoryBudget::default()),
        flushed: 0,
        newest_ms: i64::MIN,
    };
    match verify.identity() {
        Some(identity) => {
            verify.metadata(identity);
            verify.exemplars(identity);
            verify.tombstones(identity);
            verify.runs(identity);
            verify.log(identity);
        }
        None => verify.damaged(&dir.join("data"), &Error::corrupt(dir, 0, NO_IDENTITY)),
    }
    Ok(verify.report)
}

const NO_IDENTITY: &str =
    "no file tells the identity of the store, without which none can be checked";

struct Verify<'a> {
    fs: &'a dyn Fs,
    dir: &'a Path,
    report: VerifyReport,
    ends: EndMemory,
    /// The last generation that a run holds.
    flushed: u64,
    /// The newest sample of a run, in milliseconds.
    newest_ms: i64,
}

impl Verify<'_> {
    fn damaged(&mut self, path: &Path, e: &Error) {
        self.report.damages.push(DamagedUnit::of(path, e));
    }

    /// The identity of the store, from wherever it stands.
    fn identity(&mut self) -> Option<StoreIdentity> {
        let path = self.dir.join("store");
        match identity::read(self.fs, self.dir) {
            Ok(StoreFile::Identity(identity)) => return Some(identity),
            Ok(StoreFile::Damaged(e)) | Err(e) => self.damaged(&path, &e),
            Ok(StoreFile::Missing) => {
                self.damaged(&path, &Error::corrupt(&path, 0, "file is missing"));
            }
        }
        let in_footers = catalog::identity_in_footers(self.fs, &self.dir.join("data"));
        let in_log = || wal::identity_in_headers(self.fs, &self.dir.join("wal"));
        in_footers
            .ok()
            .flatten()
            .or_else(|| in_log().ok().flatten())
    }

    fn metadata(&mut self, identity: StoreIdentity) {
        let opened = MetadataFile::open(self.fs, self.dir, identity, 0, &MemoryBudget::new(0));
        if let Ok((_, Some(e))) | Err(e) = opened {
            self.damaged(&self.dir.join("metadata"), &e);
        }
    }

    fn exemplars(&mut self, identity: StoreIdentity) {
        let opened = Exemplars::open(self.fs, self.dir, identity, 0, &MemoryBudget::new(0));
        if let Ok((_, Some(e))) | Err(e) = opened {
            self.damaged(&self.dir.join("exemplars"), &e);
        }
    }

    fn tombstones(&mut self, identity: StoreIdentity) {
        if let Ok((_, Some(e))) | Err(e) = Tombstones::open(self.fs, self.dir, identity) {
            self.damaged(&self.dir.join(tombstones::NAME), &e);
        }
    }

    fn runs(&mut self, identity: StoreIdentity) {
        let dir = self.dir.join("data");
        self.directories(&dir);
        let files = match catalog::files(self.fs, &dir) {
            Ok(files) => files,
            Err(e) => return self.damaged(&dir, &e),
        };
        for file in files {
            if file.set_aside {
                self.report.damages.push(DamagedUnit {
                    bytes: self.len(&file.path),
                    lost: catalog::held_by(self.fs, &file.path),
                    ..DamagedUnit::of(&file.path, &Error::corrupt(&file.path, 0, SET_ASIDE))
                });
            } else if let Err(e) = self.run(&file.path, identity) {
                self.report.damages.push(DamagedUnit {
                    bytes: self.len(&file.path),
                    lost: catalog::held_by(self.fs, &file.path),
                    ..DamagedUnit::of(&file.path, &e)
                });
            }
        }
    }

    fn run(&mut self, path: &Path, identity: StoreIdentity) -> Result<()> {
        let run = Run::open(self.fs, path, identity, &self.ends)?;
        let meta = run.meta();
        self.newest_ms = self.newest_ms.max(meta.max_ms);
        self.flushed = self.flushed.max(*meta.generations.end());
        let damages = run.check(&mut |_| true)?;
        let report = &mut self.report;
        report.runs += 1;
        report.samples += meta.samples;
        let recorded = meta.lost.iter().map(|lost| (path.to_owned(), *lost));
        report.lost.extend(recorded);
        let damages = damages
            .iter()
            .map(|damage| DamagedUnit::of_run(path, damage));
        report.damages.extend(damages);
        Ok(())
    }

    fn log(&mut self, identity: StoreIdentity) {
        let dir = self.dir.join("wal");
        self.directories(&dir);
        let (flushed, mut frames) = (self.flushed, 0);
        let metadata = MetadataFile::empty(self.dir, identity, 0, &MemoryBudget::new(0));
        let exemplars = Exemplars::empty(self.dir, identity, 0, &MemoryBudget::new(0));
        let mut tombstones = Tombstones::default();
        let within = TimeRange::new(self.newest_ms, i64::MAX);
        let mut replay = Replay::new(&metadata, &exemplars, &mut tombstones, within);
        let read = wal::read(
            self.fs,
            &dir,
            Some(identity),
            &|generation| generation <= flushed,
            &mut |generation, found| {
                let taken = replay.frames(generation, found);
                frames += found.given();
                taken
            },
        );
        self.report.frames = frames;
        match read {
            Ok(damages) => {
                let units = damages.iter().map(|damage| DamagedUnit {
                    path: damage.path.clone(),
                    offset: damage.offset,
                    bytes: damage.bytes,
                    what: match &damage.lost_seqs {
                        Some(lost) => {
                            let what = damage.what;
                            format!("{what}; frames {} to {} are lost", lost.start(), lost.end())
                        }
                        None => damage.what.to_owned(),
                    },
                    lost: replay.lost_by(damage),
                });
                self.report.damages.extend(units);
            }
            Err(e) => self.damaged(&dir, &e),
        }
    }

    /// Directories where only files belong.
    fn directories(&mut self, dir: &Path) {
        for name in self.fs.list_dirs(dir).unwrap_or_default() {
            let path = dir.join(name);
            self.damaged(
                &path,
                &Error::corrupt(&path, 0, "a directory is in the place of a file"),
            );
        }
    }

    fn len(&self, path: &Path) -> u64 {
        let file = self.fs.open_read(path);
        file.and_then(|file| file.len()).unwrap_or(0)
    }
}

const SET_ASIDE: &str = "file was set aside as damaged";
