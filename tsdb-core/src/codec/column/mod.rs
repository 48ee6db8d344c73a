//! Columns: the values or the timestamps of one series as numbers with a common course; drawn in `docs/format/column.md`.
//!
//! * Every column comes back bit for bit. The writer models values (decimal, counted, rising in steps), and writes what
//!   the model misses.
//! * A column is written to two [`Streams`], of which a group is made. It does not say how many values it has, nor how
//!   long it is: its reader knows the one, and finds the other by reading.
//! * A column has at most [`MAX_VALUES`] values.
//!
//! From the outside in: `values` finds a scale in which the values are integers, `integers` what the integers have in
//! common, `shape` their course, `list` writes what is left as symbols and noise.

mod follow;
mod group;
mod integers;
mod list;
mod noise;
mod pack;
mod scale;
mod sequence;
mod shape;
mod streams;
mod strings;
mod symbol;
mod table;
mod values;

#[cfg(test)]
mod tests;

pub(crate) use group::{Followed, Group, GroupWriter};
#[cfg(test)]
pub(crate) use pack::MAX_STREAM_BYTES;
pub(crate) use pack::{Packer, Unpacker};
pub(crate) use sequence::{decode_integers, encode_integers, skip_integers};
pub(crate) use streams::{Streams, StreamsReader};
pub(crate) use strings::{decode_strings, encode_strings, skip_strings};
pub(crate) use table::{TimesRef, TimesTable, TimesTableBuilder};
pub(crate) use values::Choice;

use crate::codec::DecodeError;

/// Most values of a column: 12 days of one a second.
pub(crate) const MAX_VALUES: usize = 1 << 20;

/// Refuses a number of values that no column has, before memory is taken for them.
fn check_count(from: &StreamsReader<'_>, count: usize) -> Result<(), DecodeError> {
    if count > MAX_VALUES {
        return Err(from.error("column of too many values"));
    }
    Ok(())
}
