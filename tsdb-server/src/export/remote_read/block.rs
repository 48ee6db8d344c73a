//! A snappy block that is made while its contents are, so that they are never in memory as a whole.
//!
//! A block is the length of its contents and then elements that refer to what is at most 64 KiB back, so that parts which
//! were compressed each by itself can stand one after the other. Protobuf has the length of a message before the message,
//! where it is known last: a message is a block too until it is whole, and then joins the one around it.

use snap::raw::{Encoder, max_compress_len};

use tsdb_core::{MemoryBudget, Reservation};

use super::message::Message;
use crate::error::ApiError;
use crate::ingest::WriteError;

/// Contents of a part, in bytes: what snappy compresses at once.
const PART_BYTES: usize = 64 << 10;

/// Contents of a message, compressed but for the end.
#[derive(Debug, Default)]
pub(super) struct Block {
    parts: Vec<Box<[u8]>>,
    /// Bytes of the contents that are in parts.
    squeezed: u64,
    /// The end of the contents.
    pub(super) rest: Message,
}

/// Compresses parts, and takes the memory for them.
#[derive(Debug)]
pub(super) struct Squeezer {
    encoder: Encoder,
    buffer: Vec<u8>,
    share: Reservation,
}

impl Squeezer {
    pub(super) fn new(budget: &MemoryBudget) -> Result<Self, WriteError> {
        Ok(Self {
            encoder: Encoder::new(),
            buffer: vec![0; max_compress_len(PART_BYTES)],
            share: budget.reserve(0)?,
        })
    }

    /// The elements of a part; its length, which a block of its own would begin with, is left out.
    fn elements(&mut self, part: &[u8]) -> Result<Box<[u8]>, WriteError> {
        let mut length = Message::default();
        length.raw(part.len() as u64);
        let compressed = self.encoder.compress(part, &mut self.buffer);
        let end = compressed.map_err(ApiError::internal)?;
        let elements = self.buffer.get(length.0.len()..end).unwrap_or_default();
        self.share.grow(elements.len() as u64)?;
        Ok(elements.into())
    }
}

impl Block {
    /// Bytes of the contents.
    pub(super) fn len(&self) -> u64 {
        self.squeezed + self.rest.0.len() as u64
    }

    /// Compresses what is worth it.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn squeeze(&mut self, squeezer: &mut Squeezer) -> Result<(), WriteError> {
        let mut parts = self.rest.0.chunks_exact(PART_BYTES);
        for part in &mut parts {
            self.parts.push(squeezer.elements(part)?);
            self.squeezed += part.len() as u64;
        }
        let squeezed = self.rest.0.len() - parts.remainder().len();
        if squeezed > 0 {
            self.rest.0.drain(..squeezed);
        }
        Ok(())
    }

    /// Compresses all there is.
    fn squeeze_all(&mut self, squeezer: &mut Squeezer) -> Result<(), WriteError> {
        self.squeeze(squeezer)?;
        if !self.rest.0.is_empty() {
            self.parts.push(squeezer.elements(&self.rest.0)?);
            self.squeezed += self.rest.0.len() as u64;
            self.rest.0.clear();
        }
        Ok(())
    }

    /// Appends a message, which is whole.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn message(
        &mut self,
        number: u32,
        message: Self,
        squeezer: &mut Squeezer,
    ) -> Result<(), WriteError> {
        self.rest.begin_bytes(number, message.len());
        if !message.parts.is_empty() {
            self.squeeze_all(squeezer)?;
            self.parts.extend(message.parts);
            self.squeezed += message.squeezed;
        }
        self.rest.0.extend_from_slice(&message.rest.0);
        self.squeeze(squeezer)
    }

    /// The whole block, in parts.
    ///
    /// # Errors
    /// When there is no memory for it, or when the contents are longer than those of a block may be.
    pub(super) fn finish(mut self, squeezer: &mut Squeezer) -> Result<Vec<Box<[u8]>>, WriteError> {
        self.squeeze_all(squeezer)?;
        if self.squeezed > u64::from(u32::MAX) {
            let len = self.squeezed;
            return Err(WriteError::bad_request(format!(
                "the answer does not fit into a snappy block: it has {len} bytes"
            )));
        }
        let mut length = Message::default();
        length.raw(self.squeezed);
        self.parts.insert(0, length.0.into());
        Ok(self.parts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn squeezer() -> Squeezer {
        Squeezer::new(&MemoryBudget::new(1 << 30)).unwrap()
    }

    fn bytes(block: Block) -> Vec<u8> {
        let parts = block.finish(&mut squeezer()).unwrap();
        let compressed = parts.concat();
        snap::raw::Decoder::new()
            .decompress_vec(&compressed)
            .unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn messages_in_messages_come_back(
            messages in proptest::collection::vec((any::<u8>(), 0_usize..200_000), 0..6),
            squeezed in any::<bool>(),
        ) {
            let mut squeezer = squeezer();
            let (mut outer, mut expected) = (Block::default(), Message::default());
            for (byte, len) in messages {
                let text: Vec<u8> = (0..len).map(|i| byte.wrapping_add((i / 100) as u8)).collect();
                let mut inner = Block::default();
                inner.rest.bytes(2, &text);
                if squeezed {
                    inner.squeeze(&mut squeezer).unwrap();
                }
                let mut plain = Message::default();
                plain.bytes(2, &text);
                prop_assert_eq!(inner.len(), plain.0.len() as u64);
                outer.message(1, inner, &mut squeezer).unwrap();
                expected.bytes(1, &plain.0);
            }
            prop_assert_eq!(bytes(outer), expected.0);
        }
    }

    #[test]
    fn parts_take_memory() {
        let mut squeezer = Squeezer::new(&MemoryBudget::new(3 * PART_BYTES as u64)).unwrap();
        let mut block = Block::default();
        let mut taken = 0;
        while block.squeeze(&mut squeezer).is_ok() {
            // Floats that rise do not become much smaller.
            let numbers = (0..PART_BYTES / 8).map(|i| (taken + i) as f64 / 3.0);
            let bytes = numbers.flat_map(|n| n.to_bits().to_le_bytes());
            block.rest.0.extend(bytes);
            taken += 1;
        }
        assert!((4..8).contains(&taken), "{taken}");
    }

    #[test]
    fn an_empty_block_is_a_zero() {
        let parts = Block::default().finish(&mut squeezer()).unwrap();
        assert_eq!(parts.concat(), [0]);
    }
}
