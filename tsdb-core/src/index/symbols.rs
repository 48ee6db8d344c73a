//! The strings of an index, each once, sorted, so that a number stands for a string and the numbers are in the order of
//! the strings. Front-coded: a string says how many bytes it shares with the one before it.

use std::cmp::Ordering;

use super::format::{OFFSET_LEN, SYMBOLS_PER_BLOCK, item, partition_point};
use crate::codec::DecodeError;
use crate::codec::cursor::Cursor;
use crate::codec::varint::push_uvarint;

/// Encodes strings that are sorted and each there once: the table of the blocks' offsets, and the blocks.
pub(super) fn encode<'a>(sorted: impl Iterator<Item = &'a [u8]>) -> (Vec<usize>, Vec<u8>) {
    let mut offsets = Vec::new();
    let mut blocks = Vec::new();
    let mut last: &[u8] = b"";
    for (id, text) in (0u32..).zip(sorted) {
        if id % SYMBOLS_PER_BLOCK == 0 {
            offsets.push(blocks.len());
            last = b"";
        }
        let shared = last.iter().zip(text).take_while(|(a, b)| a == b).count();
        let (_, rest) = text.split_at(shared);
        push_uvarint(&mut blocks, shared as u64);
        push_uvarint(&mut blocks, rest.len() as u64);
        blocks.extend_from_slice(rest);
        last = text;
    }
    (offsets, blocks)
}

/// The strings of an index. Positions in errors are counted from the start of the blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct SymbolTable<'a> {
    offsets: &'a [u8],
    blocks: &'a [u8],
    len: u32,
}

impl<'a> SymbolTable<'a> {
    /// `offsets` has an entry for each block of the `len` symbols.
    pub(super) fn new(offsets: &'a [u8], blocks: &'a [u8], len: u32) -> Self {
        debug_assert_eq!(
            offsets.len() / OFFSET_LEN,
            len.div_ceil(SYMBOLS_PER_BLOCK) as usize
        );
        Self {
            offsets,
            blocks,
            len,
        }
    }

    /// Number of the first string that is not below `text`, and whether it is `text`.
    pub(super) fn lower_bound(self, text: &[u8]) -> Result<(u32, bool), DecodeError> {
        let blocks = self.len.div_ceil(SYMBOLS_PER_BLOCK);
        let mut scan = self.scan();
        // The last block that begins at or below the text has the place, unless the text is behind all of it.
        let after = partition_point(blocks, |block| {
            Ok(scan.bytes(block * SYMBOLS_PER_BLOCK)? <= text)
        })?;
        let Some(block) = after.checked_sub(1) else {
            return Ok((0, false));
        };
        let start = block * SYMBOLS_PER_BLOCK;
        let end = start.saturating_add(SYMBOLS_PER_BLOCK).min(self.len);
        for id in start..end {
            match scan.bytes(id)?.cmp(text) {
                Ordering::Less => {}
                Ordering::Equal => return Ok((id, true)),
                Ordering::Greater => return Ok((id, false)),
            }
        }
        Ok((end, false))
    }

    /// Number of a string; `None` when it is not there.
    pub(super) fn find(self, text: &[u8]) -> Result<Option<u32>, DecodeError> {
        let (id, exact) = self.lower_bound(text)?;
        Ok(exact.then_some(id))
    }

    /// Reads strings by number; cheapest in rising order.
    pub(super) fn scan(self) -> SymbolScan<'a> {
        SymbolScan {
            table: self,
            text: Vec::new(),
            next: 0,
            block: Cursor::new(&[]),
            base: 0,
        }
    }

    fn block(self, block: u32) -> Result<&'a [u8], DecodeError> {
        item(self.offsets, self.blocks, block).ok_or(DecodeError {
            what: "symbol block lies outside of the symbols",
            at: 0,
        })
    }

    /// Where a part of the blocks begins in them.
    fn offset_of(self, part: &[u8]) -> usize {
        (part.as_ptr() as usize).saturating_sub(self.blocks.as_ptr() as usize)
    }
}

