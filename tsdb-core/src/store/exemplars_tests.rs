use super::*;
use crate::io::MemFs;
use crate::store::sealed::assert_damage_is_noticed;

const DIR: &str = "/s";

fn series(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", "shop")]).unwrap()
}

fn exemplar(t_ms: i64, value: f64, trace: &str) -> Exemplar {
    Exemplar {
        labels: Labels::from_pairs([("trace_id", trace)]).unwrap(),
        value,
        t_ms,
    }
}

fn open(fs: &MemFs, max: usize, budget: &MemoryBudget) -> Exemplars {
    let identity = StoreIdentity {
        id: 1,
        key: [2; 16],
    };
    let (exemplars, damage) = Exemplars::open(fs, Path::new(DIR), identity, max, budget).unwrap();
    assert!(damage.is_none());
    exemplars
}

fn offer(to: &Exemplars, seq: u64, name: &str, exemplar: &Exemplar) -> Offered {
    let labels = exemplar.labels.as_bytes();
    to.begin(seq).offer(
        series(name).as_bytes(),
        labels,
        exemplar.t_ms,
        exemplar.value,
    )
}

fn found(of: &Exemplars, matcher: Matcher) -> Vec<SeriesExemplars> {
    of.select(TimeRange::ALL, &[&[matcher]])
}

fn all(of: &Exemplars) -> Vec<SeriesExemplars> {
    found(of, Matcher::equal("job", "shop"))
}

fn times(of: &Exemplars) -> Vec<(String, Vec<i64>)> {
    let times = |s: &SeriesExemplars| s.exemplars.iter().map(|e| e.t_ms).collect();
    all(of)
        .iter()
        .map(|s| (s.labels.metric_name().to_owned(), times(s)))
        .collect()
}

#[test]
fn of_a_series_only_what_comes_after_the_last_is_taken() {
    let (fs, budget) = (MemFs::default(), MemoryBudget::new(1 << 20));
    let ring = open(&fs, 10, &budget);
    assert_eq!(
        offer(&ring, 1, "a", &exemplar(10, 1.0, "x")),
        Offered::Taken
    );
    assert_eq!(
        offer(&ring, 1, "a", &exemplar(10, 1.0, "x")),
        Offered::Known
    );
    assert_eq!(
        offer(&ring, 1, "a", &exemplar(9, 5.0, "y")),
        Offered::Refused
    );
    assert_eq!(
        offer(&ring, 1, "a", &exemplar(10, 0.5, "x")),
        Offered::Refused
    );
    assert_eq!(
        offer(&ring, 1, "a", &exemplar(10, 2.0, "x")),
        Offered::Taken
    );
    assert_eq!(offer(&ring, 1, "b", &exemplar(9, 5.0, "y")), Offered::Taken);
    let long = "x".repeat(128 - "trace_id".len());
    assert_eq!(
        offer(&ring, 1, "b", &exemplar(10, 5.0, &long)),
        Offered::Taken
    );
    assert_eq!(
        offer(&ring, 1, "b", &exemplar(11, 5.0, &(long + "x"))),
        Offered::Refused
    );
    assert_eq!(
        times(&ring),
        [
            ("a".to_owned(), vec![10, 10]),
            ("b".to_owned(), vec![9, 10])
        ]
    );
}

#[test]
fn the_newest_are_kept_and_memory_is_given_back() {
    let (fs, budget) = (MemFs::default(), MemoryBudget::new(1 << 20));
    let ring = open(&fs, 3, &budget);
    for t_ms in 0..5 {
        offer(
            &ring,
            1,
            ["a", "b"][t_ms as usize % 2],
            &exemplar(t_ms, 1.0, "x"),
        );
    }
    assert_eq!(
        times(&ring),
        [("a".to_owned(), vec![2, 4]), ("b".to_owned(), vec![3])]
    );
    // A series of which nothing is left may begin anew.
    offer(&ring, 1, "c", &exemplar(5, 1.0, "x"));
    offer(&ring, 1, "c", &exemplar(6, 1.0, "x"));
    assert_eq!(offer(&ring, 1, "b", &exemplar(1, 1.0, "x")), Offered::Taken);
    let one = size_of_kept(&Kept {
        series: series("a"),
        exemplar: exemplar(0, 1.0, "x"),
    });
    assert_eq!(ring.ring.lock().bytes(), 3 * one);
    drop(ring);

    let long = "x".repeat(2000);
    let ring = open(&fs, 3, &budget);
    for name in ["p", "q", "r"] {
        offer(&ring, 1, &format!("{name}{long}"), &exemplar(1, 1.0, "x"));
    }
    assert_eq!(all(&ring).len(), 1, "long labels leave less room");
    let none = open(&fs, 0, &budget);
    assert_eq!(
        offer(&none, 1, "a", &exemplar(1, 1.0, "x")),
        Offered::Refused
    );
    let little = MemoryBudget::new(100);
    let full = open(&fs, 3, &little);
    assert_eq!(
        offer(&full, 1, "a", &exemplar(1, 1.0, "x")),
        Offered::Refused
    );
}

