//! Bytes as a record of the write-ahead log: an error, or items that encode and decode to themselves.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_core::fuzzing::{self, WalItem};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(mut items) = fuzzing::decode_record(bytes) {
        let encoded = fuzzing::encode_record(&items);
        items.sort_by_key(|item| match item {
            WalItem::Series(..) => 0,
            WalItem::Sample(..) | WalItem::Histogram(..) | WalItem::Field(..) => 1,
            WalItem::Metadata(_) => 2,
            WalItem::Tombstone(..) => 3,
            WalItem::Exemplar(..) => 4,
        });
        assert_eq!(fuzzing::decode_record(&encoded), Ok(items));
    }
});
