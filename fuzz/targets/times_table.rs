//! Bytes as a table of timestamps: an error, or columns that encode and decode to themselves.
//!
//! The first two bytes are the length of the symbols; the rest is noise.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_core::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    let Some((len, bytes)) = bytes.split_first_chunk() else {
        return;
    };
    let len = usize::from(u16::from_le_bytes(*len)).min(bytes.len());
    let (symbols, noise) = bytes.split_at(len);
    let Ok(columns) = fuzzing::decode_times_table((symbols.to_vec(), noise.to_vec())) else {
        return;
    };
    let (encoded, refs) = fuzzing::encode_times_table(&columns);
    let read = fuzzing::decode_times_table(encoded).expect("what was encoded decodes");
    for (times, reference) in columns.iter().zip(refs) {
        assert_eq!(Some(times), read.get(reference));
    }
});