#[test]
fn selectors_and_times_choose() {
    let (fs, budget) = (MemFs::default(), MemoryBudget::new(1 << 20));
    let ring = open(&fs, 10, &budget);
    for (name, t_ms) in [("b", 10), ("a", 20), ("a", 30), ("c", 40)] {
        offer(&ring, 1, name, &exemplar(t_ms, 1.0, "x"));
    }
    let (a, b) = (
        [Matcher::equal("__name__", "a")],
        [Matcher::equal("__name__", "b")],
    );
    let chosen = ring.select(TimeRange::new(10, 20), &[&b, &a, &b]);
    let names: Vec<_> = chosen.iter().map(|s| s.labels.metric_name()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(chosen[0].exemplars, [exemplar(20, 1.0, "x")]);
    assert!(found(&ring, Matcher::equal("job", "other")).is_empty());
    assert!(ring.select(TimeRange::ALL, &[]).is_empty());
}

#[test]
fn the_file_is_the_committed_one_and_is_read_again() {
    let (fs, budget) = (MemFs::default(), MemoryBudget::new(1 << 20));
    let ring = open(&fs, 10, &budget);
    for (name, t_ms, value) in [
        ("a", 1_700_000_000_000, 0.5),
        ("b", 1_700_000_000_001, -0.0),
        ("a", 1_700_000_000_002, f64::NAN),
    ] {
        offer(&ring, 7, name, &exemplar(t_ms, value, "4bf9"));
    }
    let unsaved = ring.unsaved().unwrap();
    assert!(ring.unsaved().is_none());
    let bytes = exemplars_file::encode(&unsaved, ring.identity);
    let committed = crate::golden::committed("exemplars-v1", &bytes);
    let (seq, kept) = exemplars_file::decode(Path::new(NAME), &committed, ring.identity).unwrap();
    assert_eq!((seq, kept.len()), (7, 3));
    ring.save(&fs, &unsaved).unwrap();
    let again = open(&fs, 10, &budget);
    assert_eq!(again.seq(), 7);
    assert_eq!(times(&again), times(&ring));
    assert!(all(&again)[0].exemplars[1].value.is_nan());
    // With less room the newest are kept.
    assert_eq!(
        times(&open(&fs, 1, &budget)),
        [("a".to_owned(), vec![1_700_000_000_002])]
    );

    assert_damage_is_noticed(&bytes, |bytes| {
        exemplars_file::decode(Path::new(NAME), bytes, ring.identity).is_err()
    });
}

#[test]
fn replay_brings_back_what_the_file_does_not_have() {
    let (fs, budget) = (MemFs::default(), MemoryBudget::new(1 << 20));
    let ring = open(&fs, 1, &budget);
    offer(&ring, 4, "a", &exemplar(1, 1.0, "x"));
    offer(&ring, 5, "b", &exemplar(2, 1.0, "x"));
    ring.save(&fs, &ring.unsaved().unwrap()).unwrap();
    let again = open(&fs, 1, &budget);
    let saved = again.seq();
    again.replay(4, saved, series("a"), exemplar(1, 1.0, "x"));
    assert_eq!(times(&again), [("b".to_owned(), vec![2])], "it was let go");
    again.replay(6, saved, series("a"), exemplar(3, 1.0, "x"));
    assert_eq!(times(&again), [("a".to_owned(), vec![3])]);
    // A log that begins anew has other frames under the numbers of the old ones.
    let anew = open(&fs, 1, &budget);
    anew.log_goes_on(&fs, 1).unwrap();
    assert_eq!(open(&fs, 1, &budget).seq(), 0);
}
