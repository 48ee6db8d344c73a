//! A frame: a payload with its sequence number, and the checksums that tie both to their place.
//!
//! The identity of the place (store, generation, segment, offset) stands under both checksums and nowhere in the bytes,
//! so that neither a stale frame nor bytes that someone sent to be stored ever verify by luck. The header has a checksum
//! of its own: looking for the next frame in a damaged stretch costs a few dozen bytes a candidate, whatever the
//! candidates claim as their length.

use crate::codec::DecodeError;
use crate::codec::crc::crc32;
use crate::codec::cursor::Cursor;

/// The first bytes of every frame; not UTF-8.
pub(super) const MAGIC: [u8; 4] = *b"\xf7wal";
/// The one type of frame: the record of a batch.
const TYPE_BATCH: u8 = 1;
/// Bytes of a header before its checksum.
const FIELDS_LEN: usize = 4 + 1 + 1 + 8 + 8 + 8;
/// Bytes of a header.
pub(super) const HEADER_LEN: usize = FIELDS_LEN + CRC_LEN;
const CRC_LEN: usize = 4;
/// Bytes of a frame beside its payload.
pub(super) const OVERHEAD: usize = HEADER_LEN + CRC_LEN;
const PLACE_LEN: usize = 16 + 8 + 4 + 8;

/// Where a frame stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Id of the store.
    pub(super) store: u128,
    pub(super) generation: u64,
    /// Index of the segment in its generation.
    pub(super) segment: u32,
    /// Of the frame's first byte in the file.
    pub(super) offset: u64,
}

/// A frame that verified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) seq: u64,
    /// Every frame up to this one was durable when this one was written.
    pub(super) durable_seq: u64,
    pub(crate) payload: &'a [u8],
}

impl Place {
    fn identity(&self) -> [u8; PLACE_LEN] {
        let mut bytes = [0; PLACE_LEN];
        let (store, rest) = bytes.split_at_mut(16);
        let (generation, rest) = rest.split_at_mut(8);
        let (segment, offset) = rest.split_at_mut(4);
        store.copy_from_slice(&self.store.to_le_bytes());
        generation.copy_from_slice(&self.generation.to_le_bytes());
        segment.copy_from_slice(&self.segment.to_le_bytes());
        offset.copy_from_slice(&self.offset.to_le_bytes());
        bytes
    }

    fn header_crc(&self, fields: &[u8]) -> u32 {
        crc32(&self.identity(), fields)
    }

    /// Over the fields of the header, not over its checksum: the CRC of bytes followed by their CRC is a constant, and
    /// what stands before them would not be covered.
    fn payload_crc(&self, fields: &[u8; FIELDS_LEN], payload: &[u8]) -> u32 {
        let mut identity = [0; PLACE_LEN + FIELDS_LEN];
        let (place, rest) = identity.split_at_mut(PLACE_LEN);
        place.copy_from_slice(&self.identity());
        rest.copy_from_slice(fields);
        crc32(&identity, payload)
    }
}

impl Frame<'_> {
    /// Bytes of the whole frame.
    pub(super) fn len(&self) -> usize {
        OVERHEAD + self.payload.len()
    }
}

/// Fills header and checksum into `frame`: room for the header, the payload, room for the checksum.
pub(super) fn seal(frame: &mut [u8], place: &Place, seq: u64, durable_seq: u64) {
    assert!(
        frame.len() >= OVERHEAD,
        "a frame has room for its header and checksum"
    );
    debug_assert!(durable_seq < seq);
    let (header, rest) = frame.split_at_mut(HEADER_LEN);
    let (payload, payload_crc) = rest.split_at_mut(rest.len() - CRC_LEN);

    let mut fields = [0; FIELDS_LEN];
    let (magic, numbers) = fields.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    numbers[0] = TYPE_BATCH;
    // numbers[1]: flags, none yet.
    numbers[2..10].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    numbers[10..18].copy_from_slice(&seq.to_le_bytes());
    numbers[18..26].copy_from_slice(&durable_seq.to_le_bytes());

    header[..FIELDS_LEN].copy_from_slice(&fields);
    header[FIELDS_LEN..].copy_from_slice(&place.header_crc(&fields).to_le_bytes());
    payload_crc.copy_from_slice(&place.payload_crc(&fields, payload).to_le_bytes());
}

/// Reads the frame at the start of `bytes`.
///
/// # Errors
/// When there is none that verifies at `place`.
pub(super) fn read_frame<'a>(bytes: &'a [u8], place: &Place) -> Result<Frame<'a>, DecodeError> {
    let mut cursor = Cursor::new(bytes);
    let Some(fields) = bytes.first_chunk::<FIELDS_LEN>() else {
        return Err(cursor.error("frame header is cut short"));
    };
    if cursor.bytes(MAGIC.len())? != MAGIC {
        return Err(cursor.error("no frame begins here"));
    }
    let kind = cursor.u8()?;
    let flags = cursor.u8()?;
    let len = cursor.u64()?;
    let seq = cursor.u64()?;
    let durable_seq = cursor.u64()?;
    if cursor.u32()? != place.header_crc(fields) {
        return Err(cursor.error("checksum of the frame header does not match"));
    }
    if (kind, flags) != (TYPE_BATCH, 0) {
        return Err(cursor.error("unknown type of frame"));
    }
    if durable_seq >= seq || seq == u64::MAX {
        return Err(cursor.error("frame header contradicts itself"));
    }
    let len = usize::try_from(len).map_err(|_| cursor.error("frame is cut short"))?;
    let payload = cursor
        .bytes(len)
        .map_err(|_| cursor.error("frame is cut short"))?;
    if cursor.u32()? != place.payload_crc(fields, payload) {
        return Err(cursor.error("checksum of the frame does not match"));
    }
    Ok(Frame {
        seq,
        durable_seq,
        payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place {
        store: 0x0123_4567_89ab_cdef,
        generation: 7,
        segment: 2,
        offset: 4096,
    };

    fn sealed(payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; HEADER_LEN];
        frame.extend_from_slice(payload);
        frame.extend([0; CRC_LEN]);
        seal(&mut frame, &PLACE, 12, 9);
        frame
    }

    #[test]
    fn round_trips() {
        for payload in [&b""[..], b"payload"] {
            let bytes = sealed(payload);
            let frame = read_frame(&bytes, &PLACE).unwrap();
            assert_eq!((frame.seq, frame.durable_seq), (12, 9));
            assert_eq!(frame.payload, payload);
            assert_eq!(frame.len(), bytes.len());
        }
    }

    #[test]
    fn no_flipped_bit_verifies() {
        let bytes = sealed(b"payload");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(read_frame(&flipped, &PLACE).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(read_frame(&bytes[..len], &PLACE).is_err(), "{len} bytes");
        }
    }

    /// The payload's checksum must depend on the place too, although the header's checksum stands between.
    #[test]
    fn both_checksums_depend_on_the_place() {
        let bytes = sealed(b"payload");
        for place in [
            Place { store: 1, ..PLACE },
            Place {
                generation: 8,
                ..PLACE
            },
            Place {
                segment: 3,
                ..PLACE
            },
            Place {
                offset: 4097,
                ..PLACE
            },
        ] {
            let mut other = bytes.clone();
            seal(&mut other, &place, 12, 9);
            let header = FIELDS_LEN..HEADER_LEN;
            assert_ne!(other[header.clone()], bytes[header]);
            assert_ne!(
                other[bytes.len() - CRC_LEN..],
                bytes[bytes.len() - CRC_LEN..]
            );
            assert!(read_frame(&bytes, &place).is_err());
        }
    }
}
