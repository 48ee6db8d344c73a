//! The file of the catalogue: a header and changes, each under a checksum.
//!
//! It is written anew at every open, under another name and then renamed, and appended to after that. Where that cannot be done, because
//! the disk is full, what there is is read, and it is written anew with the first change.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::change::Change;
use super::state::State;

const FILE_NAME: &str = "influx.catalog";
const TEMPORARY_NAME: &str = "influx.catalog.tmp";
/// A copy of a file that was damaged.
const DAMAGED_NAME: &str = "influx.catalog.damaged";

/// What the file begins with: a name and the version of the format.
const HEADER: [u8; 8] = *b"TSDBIC\x01\0";

/// The longest change, in bytes: of three texts that together fit one line.
const MAX_CHANGE_BYTES: u32 = 1 << 20;

/// The file, or what it is to hold.
#[derive(Debug)]
pub(super) struct Journal {
    dir: PathBuf,
    /// `None` while it cannot be written.
    file: Option<Appended>,
    /// What it is to hold then.
    unwritten: State,
}

#[derive(Debug)]
struct Appended {
    file: File,
    /// Where the next change goes: behind the last one that is durable.
    end: u64,
}

impl Journal {
    /// Reads the file in `dir`, if there is one, and begins it anew.
    pub(super) fn open(dir: &Path) -> io::Result<(Self, State)> {
        let path = dir.join(FILE_NAME);
        let state = match read_what_is_left(&path) {
            Ok(bytes) => {
                let Read { state, damaged_at } = read(&bytes, &path)?;
                if let Some(offset) = damaged_at {
                    let kept = dir.join(DAMAGED_NAME);
                    let copied = fs::write(&kept, &bytes);
                    tracing::warn!(
                        path = %path.display(),
                        offset,
                        kept = %kept.display(),
                        not_kept = copied.err().map(|error| error.to_string()),
                        "the catalogue of databases is damaged: what is readable counts, fields come again with the next writes"
                    );
                }
                state
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => State::default(),
            Err(e) => return Err(e),
        };
        let begun = Appended::begin(dir, &state);
        let mut journal = Self {
            dir: dir.to_owned(),
            file: None,
            unwritten: State::default(),
        };
        match begun {
            Ok(file) => journal.file = Some(file),
            Err(error) => {
                tracing::warn!(
                    path = %path.display(), %error,
                    "the catalogue of databases cannot be written: it is tried again with the first change"
                );
                journal.unwritten = state.clone();
            }
        }
        Ok((journal, state))
    }

    /// Appends changes and waits until they are durable. After an error the next append writes over what this left.
    pub(super) fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => Appended::begin(&self.dir, &self.unwritten)?,
        };
        self.file.insert(file).append(changes)
    }
}

impl Appended {
    /// Writes a file that holds `state`.
    fn begin(dir: &Path, state: &State) -> io::Result<Self> {
        let mut bytes = HEADER.to_vec();
        for change in state.changes() {
            frame(&change, &mut bytes);
        }
        let temporary: PathBuf = dir.join(TEMPORARY_NAME);
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .open(&temporary)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, dir.join(FILE_NAME))?;
        File::open(dir)?.sync_all()?;
        Ok(Self {
            file,
            end: bytes.len() as u64,
        })
    }

    fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for change in changes {
            frame(change, &mut bytes);
        }
        self.file.set_len(self.end)?;
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&bytes)?;
        self.file.sync_data()?;
        self.end += bytes.len() as u64;
        Ok(())
    }
}

/// The bytes of a file; zeros for blocks of it that the disk does not give.
fn read_what_is_left(path: &Path) -> io::Result<Vec<u8>> {
    const BLOCK: usize = 4096;
    let mut file = File::open(path)?;
    let len = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut bytes = vec![0; len];
    for (block, at) in bytes.chunks_mut(BLOCK).zip((0..).step_by(BLOCK)) {
        let read = file
            .seek(SeekFrom::Start(at))
            .and_then(|_| file.read_exact(block));
        if let Err(error) = read {
            tracing::warn!(path = %path.display(), offset = at, %error, "bytes cannot be read");
            block.fill(0);
        }
    }
    Ok(bytes)
}

/// `│ length u32 │ checksum u32 │ change │`, little-endian; the checksum is CRC-32 of the length and the change.
fn frame(change: &Change, out: &mut Vec<u8>) {
    let mut body = Vec::new();
    change.encode(&mut body);
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&checksum(length, &body).to_le_bytes());
    out.extend_from_slice(&body);
}

fn checksum(length: [u8; 4], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(body);
    hasher.finalize()
}

/// What was read of the file.
struct Read {
    state: State,
    /// Where it is damaged first, in bytes from its start.
    damaged_at: Option<usize>,
}

/// The state that the file's changes lead to. What follows the last whole change is a write that was never acknowledged. A
/// change that is damaged with others behind it is lost, and they count: one that names what is not there changes nothing.
///
/// # Errors
/// For a file of another version.
fn read(bytes: &[u8], path: &Path) -> io::Result<Read> {
    let mut read = Read {
        state: State::default(),
        damaged_at: None,
    };
    let changes = bytes.get(HEADER.len()..).unwrap_or_default();
    if !bytes.starts_with(&HEADER) {
        // A header alone is damaged, or of a catalogue without anything in it.
        let is_another_version = bytes.starts_with(&HEADER[..6])
            && !changes.is_empty()
            && next_change(changes).is_none();
        if is_another_version {
            let place = format!("{} is a catalogue of another version", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, place));
        }
        read.damaged_at = Some(0);
    }
    let mut rest = changes;
    while let Some((skipped, change, tail)) = next_change(rest) {
        if skipped > 0 {
            read.damaged_at.get_or_insert(bytes.len() - rest.len());
        }
        read.state.apply(&change);
        rest = tail;
    }
    if !rest.is_empty() {
        tracing::info!(
            path = %path.display(),
            bytes = rest.len(),
            "the catalogue of databases ends in a change that was not finished; it is cut off"
        );
    }
    Ok(read)
}

/// The first whole change, how many bytes before it are none, and what follows it.
fn next_change(bytes: &[u8]) -> Option<(usize, Change, &[u8])> {
    (0..bytes.len()).find_map(|at| {
        let (body, tail) = whole_frame(bytes.get(at..)?)?;
        Some((at, Change::decode(body)?, tail))
    })
}

/// The change at the front, if its checksum fits, and what follows it.
fn whole_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*length) > MAX_CHANGE_BYTES {
        return None;
    }
    let size = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (body, tail) = rest.split_at_checked(size)?;
    (checksum(*length, body) == u32::from_le_bytes(*crc)).then_some((body, tail))
}
