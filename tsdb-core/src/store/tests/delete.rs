//! Deletes: what they take, what they leave, and when their tombstones go.

use super::*;
use crate::error::Error;
use crate::store::RejectReason;

const ALL: TimeRange = TimeRange::ALL;
const MS: TimeUnit = TimeUnit::Milliseconds;

fn first_rows(from: i64) -> Vec<(&'static str, i64, f64)> {
    let minutes = (0..60).map(|i| from + i * MINUTE);
    minutes
        .flat_map(|t_ms| [("a", t_ms, 1.0), ("b", t_ms, 2.0)])
        .collect()
}

/// A store with the same series in a run, a frozen generation, and the active one.
fn three_parts(fs: &FaultFs) -> Store {
    let store = open(fs).unwrap();
    write(&store, &first_rows(NOW - 3 * HOUR)).unwrap();
    store.flush_head().unwrap();
    write(&store, &first_rows(NOW - 2 * HOUR)).unwrap();
    store.lane.lock().rotate(&store);
    write(&store, &first_rows(NOW - HOUR)).unwrap();
    store
}

fn all_rows() -> Contents {
    let parts = [3, 2, 1].map(|hours| first_rows(NOW - hours * HOUR));
    model_of(&parts.concat())
}

#[test]
fn what_is_written_later_survives_wherever_it_is() {
    let fs = FaultFs::new();
    let store = three_parts(&fs);
    let range = TimeRange::new(NOW - 170 * MINUTE, NOW - 10 * MINUTE);
    delete(&store, &["a"], range).unwrap();
    let mut expected = all_rows();
    delete_from_model(&mut expected, &["a"], range);
    assert_eq!(contents(&store), expected);

    // At a time that was deleted, at one that never was there, out of order all of them.
    let again = [
        ("a", NOW - 160 * MINUTE, 7.0),
        ("a", NOW - 90 * MINUTE, 8.0),
        ("a", NOW - 30 * MINUTE + 1, 9.0),
    ];
    assert_eq!(write(&store, &again).unwrap().accepted, 3);
    expected
        .get_mut("a")
        .unwrap()
        .extend(model_of(&again).remove("a").unwrap());
    assert_eq!(contents(&store), expected);

    let killed = open(&fs.kill()).unwrap();
    assert_eq!(contents(&killed), expected, "replayed");
    while killed.flush_oldest().unwrap() {}
    assert_eq!(contents(&killed), expected, "the frozen generation flushed");
    killed.flush().unwrap();
    assert_eq!(contents(&killed), expected, "merged");
    store.flush_head().unwrap();
    assert_eq!(contents(&store), expected, "flushed and not merged");
    assert_eq!(store.stats().tombstones, 1);
    let samples: usize = expected.values().map(BTreeMap::len).sum();
    drop(store);
    let killed = open(&fs.kill()).unwrap();
    assert_eq!(
        contents(&killed),
        expected,
        "the log that had the tombstone is gone"
    );
    killed.clean_tombstones().unwrap();
    let stats = killed.stats();
    assert_eq!((stats.tombstones, stats.run_samples), (0, samples as u64));
    assert_eq!(contents(&killed), expected);
}

#[test]
fn a_snapshot_keeps_what_it_captured() {
    let fs = FaultFs::new();
    let store = three_parts(&fs);
    let matchers = [Matcher::equal("__name__", "m")];
    let before = store.snapshot(&[&matchers]).unwrap();
    store.delete(&[&matchers], ALL, MS).unwrap();
    assert!(contents(&store).is_empty());
    let count = |snapshot: &crate::read::Snapshot| -> usize {
        let series = snapshot.select(&matchers, ALL).unwrap();
        series.iter().map(|s| s.samples().unwrap().len()).sum()
    };
    assert_eq!(count(&before), 360);
    assert_eq!(count(&store.snapshot(&[&matchers]).unwrap()), 0);
    store.flush().unwrap();
    assert_eq!(count(&before), 360, "also when the files are gone");
}

