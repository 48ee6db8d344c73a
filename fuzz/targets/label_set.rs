//! Bytes as a canonical label set: an error, or labels that build the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_core::Labels;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(labels) = Labels::from_canonical(bytes) {
        assert_eq!(labels.as_bytes(), bytes);
        let pairs: Vec<(&str, &str)> = labels.iter().collect();
        assert_eq!(
            Labels::from_pairs(pairs.iter().rev().copied()),
            Ok(labels.clone())
        );
        for (name, value) in pairs {
            assert_eq!(labels.get(name), Some(value));
        }
    }
});
