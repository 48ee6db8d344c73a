//! An index in a file says what the index in memory says of the same series.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::memory::MemoryIndex;
use super::tests::{labels, matcher};
use super::{FoundPairs, IndexReader, IndexWriter, LabelBuffer, LabelIndex, resolve};
use crate::io::{Mapped, Section};
use crate::model::{Labels, TimeUnit};

fn bytes_of(series: &BTreeSet<Labels>) -> Vec<u8> {
    let mut writer = IndexWriter::default();
    for (id, labels) in (0u32..).zip(series) {
        let given = writer.push(labels.as_bytes(), unit_of(labels));
        assert_eq!(given.expect("few series"), id);
    }
    // An index may stand anywhere in a file.
    let mut bytes = vec![0xff; 3];
    writer.finish(&mut bytes).expect("small");
    bytes
}

fn open(bytes: &[u8]) -> crate::Result<IndexReader> {
    let map = Mapped::Heap(Arc::from(bytes));
    let path: Arc<Path> = Path::new("index").into();
    let section = Section::new((&map, 0), &path, 3, bytes.len() as u64 - 3);
    IndexReader::open(section.expect("inside the file"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn agrees_with_the_index_in_memory(
        series in prop::collection::btree_set(labels(), 0..60),
        matchers in prop::collection::vec(matcher(), 0..4),
        absent in labels(),
    ) {
        let memory = MemoryIndex::default();
        for (id, labels) in (0u32..).zip(&series) {
            memory.add(id, &memory.intern(labels.as_bytes()));
        }
        let file = open(&bytes_of(&series)).unwrap();
        prop_assert_eq!(file.series_len() as usize, series.len());
        prop_assert_eq!(file.all().unwrap(), memory.all().unwrap());
        prop_assert_eq!(
            resolve(&file, &matchers).unwrap(),
            resolve(&memory, &matchers).unwrap(),
            "{:?}",
            matchers
        );
        prop_assert_eq!(file.label_names().unwrap(), memory.label_names());
        for name in memory.label_names().iter().map(String::as_str).chain(["absent", ""]) {
            prop_assert_eq!(file.label_values(name).unwrap(), memory.label_values(name));
        }
        let some = resolve(&file, &matchers).unwrap();
        let labels_of_some = || (0u32..).zip(&series).filter(|(id, _)| some.contains(id));
        let pairs: BTreeSet<_> = labels_of_some().flat_map(|(_, labels)| labels.iter()).collect();
        let mut names: Vec<&str> = pairs.iter().map(|(name, _)| *name).collect();
        names.dedup();
        prop_assert_eq!(file.label_names_of(&some).unwrap(), names);
        for wanted in memory.label_names() {
            let values = pairs.iter().filter(|(name, _)| *name == wanted);
            let values: Vec<&str> = values.map(|(_, value)| *value).collect();
            prop_assert_eq!(file.label_values_of(&wanted, &some).unwrap(), values);
        }
        let mut buffer = LabelBuffer::default();
        let mut pairs = FoundPairs::default();
        for (id, labels) in (0u32..).zip(&series) {
            prop_assert_eq!(&file.labels(id).unwrap(), labels);
            prop_assert_eq!(&file.labels_after(id, &mut buffer).unwrap(), labels);
            prop_assert_eq!(file.find(labels.as_bytes(), &mut pairs).unwrap(), Some(id));
            prop_assert_eq!(file.unit(id).unwrap(), unit_of(labels));
        }
        let some_names: Vec<String> = memory.label_names().into_iter().step_by(2).collect();
        let mut buffer = file.buffer_of(&some_names).unwrap();
        for (id, labels) in (0u32..).zip(&series) {
            let is_kept = |name: &[u8]| some_names.iter().any(|some| some.as_bytes() == name);
            prop_assert_eq!(file.labels_after(id, &mut buffer).unwrap(), labels.filtered(is_kept));
        }
        if !series.contains(&absent) {
            prop_assert_eq!(file.find(absent.as_bytes(), &mut pairs).unwrap(), None);
        }
        let end = file.series_len();
        prop_assert!(file.labels(end).is_err());
    }

    /// Checksums are the file's: without them damage may give other labels, but always an end.
    #[test]
    fn damaged_bytes_never_panic(
        series in prop::collection::btree_set(labels(), 0..30),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        matchers in prop::collection::vec(matcher(), 0..3),
    ) {
        let mut bytes = bytes_of(&series);
        for (at, bits) in flips {
            let at = 3 + at.index(bytes.len() - 3);
            bytes[at] ^= bits;
        }
        let Ok(file) = open(&bytes) else {
            return Ok(());
        };
        let _ = (resolve(&file, &matchers), file.label_names(), file.label_values("job"));
        for id in 0..file.series_len().min(100) {
            if let Ok(labels) = file.labels(id) {
                let _ = file.find(labels.as_bytes(), &mut FoundPairs::default());
            }
            let _ = file.unit(id);
        }
    }
}

#[test]
fn many_series_with_long_lists() {
    let names: BTreeMap<String, String> = (0..20)
        .map(|i| (format!("label_{i:02}"), format!("a common start and {i}")))
        .collect();
    let series: BTreeSet<Labels> = (0..2_000)
        .map(|i| {
            let own = [("instance".to_owned(), format!("host-{:03}:9100", i % 100))];
            let id = [("id".to_owned(), format!("{i:x}"))];
            Labels::from_pairs(names.clone().into_iter().chain(own).chain(id))
                .expect("names differ")
        })
        .collect();
    let bytes = bytes_of(&series);
    // 22 labels a series, 20 of them the same in all: their lists take no bytes, their numbers one each.
    assert!(bytes.len() < 2_000 * 110, "{} bytes", bytes.len());
    let file = open(&bytes).expect("intact");
    assert_eq!(
        file.postings("label_07", "a common start and 7")
            .expect("intact")
            .len(),
        2_000
    );
    assert_eq!(
        file.postings("instance", "host-042:9100")
            .expect("intact")
            .len(),
        20
    );
    let mut pairs = FoundPairs::default();
    for (id, labels) in (0u32..).zip(&series).step_by(97) {
        assert_eq!(
            file.find(labels.as_bytes(), &mut pairs).expect("intact"),
            Some(id)
        );
    }
}

/// The example of `docs/format/index.md`.
#[test]
fn bytes_are_those_of_the_document() {
    let mut writer = IndexWriter::default();
    for pairs in [&[("a", "x")][..], &[("a", "x"), ("b", "xy")]] {
        let labels = Labels::from_pairs(pairs.iter().copied()).expect("valid");
        writer
            .push(labels.as_bytes(), TimeUnit::Milliseconds)
            .expect("few series");
    }
    let mut bytes = Vec::new();
    writer.finish(&mut bytes).expect("small");
    let mut expected = b"TSIX".to_vec();
    for header in [2u32, 4, 2, 12, 7, 1, 0] {
        expected.extend(header.to_le_bytes());
    }
    for number in [0u32, 0, 2, 0, 2, 1, 3, 0, 1, 0] {
        expected.extend(number.to_le_bytes());
    }
    expected.extend(b"\x00\x01a\x00\x01b\x00\x01x\x01\x01y");
    expected.extend([0, 3, 1, 0, 0, 2, 1, 2]);
    assert_eq!(bytes, expected);
}

fn unit_of(labels: &Labels) -> TimeUnit {
    match labels.as_bytes().len() % 2 {
        0 => TimeUnit::Milliseconds,
        _ => TimeUnit::Nanoseconds,
    }
}