#[test]
fn everything_goes_and_its_bytes_with_it() {
    let fs = FaultFs::new();
    let store = three_parts(&fs);
    let everything = Matcher::new(MatchOp::Regex, "__name__", ".+").unwrap();
    store.delete(&[&[everything]], ALL, MS).unwrap();
    let querier = store.querier(ALL).unwrap();
    assert!(querier.label_names(&[]).unwrap().is_empty());
    assert!(querier.label_values("series", &[]).unwrap().is_empty());
    assert!(querier.select(&[]).unwrap().is_empty());
    store.flush().unwrap();
    store.clean_tombstones().unwrap();
    let stats = store.stats();
    assert_eq!((stats.runs, stats.tombstones), (0, 0));
    assert_eq!(
        fs.list(&Path::new(DIR).join("data")).unwrap(),
        Vec::<std::path::PathBuf>::new()
    );
    // The store goes on, and a tombstone of old does not meet what is new.
    write(&store, &[("a", NOW - 2 * HOUR, 1.0)]).unwrap();
    store.close().unwrap();
    let store = open(&fs).unwrap();
    assert_eq!(contents(&store), model_of(&[("a", NOW - 2 * HOUR, 1.0)]));
}

#[test]
fn nothing_to_delete_leaves_no_trace() {
    let fs = FaultFs::new();
    let store = three_parts(&fs);
    let seq = store.wal.as_ref().unwrap().last_seq();
    delete(&store, &["x"], ALL).unwrap();
    delete(&store, &["a"], TimeRange::new(0, 1)).unwrap();
    store.delete(&[], ALL, MS).unwrap();
    assert_eq!(store.wal.as_ref().unwrap().last_seq(), seq);
    assert_eq!(contents(&store), all_rows());
    delete(&store, &["a"], ALL).unwrap();
    delete(&store, &["a"], TimeRange::new(NOW - 3 * HOUR, NOW)).unwrap();
    assert_eq!(
        store.stats().tombstones,
        1,
        "the second one took nothing more"
    );
    let reversed = delete(&store, &["a"], TimeRange::new(1, 0));
    assert!(matches!(reversed, Err(Error::InvalidOption { .. })));
}

#[test]
fn the_last_sample_of_a_series_is_the_newest_that_is_left() {
    let fs = FaultFs::new();
    let check = |store: &Store, when: &str| {
        // The newest one left is 20 minutes old; nothing stands at the times of the deleted ones.
        let report = write(store, &[("a", NOW - 20 * MINUTE, 5.0)]).unwrap();
        let refused: Vec<_> = report.rejected.counts().collect();
        assert_eq!(refused, [(RejectReason::DuplicateTimestamp, 1)], "{when}");
    };
    let range = TimeRange::new(NOW - 19 * MINUTE, NOW);
    let rows = [
        ("a", NOW - 20 * MINUTE, 1.0),
        ("a", NOW - 10 * MINUTE, 2.0),
        ("a", NOW, 3.0),
    ];
    for parts in 0..8u8 {
        // Between which of the writes the generation is frozen, flushed, or neither.
        let store = open(&fs).unwrap();
        for (i, row) in rows.iter().enumerate() {
            write(&store, &[*row]).unwrap();
            if parts & (1 << i) != 0 {
                store.lane.lock().rotate(&store);
                if i != 1 {
                    store.flush_oldest().unwrap();
                }
            }
        }
        delete(&store, &["a"], range).unwrap();
        check(&store, &format!("parts {parts:b}"));
        let replayed = open(&fs.kill()).unwrap();
        check(&replayed, &format!("parts {parts:b}, replayed"));
        assert_eq!(write(&replayed, &[("a", NOW, 4.0)]).unwrap().accepted, 1);
        assert_eq!(contents(&replayed)["a"].len(), 2);
        drop(replayed);
        delete(&store, &["a"], ALL).unwrap();
        assert_eq!(write(&store, &[("a", NOW, 9.0)]).unwrap().accepted, 1);
        delete(&store, &["a"], ALL).unwrap();
        store.close().unwrap();
    }
}

#[test]
fn a_generation_that_waits_forgets_a_newest_sample_that_a_run_had() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    write(&store, &[("a", NOW, 1.0)]).unwrap();
    store.flush_head().unwrap();
    write(&store, &[("a", NOW - HOUR, 2.0)]).unwrap(); // out of order
    store.lane.lock().rotate(&store);
    delete(&store, &["a"], TimeRange::new(NOW, NOW)).unwrap();
    let rejected = |row| write(&store, &[row]).unwrap().rejected.total();
    assert_eq!(rejected(("a", NOW - HOUR, 3.0)), 1, "the newest one left");
    assert_eq!(rejected(("a", NOW, 3.0)), 0);
    let expected = model_of(&[("a", NOW - HOUR, 2.0), ("a", NOW, 3.0)]);
    assert_eq!(contents(&store), expected);
    store.flush().unwrap();
    assert_eq!(contents(&store), expected);
}

