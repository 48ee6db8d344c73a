//! Memory maps: the crate's only `unsafe`.
#![expect(
    unsafe_code,
    reason = "mapping a file cannot be proven safe to the compiler"
)]

use std::fs::File;
use std::io;
use std::sync::Arc;

use memmap2::Mmap;

use super::fs::Mapped;

/// Maps the whole of `file`, read only. The map outlives the handle and the file's name.
pub(super) fn map(file: &File) -> io::Result<Mapped> {
    if file.metadata()?.len() == 0 {
        // mmap(2) refuses a length of zero; an empty file has nothing to map.
        return Ok(Mapped::Heap(Arc::from([].as_slice())));
    }
    // SAFETY: a map is sound as long as nobody changes or shortens the file under it. `Fs::map` is called for
    // complete files only: synced, and never opened for writing again by this process, which holds the store's lock
    // against others. Removing the name (retention, merge) keeps the inode until the map is dropped. What another program
    // does to the files behind our back cannot be excluded here: what is wrong when a run is opened is met by lengths and
    // checksums, what is changed or cut short later by nothing but the scrub.
    let map = unsafe { Mmap::map(file)? };
    Ok(Mapped::Map(Arc::new(map)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn map_shows_the_file_and_outlives_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"mapped bytes").unwrap();
        let mapped = map(&File::open(&path).unwrap()).unwrap();
        drop(file);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(&mapped[..], b"mapped bytes");
    }

    #[test]
    fn empty_file_maps_to_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        File::create(&path).unwrap();
        assert!(map(&File::open(&path).unwrap()).unwrap().is_empty());
    }
}
