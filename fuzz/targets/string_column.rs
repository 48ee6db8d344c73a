//! Bytes as a column of strings: an error, or strings that encode and decode to themselves.
//!
//! The first two bytes are the number of strings, the next two the length of the symbols; the rest is noise.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_core::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    let Some((&[a, b, c, d], bytes)) = bytes.split_first_chunk() else {
        return;
    };
    let count = usize::from(u16::from_le_bytes([a, b]));
    let len = usize::from(u16::from_le_bytes([c, d])).min(bytes.len());
    let (symbols, noise) = bytes.split_at(len);
    if let Ok(strings) = fuzzing::decode_strings((symbols.to_vec(), noise.to_vec()), count) {
        assert_eq!(strings.len(), count);
        let encoded = fuzzing::encode_strings(&strings);
        assert_eq!(fuzzing::decode_strings(encoded, count), Ok(strings));
    }
});
