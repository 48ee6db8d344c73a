//! Bytes that are no column: an error, or some values, but no panic and no memory beyond what was allowed.

use proptest::prelude::*;

use super::{Reader, column};
use crate::codec::column::streams::Streams;
use crate::codec::column::{
    GroupWriter, MAX_VALUES, Packer, TimesRef, TimesTable, TimesTableBuilder, Unpacker,
};

/// Reads all that can be read.
fn read_group(streams: Streams, counts: &[u32]) -> Result<(), crate::codec::DecodeError> {
    let mut reader = Reader::over(streams, counts.to_vec())?;
    for column in (0..counts.len()).rev().chain(0..counts.len()) {
        let mut values = Vec::new();
        reader.decode(column, &mut values)?;
        assert_eq!(values.len(), counts[column] as usize);
    }
    Ok(())
}

fn read_table(streams: Streams) -> Result<(), crate::codec::DecodeError> {
    let table = TimesTable::from_streams(streams)?;
    for column in (0..table.columns()).take(100) {
        let column = TimesRef(column as u32);
        let mut times = Vec::new();
        table.decode(column, &mut times)?;
        assert_eq!(Some(times.len()), table.count(column));
    }
    Ok(())
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    // Small numbers are headers that mean something.
    prop::collection::vec(prop_oneof![any::<u8>(), 0..8_u8], 0..60)
}

/// Two streams, and what to damage in them: where, and by what.
fn damaged(
    streams: &Streams,
    at: prop::sample::Index,
    by: u8,
    cut: Option<prop::sample::Index>,
) -> Streams {
    let mut damaged = streams.clone();
    let all = damaged.symbols.len() + damaged.noise.len();
    if all > 0 {
        let at = at.index(all);
        let symbols = damaged.symbols.len();
        let byte = if at < symbols {
            &mut damaged.symbols[at]
        } else {
            &mut damaged.noise[at - symbols]
        };
        *byte = byte.wrapping_add(by);
        if let Some(cut) = cut {
            let cut = cut.index(all);
            if cut < symbols {
                damaged.symbols.truncate(cut);
            } else {
                damaged.noise.truncate(cut - symbols);
            }
        }
    }
    damaged
}

proptest! {
    #[test]
    fn any_bytes_as_a_group(symbols in bytes(), noise in bytes(), counts in prop::collection::vec(0..300_u32, 0..6)) {
        let _ = read_group(Streams { symbols, noise }, &counts);
    }

    #[test]
    fn any_bytes_as_a_table(symbols in bytes(), noise in bytes()) {
        let _ = read_table(Streams { symbols, noise });
    }

    #[test]
    fn any_bytes_as_a_packed_group(bytes in bytes()) {
        let mut streams = Streams::default();
        let _ = Unpacker::new().unwrap().unpack(&bytes, 1 << 16, &mut streams);
    }

    #[test]
    fn a_damaged_group(
        columns in prop::collection::vec(column(60), 1..6),
        at: prop::sample::Index,
        by: u8,
        cut: Option<prop::sample::Index>,
    ) {
        let mut writer = GroupWriter::new();
        let mut counts = Vec::new();
        for values in columns.iter().filter(|values| !values.is_empty()) {
            writer.push(0, values, None);
            counts.push(values.len() as u32);
        }
        let streams = damaged(writer.streams(), at, by, cut);
        let _ = read_group(streams, &counts);
    }

    #[test]
    fn a_cut_group_is_an_error(values in column(60), cut: prop::sample::Index) {
        prop_assume!(!values.is_empty());
        let mut writer = GroupWriter::new();
        writer.push(0, &values, None);
        let streams = writer.streams();
        let cut = cut.index(streams.len());
        let kept = Streams {
            symbols: streams.symbols.iter().copied().take(cut).collect(),
            noise: streams.noise.iter().copied().take(cut.saturating_sub(streams.symbols.len())).collect(),
        };
        prop_assert!(read_group(kept, &[values.len() as u32]).is_err());
    }

    #[test]
    fn a_damaged_table(
        columns in prop::collection::vec(prop::collection::btree_set(0..60_i64, 0..60), 1..6),
        at: prop::sample::Index,
        by: u8,
        cut: Option<prop::sample::Index>,
    ) {
        let mut builder = TimesTableBuilder::new();
        for times in columns {
            builder.push(&times.into_iter().collect::<Vec<_>>());
        }
        let mut streams = Streams::default();
        builder.encode(&mut streams);
        let _ = read_table(damaged(&streams, at, by, cut));
    }
}

#[test]
fn counts_are_checked_before_memory_is_taken() {
    let ones = Streams {
        symbols: vec![0, 0, 2],
        noise: Vec::new(),
    };
    let most = MAX_VALUES as u32;
    assert!(read_group(ones.clone(), &[most]).is_ok());
    assert!(read_group(ones.clone(), &[most + 1]).is_err());
    assert!(read_group(ones, &[u32::MAX]).is_err());
}

#[test]
fn a_chain_of_columns_ends() {
    // Each column follows the one before: scale 0, follows, first 0, back 1, ratio 0, all the rest equal 0.
    let symbols = [[0, 0, 0].as_slice(), &[0, 7, 0, 1, 0, 0, 0].repeat(2000)].concat();
    let streams = Streams {
        symbols,
        noise: Vec::new(),
    };
    let counts = vec![10; 2001];
    let mut reader = Reader::over(streams, counts).unwrap();
    assert!(reader.decode(8, &mut Vec::new()).is_ok());
    assert!(reader.decode(2000, &mut Vec::new()).is_err());
}

#[test]
fn a_group_that_says_too_much_is_refused() {
    let mut packed = Vec::new();
    let streams = Streams {
        symbols: vec![0; 1 << 20],
        noise: Vec::new(),
    };
    Packer::new().unwrap().pack(&streams, &mut packed).unwrap();
    let mut read = Streams::default();
    let mut unpacker = Unpacker::new().unwrap();
    assert!(unpacker.unpack(&packed, (1 << 20) - 1, &mut read).is_err());
    assert_eq!(read.symbols.capacity(), 0);
    unpacker.unpack(&packed, 1 << 20, &mut read).unwrap();
    assert_eq!(read, streams);
    for len in 0..packed.len() {
        assert!(unpacker.unpack(&packed[..len], 1 << 20, &mut read).is_err());
    }
}
