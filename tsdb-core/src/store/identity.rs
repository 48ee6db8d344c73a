//! The `store` file, and small files that are written whole. Drawn in `docs/format/store.md`.

use std::io;
use std::path::Path;

use crate::codec::StoreIdentity;
use crate::codec::crc::crc32;
use crate::codec::cursor::Cursor;
use crate::error::{Error, Result};
use crate::io::{Fs, read_what_is_left};

const NAME: &str = "store";
const MAGIC: [u8; 8] = *b"TSDBSTOR";
const VERSION: u16 = 1;
const FILE_BYTES: usize = 8 + 2 + StoreIdentity::LEN + 4;

/// What the `store` file says.
#[derive(Debug)]
pub(super) enum StoreFile {
    Missing,
    /// Damaged: the identity stands in other files too.
    Damaged(Error),
    Identity(StoreIdentity),
}

/// Reads the `store` file.
///
/// # Errors
/// When it cannot be read, or is of a newer version.
pub(super) fn read(fs: &dyn Fs, dir: &Path) -> Result<StoreFile> {
    let path = dir.join(NAME);
    let Some(bytes) = read_whole(fs, &path)? else {
        return Ok(StoreFile::Missing);
    };
    let damaged = |what| Ok(StoreFile::Damaged(Error::corrupt(&path, 0, what)));
    if bytes.len() < FILE_BYTES || !bytes.starts_with(&MAGIC) {
        return damaged("not a store file");
    }
    let (contents, stored) = bytes.split_at(bytes.len() - 4);
    if Cursor::new(stored).u32() != Ok(crc32(&[], contents)) {
        return damaged("checksum does not match");
    }
    let mut cursor = Cursor::new(&contents[MAGIC.len()..]);
    match (cursor.u16(), StoreIdentity::decode(&mut cursor)) {
        (Ok(VERSION), Ok(identity)) => Ok(StoreFile::Identity(identity)),
        (Ok(found), _) => Err(Error::UnsupportedFormat {
            path,
            found,
            supported: VERSION..=VERSION,
        }),
        (Err(e), _) => damaged(e.what),
    }
}

/// Writes the `store` file.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(fs: &dyn Fs, dir: &Path, identity: StoreIdentity) -> Result<()> {
    write_whole(fs, dir, NAME, &encode(identity))
}

fn encode(identity: StoreIdentity) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(identity.to_bytes());
    let crc = crc32(&[], &bytes);
    bytes.extend(crc.to_le_bytes());
    bytes
}

/// Replaces a file by one with these contents, durably: after a crash either the old or the new one stands.
///
/// # Errors
/// When it cannot be written; the old one stands then.
pub(super) fn write_whole(fs: &dyn Fs, dir: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = dir.join(name);
    let tmp = dir.join(format!("{name}.tmp"));
    let at = |op, path: &Path| {
        let path = path.to_owned();
        move |e| Error::io(op, path, e)
    };
    match fs.remove(&tmp) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(at("remove", &tmp)(e)),
        _ => {}
    }
    let mut file = fs.create(&tmp).map_err(at("create", &tmp))?;
    file.write_all(bytes).map_err(at("write", &tmp))?;
    file.sync().map_err(at("fsync", &tmp))?;
    drop(file);
    fs.rename(&tmp, &path).map_err(at("rename", &tmp))?;
    fs.sync_dir(dir).map_err(at("fsync", dir))
}

/// Reads a small file whole; `None` when it is not there. What the disk does not give of it is zeros, which its checksum tells.
///
/// # Errors
/// When it cannot be opened.
pub(super) fn read_whole(fs: &dyn Fs, path: &Path) -> Result<Option<Vec<u8>>> {
    let io = |e| Error::io("read", path, e);
    let file = match fs.open_read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(io)?,
    };
    let len = usize::try_from(file.len().map_err(io)?)
        .map_err(|_| Error::corrupt(path, 0, "file is too large"))?;
    let mut bytes = vec![0; len];
    if let Some((unreadable, error)) = read_what_is_left(&*file, 0, &mut bytes) {
        tracing::warn!(path = %path.display(), unreadable, %error, "bytes cannot be read");
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::FaultFs;

    #[test]
    fn bytes_are_those_committed() {
        let identity = StoreIdentity {
            id: 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100,
            key: *b"sixteen bytes ok",
        };
        crate::golden::committed("store-v1", &encode(identity));
    }

    #[test]
    fn is_there_again_and_damage_is_noticed() {
        let fs = FaultFs::new();
        let dir = Path::new("/s");
        fs.create_dir_all(dir).unwrap();
        assert!(matches!(read(&fs, dir), Ok(StoreFile::Missing)));
        let identity = StoreIdentity::random();
        write(&fs, dir, identity).unwrap();
        assert!(matches!(read(&fs, dir), Ok(StoreFile::Identity(read)) if read == identity));

        let bytes = encode(identity);
        assert_eq!(bytes.len(), FILE_BYTES);
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            fs.overwrite(&dir.join(NAME), &flipped);
            assert!(
                matches!(read(&fs, dir), Ok(StoreFile::Damaged(_))),
                "byte {at}"
            );
            fs.overwrite(&dir.join(NAME), &bytes[..at]);
            assert!(
                matches!(read(&fs, dir), Ok(StoreFile::Damaged(_))),
                "cut at {at}"
            );
        }
    }
}
