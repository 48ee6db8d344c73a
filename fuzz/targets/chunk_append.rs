//! Samples appended to an open chunk: every prefix is the chunk that encoding those samples gives.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_core::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    let (sixteens, _) = bytes.as_chunks::<16>();
    let samples: Vec<(i64, u64)> = sixteens
        .iter()
        .take(200)
        .map(|bytes| {
            let word = u128::from_le_bytes(*bytes);
            (word as i64, (word >> 64) as u64)
        })
        .collect();
    for (n, (chunk, read)) in fuzzing::append_chunk(&samples).into_iter().enumerate() {
        assert_eq!(chunk, fuzzing::encode_chunk(&samples[..n]));
        assert_eq!(read, samples[..n]);
        assert_eq!(fuzzing::decode_chunk(&chunk), Ok(read));
    }
});
