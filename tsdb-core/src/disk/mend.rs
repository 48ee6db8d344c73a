//! What mends the end of a run (index, directory, footer and tail) when a part of it is damaged: checksums of its pages, and
//! the pages folded over each other. Drawn in `docs/format/run.md`.
//!
//! The end is cut into *stripes* of one length. Their exclusive or is kept, so that what is damaged in one stripe is what is
//! left of the others; neighbours are in one stripe, so that a bad sector is no more than that. The end of a small run is one
//! stripe, and stands twice.

use super::checksum::FileIdentity;
use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::io::{Mapped, ReadFile, read_what_is_left};

const MAGIC: [u8; 8] = *b"TSDBmend";
/// Bytes before the checksums of the pages: magic, length of the end, length of a stripe, checksum.
const HEADER_LEN: usize = 8 + 8 + 4 + CRC_LEN;
const CRC_LEN: usize = 4;
/// Bytes that have one checksum.
const PAGE: usize = 1024;
/// A stripe is at least so long that a block of 4 KiB touches each page of it once, wherever it begins.
const MIN_STRIPE: usize = 5 * PAGE;
/// A longer end has about this many stripes: what they cost is this part of it.
const STRIPES: usize = 16;

/// Length of the stripes of an end.
fn stripe_len(end_len: usize) -> usize {
    let wanted = end_len.div_ceil(STRIPES).next_multiple_of(PAGE);
    wanted.max(MIN_STRIPE)
}

/// Bytes of the block for an end of so many.
pub(super) fn block_len(end_len: usize) -> usize {
    let crcs = end_len.div_ceil(PAGE) * CRC_LEN;
    HEADER_LEN + crcs + stripe_len(end_len).min(end_len) + CRC_LEN
}

/// The block for `end`; it stands at `offset`, and the end right behind it.
pub(super) fn block(file: FileIdentity, offset: u64, end: &[u8]) -> Vec<u8> {
    let stripe = stripe_len(end.len());
    let mut block = Vec::with_capacity(block_len(end.len()));
    block.extend(MAGIC);
    block.extend((end.len() as u64).to_le_bytes());
    block.extend((stripe as u32).to_le_bytes());
    block.extend(file.crc(offset, &block).to_le_bytes());
    let end_at = offset + block_len(end.len()) as u64;
    for (page, at) in end.chunks(PAGE).zip((end_at..).step_by(PAGE)) {
        block.extend(file.crc(at, page).to_le_bytes());
    }
    let mut folded = vec![0; stripe.min(end.len())];
    end.chunks(stripe).for_each(|part| fold(&mut folded, part));
    block.extend(folded);
    block.extend(file.crc(offset, &block).to_le_bytes());
    block
}

fn fold(into: &mut [u8], part: &[u8]) {
    for (byte, other) in into.iter_mut().zip(part) {
        *byte ^= other;
    }
}

/// Length of the end and of its stripes, from the header of the block that stands at `offset` of the file.
fn read_header(
    file: FileIdentity,
    offset: u64,
    cursor: &mut Cursor<'_>,
) -> Result<(usize, usize), DecodeError> {
    let covered = cursor.rest().get(..HEADER_LEN - CRC_LEN);
    let crc = covered.map(|covered| file.crc(offset, covered));
    if cursor.bytes(MAGIC.len())? != MAGIC {
        return Err(cursor.error("no repair block begins here"));
    }
    let (end_len, stripe) = (cursor.u64()?, cursor.u32()? as usize);
    if Some(cursor.u32()?) != crc {
        return Err(cursor.error("header of the repair block does not match its checksum"));
    }
    let end_len = usize::try_from(end_len).map_err(|_| cursor.error("end is too long"))?;
    if stripe != stripe_len(end_len) {
        return Err(cursor.error("repair block contradicts itself"));
    }
    Ok((end_len, stripe))
}

/// A block whose header is intact.
struct Block<'a> {
    crcs: &'a [u8],
    folded: &'a [u8],
    stripe: usize,
    end_len: usize,
    len: usize,
    /// Whether all of it is.
    is_intact: bool,
}

impl<'a> Block<'a> {
    /// Reads the block at the start of `bytes`, which stand at `offset` of the file.
    fn read(file: FileIdentity, offset: u64, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(bytes);
        let (end_len, stripe) = read_header(file, offset, &mut cursor)?;
        let crcs = cursor.bytes(end_len.div_ceil(PAGE) * CRC_LEN)?;
        let folded = cursor.bytes(stripe.min(end_len))?;
        let covered = Cursor::new(bytes).bytes(HEADER_LEN + crcs.len() + folded.len())?;
        Ok(Self {
            crcs,
            folded,
            stripe,
            end_len,
            len: covered.len() + CRC_LEN,
            is_intact: cursor.u32()? == file.crc(offset, covered),
        })
    }

    fn crc(&self, page: usize) -> Option<u32> {
        let crc = self.crcs.get(page * CRC_LEN..)?.first_chunk()?;
        Some(u32::from_le_bytes(*crc))
    }
}

