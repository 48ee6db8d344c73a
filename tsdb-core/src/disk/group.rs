//! What is read of a run at once: a group of columns, or a table of timestamps.

use super::checksum::FileIdentity;
use super::chunk_group::{self, ChunkGroup};
use super::field_group::FieldGroup;
use super::float_group::FloatGroup;
use super::group_header::{Contents, GroupHeader};
use super::listed_group;
use super::starts::{self, GroupStarts};
use super::times::{self, TimesTable};
use crate::codec::cursor::Cursor;
use crate::codec::{DecodeError, column};
use crate::model::StartRun;

/// Bytes of a group or a table in the file, at most.
pub(super) const MAX_STORED_BYTES: usize = {
    let (chunks, floats) = (
        chunk_group::MAX_STORED_BYTES,
        listed_group::MAX_STORED_BYTES,
    );
    let groups = if chunks > floats { chunks } else { floats };
    let groups = groups + starts::MAX_STORED_BYTES;
    let times = times::MAX_STORED_BYTES;
    if groups > times { groups } else { times }
};

/// A group in memory.
#[derive(Debug)]
pub(crate) struct Group {
    pub(super) columns: GroupColumns,
    starts: GroupStarts,
}

/// The columns of a group.
#[derive(Debug)]
pub(super) enum GroupColumns {
    /// Columns that are lists of chunks.
    Chunks(ChunkGroup),
    /// Decimal columns.
    Floats(FloatGroup),
    /// Columns of integers, booleans or strings.
    Fields(FieldGroup),
}

impl Group {
    /// Bytes of memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let columns = match &self.columns {
            GroupColumns::Chunks(group) => group.bytes(),
            GroupColumns::Floats(group) => group.bytes(),
            GroupColumns::Fields(group) => group.bytes(),
        };
        columns + self.starts.bytes()
    }

    /// The start times of the column `index`.
    pub(super) fn starts_of(&self, index: u32) -> &[StartRun] {
        self.starts.of(index)
    }
}

/// Verifies and decompresses groups and tables; its buffers are used again.
pub(super) struct Unpacker {
    decompressor: zstd::bulk::Decompressor<'static>,
    columns: column::Unpacker,
    pub(super) stored: Vec<u8>,
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacker").finish_non_exhaustive()
    }
}

impl Unpacker {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            decompressor: zstd::bulk::Decompressor::new()?,
            columns: column::Unpacker::new()?,
            stored: Vec::new(),
        })
    }

    /// The group whose bytes, which stand at `offset` of the file, are in `stored`; also gives what it says of itself.
    pub(super) fn group(
        &mut self,
        file: FileIdentity,
        offset: u64,
    ) -> Result<(GroupHeader, Group), DecodeError> {
        let (header, contents) = GroupHeader::open(&self.stored, file, offset)?;
        let mut contents = Cursor::new(contents);
        let starts = match header.start_times {
            true => GroupStarts::read(&mut contents, header.columns, &mut self.columns)?,
            false => GroupStarts::default(),
        };
        let contents = contents.rest();
        let columns = match header.contents {
            Contents::Chunks(kind) => {
                ChunkGroup::unpack(kind, header, contents, &mut self.decompressor)
                    .map(GroupColumns::Chunks)
            }
            Contents::Floats => {
                FloatGroup::unpack(header, contents, &mut self.columns).map(GroupColumns::Floats)
            }
            Contents::Fields(kind) => FieldGroup::unpack(kind, header, contents, &mut self.columns)
                .map(GroupColumns::Fields),
            Contents::Times => Err(DecodeError {
                what: "a table of timestamps is in the place of a group",
                at: 0,
            }),
        }?;
        Ok((header, Group { columns, starts }))
    }

    /// The table whose bytes, which stand at `offset` of the file, are in `stored`; also gives what it says of itself.
    pub(super) fn table(
        &mut self,
        file: FileIdentity,
        offset: u64,
    ) -> Result<(GroupHeader, TimesTable), DecodeError> {
        let (header, contents) = GroupHeader::open(&self.stored, file, offset)?;
        if header.contents != Contents::Times {
            return Err(DecodeError {
                what: "a group is in the place of a table of timestamps",
                at: 0,
            });
        }
        Ok((
            header,
            TimesTable::unpack(header, contents, &mut self.columns)?,
        ))
    }
}