/// Start times and values of InfluxDB in every part, in a series of nanoseconds.
#[test]
fn what_is_left_keeps_its_kind_its_unit_and_its_start_time() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let (mut expected, mut starts) = (Contents::new(), BTreeMap::new());
    for hours in (1..=3).rev() {
        let value = |i: i64| match i % 4 {
            0 => field(3),
            1 => 1.5,
            2 => hist(70),
            _ => field(7),
        };
        let rows: Vec<_> = (0..40)
            .map(|i| {
                (
                    NOW - 9 * HOUR,
                    ("ns", NOW - hours * HOUR + i * MINUTE, value(i)),
                )
            })
            .collect();
        for (start_ms, (name, t_ms, value)) in &rows {
            let of_series: &mut BTreeMap<_, _> = starts.entry((*name).to_owned()).or_default();
            if !testing::is_field(value.to_bits()) {
                of_series.insert(*t_ms, *start_ms);
            }
        }
        expected.entry("ns".to_owned()).or_default().extend(
            model_of(rows.iter().map(|(_, row)| row))
                .remove("ns")
                .unwrap(),
        );
        store.submit(&batch_since(rows)).unwrap().wait().unwrap();
        match hours {
            3 => store.flush_head().unwrap(),
            2 => store.lane.lock().rotate(&store),
            _ => {}
        }
    }
    assert_eq!(start_times(&store), starts);
    for hours in 1..=3 {
        let t_ms = NOW - hours * HOUR;
        let range = TimeRange::new(t_ms + 2 * MINUTE, t_ms + 21 * MINUTE);
        delete(&store, &["ns"], range).unwrap();
        delete_from_model(&mut expected, &["ns"], range);
        delete_from_model(&mut starts, &["ns"], range);
    }
    let check = |store: &Store, when: &str| {
        assert_eq!(contents(store), expected, "{when}");
        assert_eq!(start_times(store), starts, "{when}");
    };
    check(&store, "deleted");
    let again = open(&fs.kill()).unwrap();
    check(&again, "replayed");
    while again.flush_oldest().unwrap() {}
    check(&again, "flushed");
    again.clean_tombstones().unwrap();
    check(&again, "written anew");
    again.flush().unwrap();
    check(&again, "merged");
    store.flush().unwrap();
    check(&store, "flushed and merged");
}

/// The range of a tombstone has whole milliseconds, a series of nanoseconds has ticks inside of them.
#[test]
fn a_millisecond_goes_with_all_its_nanoseconds() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    const MS: i64 = 1_000_000;
    let mut batch = WriteBatch::new();
    let mut series = batch.series([("__name__", "m"), ("series", "a")]).unwrap();
    series.unit(TimeUnit::Nanoseconds);
    let ticks = [-1, 0, 1, MS - 1, MS].map(|tick| NOW * MS + tick);
    for tick in ticks {
        series.sample(tick, 1.0);
    }
    store.submit(&batch).unwrap().wait().unwrap();
    store.flush_head().unwrap();
    delete(&store, &["a"], TimeRange::new(NOW, NOW)).unwrap();
    let left = |store: &Store| -> Vec<i64> {
        let querier = store.querier(TimeRange::ALL).unwrap();
        let all = querier.select(&[Matcher::equal("series", "a")]).unwrap();
        let samples = all[0].samples().unwrap();
        samples.iter().map(|sample| sample.tick).collect()
    };
    assert_eq!(left(&store), [ticks[0], ticks[4]]);
    store.clean_tombstones().unwrap();
    assert_eq!(left(&store), [ticks[0], ticks[4]]);
}