/// Checks the block that stands at `offset` of a file; `bytes` are all of it.
pub(super) fn check(file: FileIdentity, offset: u64, bytes: &[u8]) -> Result<(), &'static str> {
    match Block::read(file, offset, bytes) {
        Ok(block) if block.len != bytes.len() => Err("repair block has another length"),
        Ok(block) if !block.is_intact => Err("repair block does not match its checksum"),
        Ok(_) => Ok(()),
        Err(e) => Err(e.what),
    }
}

/// The end of a file as it was written.
#[derive(Debug)]
pub(super) struct Mended {
    pub(super) bytes: Mapped,
    /// Where it stands in the file.
    pub(super) offset: u64,
    /// Where the first of the bytes that were mended stands.
    pub(super) damaged_at: u64,
    /// How many there are, up to the end of the last page of them.
    pub(super) damaged_len: u64,
}

/// Makes the end of a damaged file as it was. `None` where that cannot be done. A block that is damaged itself serves as far as
/// it goes: what was mended with it matches its checksum or is not taken. What the disk does not give is damaged.
pub(super) fn mend(file: FileIdentity, source: &dyn ReadFile) -> Option<Mended> {
    let file_len = source.len().ok()?;
    let (at, bytes) = find_block(file, source, file_len)?;
    let block = Block::read(file, at, &bytes).ok()?;
    let offset = at + block.len as u64;
    let there = usize::try_from(file_len.saturating_sub(offset)).ok()?;
    let kept = there.min(block.end_len);
    let mut end = bytes.get(block.len..block.len + kept)?.to_vec();
    end.resize(block.end_len, 0);
    let crc_of = |end: &[u8], page: usize| {
        let from = page * PAGE;
        let bytes = end.get(from..end.len().min(from + PAGE))?;
        Some(file.crc(offset + from as u64, bytes))
    };
    let pages = block.end_len.div_ceil(PAGE);
    let bad: Vec<usize> = (0..pages)
        .filter(|&page| crc_of(&end, page) != block.crc(page))
        .collect();
    for &page in &bad {
        let from = page * PAGE;
        let len = (block.end_len - from).min(PAGE);
        let mut mended = vec![0; len];
        let column = from % block.stripe;
        fold(&mut mended, block.folded.get(column..)?);
        for other in (column..block.end_len).step_by(block.stripe) {
            if other != from {
                fold(&mut mended, end.get(other..)?);
            }
        }
        end.get_mut(from..from + len)?.copy_from_slice(&mended);
    }
    // Where two stripes are damaged in one place nothing fits.
    if bad
        .iter()
        .any(|&page| crc_of(&end, page) != block.crc(page))
    {
        return None;
    }
    let (first, last) = match (bad.first(), bad.last()) {
        (Some(first), Some(last)) => (first * PAGE, ((last + 1) * PAGE).min(block.end_len)),
        // Something stands behind it.
        _ => (block.end_len, there),
    };
    Some(Mended {
        bytes: Mapped::Heap(end.into()),
        offset,
        damaged_at: offset + first as u64,
        damaged_len: last.saturating_sub(first) as u64,
    })
}

/// Bytes of a file that are searched for a block at once.
const PIECE: u64 = 1 << 20;

/// Finds the last block of a file of `len` bytes: where it stands, and it and what it mends, as far as that is there.
fn find_block(file: FileIdentity, source: &dyn ReadFile, len: u64) -> Option<(u64, Vec<u8>)> {
    // From behind: the end is the smaller part of most files.
    let mut end = len;
    while end > 0 {
        let start = end.saturating_sub(PIECE);
        // A header that begins in the piece may end behind it.
        let piece = read(source, start, len.min(end + HEADER_LEN as u64))?;
        let found = piece.windows(MAGIC.len()).enumerate().rev();
        for (at, _) in found.filter(|(_, window)| *window == MAGIC) {
            let (header, at) = (piece.get(at..)?, start + at as u64);
            let Ok((end_len, _)) = read_header(file, at, &mut Cursor::new(header)) else {
                continue;
            };
            let wanted = (block_len(end_len) as u64).saturating_add(end_len as u64);
            // A file that was cut short further than can be mended is not worth the memory.
            if wanted - (len - at).min(wanted) > stripe_len(end_len) as u64 {
                continue;
            }
            let bytes = read(source, at, at.saturating_add(wanted).min(len))?;
            if Block::read(file, at, &bytes).is_ok() {
                return Some((at, bytes));
            }
        }
        end = start;
    }
    None
}

