//! The file of the elected replicas; drawn in `docs/format/ha.md`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::checksum::crc32c;

/// What the file begins with.
const MAGIC: &str = "tsdb-ha 1 ";

/// The largest file that is read, in bytes: all clusters with the longest names, each byte of them escaped.
const MAX_BYTES: u64 = 256 << 20;

/// Reads cluster and replica of each election; none when there is no file.
pub(super) fn read(path: &Path) -> io::Result<BTreeMap<String, String>> {
    let text = match fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(e),
        Ok(metadata) if metadata.len() > MAX_BYTES => return Err(damaged("it is too large")),
        Ok(_) => fs::read_to_string(path)?,
    };
    let rest = text
        .strip_prefix(MAGIC)
        .ok_or(damaged("not a file of version 1"))?;
    let (checksum, json) = rest.split_once('\n').ok_or(damaged("it is cut short"))?;
    if checksum != format!("{:08x}", crc32c(json.as_bytes())) {
        return Err(damaged("its checksum is wrong"));
    }
    Ok(serde_json::from_str(json)?)
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Replaces the file; after a crash the old or the new one is there.
pub(super) fn write(path: &Path, elected: &BTreeMap<String, String>) -> io::Result<()> {
    let json = serde_json::to_string(elected)?;
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    write!(file, "{MAGIC}{:08x}\n{json}", crc32c(json.as_bytes()))?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}
