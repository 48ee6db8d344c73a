//! Reading from a disk that does not give every block any more.

use std::io;

use super::fs::ReadFile;

/// A disk fails in units of this length, in bytes.
const BLOCK: u64 = 4096;

/// Fills `out` with the bytes of `file` from `offset` on. Of blocks that the disk does not give there are zeros; gives how many
/// bytes these are, and what the operating system said first.
pub(crate) fn read_what_is_left(
    file: &dyn ReadFile,
    offset: u64,
    out: &mut [u8],
) -> Option<(u64, io::Error)> {
    let error = file.read_exact_at(out, offset).err()?;
    let (mut unreadable, mut at, mut rest) = (0, offset, out);
    while !rest.is_empty() {
        let in_block = usize::try_from(BLOCK - at % BLOCK).unwrap_or(rest.len());
        let (block, behind) = rest.split_at_mut(in_block.min(rest.len()));
        if file.read_exact_at(block, at).is_err() {
            block.fill(0);
            unreadable += block.len() as u64;
        }
        at += block.len() as u64;
        rest = behind;
    }
    Some((unreadable, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk on which a range of bytes has gone bad.
    #[derive(Debug)]
    struct BadSector(Vec<u8>, std::ops::Range<usize>);

    impl ReadFile for BadSector {
        fn len(&self) -> io::Result<u64> {
            Ok(self.0.len() as u64)
        }

        fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
            let start = usize::try_from(offset).unwrap();
            let end = start + buf.len();
            if start < self.1.end && self.1.start < end {
                return Err(io::Error::from_raw_os_error(5));
            }
            buf.copy_from_slice(&self.0[start..end]);
            Ok(())
        }
    }

    #[test]
    fn a_bad_sector_costs_its_block() {
        let read = |file: BadSector, offset: usize| {
            let mut bytes = vec![1; file.0.len() - offset];
            let gone = read_what_is_left(&file, offset as u64, &mut bytes);
            (gone.map(|(bytes, _)| bytes), bytes)
        };
        assert_eq!(read(BadSector(vec![7; 9], 9..9), 0), (None, vec![7; 9]));
        assert_eq!(read(BadSector(vec![7; 9], 0..9), 0), (Some(9), vec![0; 9]));
        assert_eq!(read(BadSector(Vec::new(), 0..9), 0), (None, vec![]));
        let wanted = [vec![7; 4096], vec![0; 4096], vec![7; 1808]].concat();
        let bad = || BadSector(vec![7; 10_000], 5000..5001);
        assert_eq!(read(bad(), 0), (Some(4096), wanted.clone()));
        // Blocks are those of the file, wherever the reading begins.
        assert_eq!(read(bad(), 100), (Some(4096), wanted[100..].to_vec()));
    }
}