/// The bytes `from..to` of a file; zeros where the disk does not give them.
fn read(source: &dyn ReadFile, from: u64, to: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(to - from).ok()?];
    // Nothing of it is as good as damaged.
    let _ = read_what_is_left(source, from, &mut bytes);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileIdentity = FileIdentity {
        store_id: 7,
        file_id: 5,
    };
    const BEFORE: usize = 100;

    /// Something before it, the block, an end of so many bytes.
    fn file(end_len: usize) -> (Vec<u8>, usize) {
        let mut state = 1u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let mut bytes: Vec<u8> = (0..BEFORE).map(|_| noise()).collect();
        let end: Vec<u8> = (0..end_len).map(|_| noise()).collect();
        let block = block(FILE, BEFORE as u64, &end);
        assert_eq!(block.len(), block_len(end_len));
        bytes.extend(block);
        let start = bytes.len();
        bytes.extend(end);
        (bytes, start)
    }

    fn mend_bytes(file: FileIdentity, bytes: &[u8]) -> Option<Mended> {
        mend(file, &BadDisk(bytes.to_vec(), 0..0))
    }

    /// A file on a disk that does not give a range of it.
    #[derive(Debug)]
    struct BadDisk(Vec<u8>, std::ops::Range<usize>);

    impl ReadFile for BadDisk {
        fn len(&self) -> std::io::Result<u64> {
            Ok(self.0.len() as u64)
        }

        fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> std::io::Result<()> {
            let start = usize::try_from(offset).unwrap();
            let end = start + buf.len();
            if start < self.1.end && self.1.start < end {
                return Err(std::io::Error::from_raw_os_error(5));
            }
            buf.copy_from_slice(&self.0[start..end]);
            Ok(())
        }
    }

    #[test]
    fn what_the_disk_does_not_give_is_mended() {
        let (whole, start) = file(3_000_000);
        for at in [start, start + 4_096, start + 1_500_000, whole.len() - 1] {
            let disk = BadDisk(whole.clone(), at..at + 1);
            let mended = mend(FILE, &disk).unwrap_or_else(|| panic!("byte {at} of {start}"));
            assert!(mended.bytes[..] == whole[start..], "byte {at}");
            let damaged = mended.damaged_at..mended.damaged_at + mended.damaged_len;
            assert!(damaged.contains(&(at as u64)), "{damaged:?}");
        }
    }

    fn assert_mended(bytes: &[u8], whole: &[u8], start: usize, when: &str) -> Mended {
        let mended = mend_bytes(FILE, bytes).unwrap_or_else(|| panic!("{when}: not mended"));
        assert!(mended.bytes[..] == whole[start..], "{when}");
        assert_eq!(mended.offset, start as u64);
        mended
    }

    #[test]
    fn any_block_of_four_kilobytes_is_mended() {
        for end_len in [1, 300, PAGE, 5_000, MIN_STRIPE + 1, 100_000, 200_001] {
            let (whole, start) = file(end_len);
            check(FILE, BEFORE as u64, &whole[BEFORE..start]).unwrap();
            for from in (start.saturating_sub(4_000)..whole.len()).step_by(1_777) {
                let mut bytes = whole.clone();
                let first = from.max(start);
                let to = (from + 4_096).min(whole.len());
                // A part of the block goes with it, unless both are so small that the same is gone twice.
                let small = end_len < MIN_STRIPE;
                bytes[if small { first } else { from }..to].fill(0);
                let mended = assert_mended(&bytes, &whole, start, &format!("{end_len}: {from}"));
                let damaged = mended.damaged_at..mended.damaged_at + mended.damaged_len;
                assert!(damaged.contains(&(first as u64)), "{damaged:?}");
                assert!(damaged.contains(&(to as u64 - 1)), "{damaged:?}");
            }
        }
    }

    #[test]
    fn a_cut_or_a_longer_end_is_mended_up_to_a_stripe() {
        let (whole, start) = file(100_000);
        let stripe = stripe_len(100_000);
        for lost in [1, 17, 4_096, stripe - PAGE] {
            let bytes = &whole[..whole.len() - lost];
            assert_mended(bytes, &whole, start, &format!("{lost} bytes are gone"));
        }
        let bytes = &whole[..whole.len() - stripe - 1];
        assert!(mend_bytes(FILE, bytes).is_none());
        let longer = [&whole[..], b"more"].concat();
        let mended = assert_mended(&longer, &whole, start, "longer");
        assert_eq!(mended.damaged_at, whole.len() as u64);
        assert_eq!(mended.damaged_len, 4);
    }

    #[test]
    fn what_cannot_be_mended_is_not_and_a_damaged_block_is_found() {
        let (whole, start) = file(100_000);
        let stripe = stripe_len(100_000);
        let mut twice = whole.clone();
        twice[start + 10] ^= 1;
        twice[start + 10 + stripe] ^= 1;
        assert!(
            mend_bytes(FILE, &twice).is_none(),
            "one place of two stripes"
        );
        twice[start + 10] ^= 1;
        assert_mended(&twice, &whole, start, "one of them");
        for at in (BEFORE..start).step_by(89) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            check(FILE, BEFORE as u64, &bytes[BEFORE..start]).unwrap_err();
            // The rest serves.
            if let Some(mended) = mend_bytes(FILE, &bytes) {
                assert!(mended.bytes[..] == whole[start..], "byte {at}");
            }
        }
        let other = FileIdentity {
            store_id: 8,
            ..FILE
        };
        assert!(mend_bytes(other, &whole).is_none(), "of another store");
        assert!(mend_bytes(FILE, &whole[1..]).is_none(), "in another place");
    }
}