/// In a run, a frozen generation and the active one; a series of milliseconds with the same label keeps all it has.
#[test]
fn a_range_of_nanoseconds_takes_ticks_of_series_of_nanoseconds() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    const TICKS: i64 = 1_000_000;
    let start = |hours: i64| (NOW - hours * HOUR) * TICKS;
    for hours in [3, 2, 1] {
        let mut batch = WriteBatch::new();
        for (name, unit) in [
            ("fine", TimeUnit::Nanoseconds),
            ("coarse", TimeUnit::Milliseconds),
        ] {
            let mut series = batch.series([("__name__", name), ("of", "all")]).unwrap();
            series.unit(unit);
            let ticks = match unit {
                TimeUnit::Nanoseconds => [0, 1, 2, TICKS - 1, TICKS].map(|t| start(hours) + t),
                TimeUnit::Milliseconds => [NOW - hours * HOUR; 5],
            };
            for tick in ticks {
                series.sample(tick, 1.0);
            }
        }
        store.submit(&batch).unwrap().wait().unwrap();
        match hours {
            3 => store.flush_head().unwrap(),
            2 => store.lane.lock().rotate(&store),
            _ => {}
        }
    }
    let matchers = [Matcher::equal("of", "all")];
    for (from, to) in [
        (start(3) + 1, start(3) + 1),
        (start(2) + 2, start(2) + TICKS - 1),
        (start(1), start(1) + 1),
    ] {
        let range = TimeRange::new(from, to);
        let unit = TimeUnit::Nanoseconds;
        store.delete(&[&matchers], range, unit).unwrap();
    }
    let check = |store: &Store, when: &str| {
        let querier = store.querier(TimeRange::ALL).unwrap();
        let all = querier.select(&matchers).unwrap();
        let left = |at: usize| -> Vec<i64> {
            let samples = all[at].samples().unwrap();
            samples.iter().map(|sample| sample.tick).collect()
        };
        let coarse = [3, 2, 1].map(|hours| NOW - hours * HOUR);
        assert_eq!(left(0), coarse, "{when}");
        let kept = [
            (3, &[0, 2, TICKS - 1, TICKS][..]),
            (2, &[0, 1, TICKS]),
            (1, &[2, TICKS - 1, TICKS]),
        ];
        let fine: Vec<i64> = kept
            .into_iter()
            .flat_map(|(hours, ticks)| ticks.iter().map(move |tick| start(hours) + tick))
            .collect();
        assert_eq!(left(1), fine, "{when}");
    };
    check(&store, "deleted");
    let again = open(&fs.kill()).unwrap();
    check(&again, "replayed");
    while again.flush_oldest().unwrap() {}
    check(&again, "flushed");
    again.clean_tombstones().unwrap();
    check(&again, "written anew");
    again.flush().unwrap();
    check(&again, "merged");
}

/// Of a run all that was readable is deleted, but what it lost was perhaps not.
#[test]
fn a_record_of_what_is_lost_outlives_what_is_deleted() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let value = |i: i64| f64::from_bits((i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2);
    for (from, name) in [(0, "a"), (1, "b")] {
        let rows: Vec<_> = (0..3_000)
            .map(|i| (name, NOW - 20 * MINUTE + 2 * i + from, value(i)))
            .collect();
        write(&store, &rows).unwrap();
        store.flush_head().unwrap();
    }
    let path = store.view.get().runs[0].path().to_owned();
    let mut bytes = fs.contents(&path).unwrap();
    bytes[90] ^= 1; // in the only group of the first one
    fs.overwrite(&path, &bytes);
    let store = open(&fs.kill()).unwrap();
    store.flush().unwrap();
    let told = warnings(&store);
    assert_eq!((told, contents(&store).len()), (1, 1));
    delete(&store, &["a", "b"], ALL).unwrap();
    store.clean_tombstones().unwrap();
    let stats = store.stats();
    assert_eq!((stats.tombstones, stats.run_samples, stats.runs), (0, 0, 1));
    assert_eq!(warnings(&open(&fs.kill()).unwrap()), told);
}

/// The same of a generation in the log, which leaves no samples to write.
#[test]
fn a_record_of_what_is_lost_in_the_log_outlives_what_is_deleted() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    for step in 0..4 {
        write(&store, &[("a", NOW + step, 1.0)]).unwrap();
    }
    let fs = fs.kill();
    let wal = Path::new(DIR).join("wal");
    let segment = wal.join(&fs.list(&wal).unwrap()[0]);
    let mut bytes = fs.contents(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs.overwrite(&segment, &bytes);
    let store = open(&fs).unwrap();
    assert_eq!((warnings(&store), contents(&store)["a"].len()), (1, 3));
    delete(&store, &["a"], ALL).unwrap();
    store.flush().unwrap();
    assert_eq!(contents(&store).len(), 0);
    let store = open(&fs.kill()).unwrap();
    assert_eq!((store.stats().corruptions, warnings(&store)), (0, 1));
}