/// Decodes one string after the other and starts anew at a block where it must.
#[derive(Debug)]
pub(super) struct SymbolScan<'a> {
    table: SymbolTable<'a>,
    /// The string before `next`, if that is not the first of a block.
    text: Vec<u8>,
    /// Number of the string that `block` stands at; 0 before the first is read.
    next: u32,
    block: Cursor<'a>,
    /// Where the block begins.
    base: usize,
}

impl SymbolScan<'_> {
    /// The string with this number.
    ///
    /// # Errors
    /// When there is none or the bytes are damaged.
    pub(super) fn get(&mut self, id: u32) -> Result<&str, DecodeError> {
        let at = self.base;
        std::str::from_utf8(self.bytes(id)?).map_err(|_| DecodeError {
            what: "symbol is not UTF-8",
            at,
        })
    }

    fn bytes(&mut self, id: u32) -> Result<&[u8], DecodeError> {
        if id >= self.table.len {
            return Err(DecodeError {
                what: "symbol does not exist",
                at: self.base,
            });
        }
        let start = id - id % SYMBOLS_PER_BLOCK;
        // `next` is one behind the string held: at the border it may belong to the next block already.
        let held = self.next > start && self.next <= id + 1;
        if !held {
            let bytes = self.table.block(id / SYMBOLS_PER_BLOCK)?;
            self.base = self.table.offset_of(bytes);
            self.block = Cursor::new(bytes);
            self.text.clear();
            self.next = start;
        }
        while self.next <= id {
            let base = self.base;
            if let Err(e) = self.step() {
                // The place in the block is lost; 0 makes the next read look for it.
                self.next = 0;
                return Err(DecodeError {
                    at: base + e.at,
                    ..e
                });
            }
        }
        Ok(&self.text)
    }

    fn step(&mut self) -> Result<(), DecodeError> {
        let shared = self.block.count(self.text.len())?;
        let rest = self.block.count(self.block.remaining())?;
        let rest = self.block.bytes(rest)?;
        self.text.truncate(shared);
        self.text.extend_from_slice(rest);
        self.next += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn found_by_number_and_by_text(
            texts in prop::collection::btree_set("[ab]{0,3}|\\PC{0,6}|node_[a-c]{1,4}", 0..80),
            probes in prop::collection::vec("[ab]{0,3}|\\PC{0,6}|node_[a-c]{0,4}", 0..20),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        ) {
            let (offsets, blocks) = encode(texts.iter().map(String::as_bytes));
            let offsets: Vec<u8> = offsets.iter().flat_map(|&o| (o as u32).to_le_bytes()).collect();
            let table = SymbolTable::new(&offsets, &blocks, texts.len() as u32);
            let sorted: Vec<&str> = texts.iter().map(String::as_str).collect();
            let mut scan = table.scan();
            for index in order {
                if !sorted.is_empty() {
                    let id = index.index(sorted.len());
                    prop_assert_eq!(scan.get(id as u32), Ok(sorted[id]));
                }
            }
            prop_assert!(scan.get(sorted.len() as u32).is_err());
            for probe in probes.iter().chain(&texts) {
                let below = sorted.partition_point(|text| *text < probe.as_str()) as u32;
                prop_assert_eq!(table.lower_bound(probe.as_bytes()), Ok((below, texts.contains(probe))));
            }
        }

        #[test]
        fn damaged_bytes_never_panic(
            blocks in prop::collection::vec(any::<u8>(), 0..60),
            offsets in prop::collection::vec(0u32..80, 3),
        ) {
            let offsets: Vec<u8> = offsets.into_iter().flat_map(u32::to_le_bytes).collect();
            let table = SymbolTable::new(&offsets, &blocks, 40);
            let mut scan = table.scan();
            let readable: BTreeSet<u32> = (0..40).filter(|&id| scan.get(id).is_ok()).collect();
            let _ = (readable, table.find(b"a"));
        }
    }
}
