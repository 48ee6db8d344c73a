//! Bytes as a group of columns: an error, or values that encode and decode to themselves.
//!
//! The first byte says how many columns, so many bytes follow with the numbers of their values, then two bytes with the
//! length of the symbols; the rest is noise.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_core::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    let Some((&columns, bytes)) = bytes.split_first() else {
        return;
    };
    let Some((counts, bytes)) = bytes.split_at_checked(usize::from(columns % 8)) else {
        return;
    };
    let Some((len, bytes)) = bytes.split_first_chunk() else {
        return;
    };
    let len = usize::from(u16::from_le_bytes(*len)).min(bytes.len());
    let (symbols, noise) = bytes.split_at(len);
    let counts: Vec<usize> = counts.iter().map(|&count| usize::from(count) * 2).collect();
    let Ok(columns) = fuzzing::decode_columns((symbols.to_vec(), noise.to_vec()), &counts) else {
        return;
    };
    let columns: Vec<Vec<u64>> = columns
        .into_iter()
        .filter(|column| !column.is_empty())
        .collect();
    let counts: Vec<usize> = columns.iter().map(Vec::len).collect();
    let encoded = fuzzing::encode_columns(&columns);
    assert_eq!(fuzzing::decode_columns(encoded, &counts), Ok(columns));
});