#[test]
fn a_delete_while_a_generation_is_flushed_or_runs_are_merged_is_not_lost() {
    let fs = FaultFs::new();
    let store = Arc::new(three_parts(&fs));
    let mut expected = all_rows();
    let work = {
        let store = Arc::clone(&store);
        std::thread::spawn(move || {
            store.flush().unwrap();
            store.flush().unwrap();
        })
    };
    for i in 0..60 {
        let t_ms = NOW - 3 * HOUR + i * 3 * MINUTE;
        let range = TimeRange::new(t_ms, t_ms);
        delete(&store, &["a"], range).unwrap();
        delete_from_model(&mut expected, &["a"], range);
        assert_eq!(contents(&store), expected);
    }
    work.join().unwrap();
    assert_eq!(contents(&store), expected);
    store.clean_tombstones().unwrap();
    assert_eq!(contents(&store), expected);
    assert_eq!(store.stats().tombstones, 0);
}

#[test]
fn a_run_of_which_much_is_deleted_is_written_anew_in_the_background() {
    let fs = FaultFs::new();
    let store = three_parts(&fs);
    store.flush().unwrap();
    let before = store.stats().run_bytes;
    delete(&store, &["b"], ALL).unwrap();
    while store.merge_once().unwrap() {}
    let stats = store.stats();
    assert!(stats.run_bytes < before);
    assert_eq!((stats.run_samples, stats.tombstones), (180, 0));
}

/// `cargo test --release -p tsdb-core --lib -- --ignored --nocapture ten_thousand_deletes`
#[test]
#[ignore = "a measurement, of use in release builds only"]
fn ten_thousand_deletes_are_measured() {
    let dir = std::env::temp_dir().join(format!("tsdb-deletes-{}", std::process::id()));
    let store = Store::open(Arc::new(crate::io::OsFs), &dir, options()).unwrap();
    let names: Vec<String> = (0..10_000).map(|i| format!("s{i:05}")).collect();
    for i in 0..60 {
        let rows: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), NOW - HOUR + i * MINUTE, i as f64))
            .collect();
        write(&store, &rows).unwrap();
        if i % 20 == 19 {
            store.flush_head().unwrap();
        }
    }
    let read = |what: &str| {
        let begun = std::time::Instant::now();
        for _ in 0..5 {
            contents(&store);
        }
        let all = begun.elapsed() / 5;
        let begun = std::time::Instant::now();
        let one = Matcher::equal("series", &names[77]);
        for _ in 0..1_000 {
            select(&store, std::slice::from_ref(&one), TimeRange::ALL);
        }
        let one = begun.elapsed() / 1_000;
        let begun = std::time::Instant::now();
        let values = store
            .querier(TimeRange::ALL)
            .unwrap()
            .label_values("series", &[])
            .unwrap();
        println!(
            "{what}: {all:?} for all series, {one:?} for one, {:?} for {} values of a label, {} tombstones",
            begun.elapsed(),
            values.len(),
            store.stats().tombstones
        );
    };
    read("before");
    let begun = std::time::Instant::now();
    for name in &names {
        delete(
            &store,
            &[name],
            TimeRange::new(NOW - 50 * MINUTE, NOW - 10 * MINUTE),
        )
        .unwrap();
    }
    println!("{:?} a delete", begun.elapsed() / 10_000);
    read("after one delete a series");
    for i in 0..1_000 {
        let t_ms = NOW - 10 * MINUTE + 1 + i * 500;
        delete(&store, &[&names[77]], TimeRange::new(t_ms, t_ms + 200)).unwrap();
    }
    read("after a thousand more of one series");
    let begun = std::time::Instant::now();
    store.close().unwrap();
    println!("{:?} to close", begun.elapsed());
    let begun = std::time::Instant::now();
    let store = Store::open(Arc::new(crate::io::OsFs), &dir, options()).unwrap();
    println!("{:?} to open", begun.elapsed());
    let begun = std::time::Instant::now();
    store.clean_tombstones().unwrap();
    println!(
        "{:?} to clean, {} tombstones left",
        begun.elapsed(),
        store.stats().tombstones
    );
    drop(store);
    std::fs::remove_dir_all(&dir).unwrap();
}
