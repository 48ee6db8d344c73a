//! Values as a group of columns: they come back.
//!
//! The first byte says how many columns, the second how values are made of eight bytes each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_core::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    let [columns, kind, bytes @ ..] = bytes else {
        return;
    };
    let (words, _) = bytes.as_chunks::<8>();
    let values: Vec<u64> = words
        .iter()
        .map(|word| {
            let word = u64::from_le_bytes(*word);
            let number = word.cast_signed();
            match kind % 4 {
                0 => word,
                1 => (number as f64).to_bits(),
                2 => ((number >> 20) as f64 / 10_f64.powi(i32::from(kind / 4) % 24)).to_bits(),
                _ => ((number >> 20) as f64 * 10_f64.powi(-i32::from(kind / 4) % 24)).to_bits(),
            }
        })
        .collect();
    let len = values.len() / usize::from(columns % 8 + 1);
    if len == 0 {
        return;
    }
    let columns: Vec<Vec<u64>> = values.chunks(len).map(<[u64]>::to_vec).collect();
    let counts: Vec<usize> = columns.iter().map(Vec::len).collect();
    let encoded = fuzzing::encode_columns(&columns);
    assert_eq!(fuzzing::decode_columns(encoded, &counts), Ok(columns));
});
