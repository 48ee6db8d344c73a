//! The file of the catalogue: a header and changes, each under a checksum.
//!
//! It is written anew at every open, under another name and then renamed, and appended to after that.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::change::Change;
use super::state::State;

const FILE_NAME: &str = "influx.catalog";
const TEMPORARY_NAME: &str = "influx.catalog.tmp";

/// What the file begins with: a name and the version of the format.
const HEADER: [u8; 8] = *b"TSDBIC\x01\0";

/// The longest change, in bytes: of three texts that together fit one line.
const MAX_CHANGE_BYTES: u32 = 1 << 20;

/// The open file.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    /// Where the next change goes: behind the last one that is durable.
    end: u64,
}

impl Journal {
    /// Reads the file in `dir`, if there is one, and begins it anew.
    pub(super) fn open(dir: &Path) -> io::Result<(Self, State)> {
        let path = dir.join(FILE_NAME);
        let state = match fs::read(&path) {
            Ok(bytes) => read(&bytes, &path)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => State::default(),
            Err(e) => return Err(e),
        };
        let journal = Self::begin(dir, &state)?;
        Ok((journal, state))
    }

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

    /// Appends changes and waits until they are durable. After an error the next append writes over what this left.
    pub(super) fn append(&mut self, changes: &[Change]) -> io::Result<()> {
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

/// The state that the file's changes lead to. What follows the last whole change is a write that was never
/// acknowledged; a change that is damaged with others behind it is an error, since their meaning may depend on it.
fn read(bytes: &[u8], path: &Path) -> io::Result<State> {
    let damaged = |what: &str, at: usize| {
        let place = format!("{} is damaged at byte {at}: {what}", path.display());
        io::Error::new(io::ErrorKind::InvalidData, place)
    };
    let mut rest = bytes
        .strip_prefix(&HEADER)
        .ok_or_else(|| damaged("it does not begin as a catalogue of version 1", 0))?;
    let mut state = State::default();
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let Some((body, tail)) = whole_frame(rest) else {
            if let Some(tail) = rest.get(8..).filter(|_| is_followed(rest)) {
                return Err(damaged(
                    "a checksum does not fit",
                    bytes.len() - tail.len() - 8,
                ));
            }
            tracing::warn!(
                path = %path.display(),
                bytes = rest.len(),
                "the catalogue of databases ends in a change that was not finished; it is cut off"
            );
            break;
        };
        let change = Change::decode(body).ok_or_else(|| damaged("a change has no meaning", at))?;
        state.apply(&change);
        rest = tail;
    }
    Ok(state)
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

/// Whether a whole change follows the broken one at the front, at the place where its length says or anywhere behind.
fn is_followed(bytes: &[u8]) -> bool {
    (1..bytes.len()).any(|at| {
        bytes
            .get(at..)
            .and_then(whole_frame)
            .is_some_and(|(body, _)| Change::decode(body).is_some())
    })
}
