//! Metadata against its file and its bounds.

use super::*;
use crate::io::MemFs;
use crate::store::sealed::assert_damage_is_noticed;

fn metadata(metric: &str, help: &str) -> MetricMetadata {
    MetricMetadata {
        metric: metric.into(),
        kind: MetricType::Counter,
        help: help.into(),
        unit: String::new(),
    }
}

#[test]
fn bytes_are_those_committed() {
    let identity = StoreIdentity {
        id: 1,
        key: [2; 16],
    };
    let metrics = [metadata("up", ""), metadata("höhe_total", "how high")];
    let metrics: BTreeMap<_, _> = metrics.map(|m| (m.metric.clone(), m)).into();
    let committed = crate::golden::committed("metadata-v1", &encode(metrics.values(), identity));
    let read = decode(Path::new("metadata"), &committed, identity).unwrap();
    assert_eq!(read, metrics);
}

#[test]
fn is_there_again_and_damage_is_noticed() {
    let fs = MemFs::default();
    let dir = Path::new("/s");
    let identity = StoreIdentity::random();
    let budget = MemoryBudget::new(1 << 20);
    let (file, damage) = MetadataFile::open(&fs, dir, identity, 9, &budget).unwrap();
    assert!(damage.is_none());
    assert!(file.set(&metadata("b", "second")));
    assert!(file.set(&metadata("a", "first")));
    assert!(!file.set(&metadata("a", "first")), "that is known");
    file.save(&fs).unwrap();
    let (again, damage) = MetadataFile::open(&fs, dir, identity, 9, &budget).unwrap();
    assert!(damage.is_none());
    assert_eq!(
        again.all(),
        [metadata("a", "first"), metadata("b", "second")]
    );

    let bytes = again.inner.lock().encode(identity);
    assert_damage_is_noticed(&bytes, |bytes| decode(dir, bytes, identity).is_err());
    assert!(decode(dir, &bytes, StoreIdentity::random()).is_err());
}

fn names(file: &MetadataFile) -> Vec<String> {
    file.all().into_iter().map(|m| m.metric).collect()
}

#[test]
fn those_told_the_longest_time_ago_make_room() {
    let budget = MemoryBudget::new(1 << 20);
    let file = MetadataFile::empty(Path::new("/s"), StoreIdentity::random(), 3, &budget);
    for metric in ["a", "b", "c"] {
        assert!(file.set(&metadata(metric, "")));
    }
    assert!(!file.set(&metadata("a", "")), "told again");
    assert!(file.set(&metadata("d", "")));
    assert_eq!(names(&file), ["a", "c", "d"]);
    // Another help text takes the place of the one before.
    assert!(file.set(&metadata("c", "new")));
    assert_eq!(names(&file), ["a", "c", "d"]);
    // Three may have 3 KiB together.
    assert!(file.set(&metadata("e", &"x".repeat(2400))));
    assert_eq!(names(&file), ["c", "e"]);
    assert!(
        !file.set(&metadata("c", &"x".repeat(MAX_BYTES))),
        "too long"
    );
    assert_eq!(names(&file), ["c", "e"]);
    assert_eq!(budget.usage().reserved, file.bytes());
    drop(file);
    assert_eq!(budget.usage().reserved, 0);
}

#[test]
fn bounds_hold_for_a_flood_and_for_what_a_file_has() {
    let (fs, budget) = (MemFs::default(), MemoryBudget::new(1 << 20));
    let (dir, identity) = (Path::new("/s"), StoreIdentity::random());
    let file = MetadataFile::empty(dir, identity, 2000, &budget);
    for k in 0..20_000 {
        file.set(&metadata(&format!("m{k}"), "help"));
    }
    let kept = file.all();
    assert!((1500..=2000).contains(&kept.len()), "{}", kept.len());
    assert!(kept.iter().any(|m| m.metric == "m19999"));
    file.save(&fs).unwrap();
    let (fewer, _) = MetadataFile::open(&fs, dir, identity, 10, &budget).unwrap();
    assert!((5..=10).contains(&fewer.all().len()));
    // Without memory there is none, and nothing fails.
    let none = MetadataFile::open(&fs, dir, identity, 10, &MemoryBudget::new(100)).unwrap();
    assert!(none.0.all().is_empty() && none.1.is_none());
}

#[test]
fn families_without_series_go_unless_they_were_told_since() {
    let budget = MemoryBudget::new(1 << 20);
    let file = MetadataFile::empty(Path::new("/s"), StoreIdentity::random(), 9, &budget);
    for metric in ["gone", "h", "up"] {
        file.set(&metadata(metric, ""));
    }
    let series = ["h_bucket", "h_count", "up"].map(str::to_owned);
    file.forget_without(&series);
    assert_eq!(names(&file), ["gone", "h", "up"]);
    file.set(&metadata("early", ""));
    file.forget_without(&series);
    assert_eq!(names(&file), ["early", "h", "up"]);
    file.forget_without(&series);
    assert_eq!(names(&file), ["h", "up"]);
    assert_eq!(budget.usage().reserved, file.bytes());
}
