//! Verifying finds damage, wherever it is, and changes nothing.

use super::*;
use crate::store::verify::verify;

#[test]
fn each_damaged_file_is_named() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    write(&store, &[("a", NOW, 1.0), ("b", NOW, 2.0)]).unwrap();
    store.flush().unwrap();
    delete(&store, &["b"], TimeRange::ALL).unwrap();
    store.save_tombstones().unwrap();
    for step in 1..5 {
        write(&store, &[("a", NOW + step * 1_000, 1.0)]).unwrap();
    }
    let fs = fs.kill();
    let dir = Path::new(DIR);
    let report = verify(&fs, dir).unwrap();
    assert_eq!((report.runs, report.samples), (1, 2));
    assert!(report.damages.is_empty(), "{:?}", report.damages);

    let mut files = vec![dir.join("store"), dir.join("tombstones")];
    for room in ["data", "wal"] {
        let room = dir.join(room);
        files.extend(fs.list(&room).unwrap().iter().map(|name| room.join(name)));
    }
    // Of the mark of the log nothing can be lost.
    files.retain(|path| !path.ends_with("mark"));
    assert_eq!(files.len(), 4);
    for path in files {
        let whole = fs.contents(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 0x10;
        fs.overwrite(&path, &flipped);
        let report = verify(&fs, dir).unwrap();
        assert!(
            report.damages.iter().any(|d| d.path == path),
            "{path:?}: {report:?}"
        );
        assert!(
            report.damages.iter().all(|d| d.path == path),
            "{path:?}: {report:?}"
        );
        assert_eq!(fs.contents(&path).unwrap(), flipped, "nothing is changed");
        fs.overwrite(&path, &whole);
    }
}

#[test]
fn damage_costs_what_it_hits_and_is_told() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    // Noise, so that the series fill several groups.
    let noise = |n: i64| f64::from_bits((n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2);
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for i in 0..8_000 {
        let rows: Vec<_> = names
            .iter()
            .zip(0..)
            .map(|(&name, series)| (name, NOW - 20 * MINUTE + i, noise(series * 1_000_000 + i)))
            .collect();
        write(&store, &rows).unwrap();
    }
    store.flush().unwrap();
    let whole = contents(&store);
    store.close().unwrap();

    let data = Path::new(DIR).join("data");
    let path = data.join(fs.list(&data).unwrap().remove(0));
    let mut bytes = fs.contents(&path).unwrap();
    let middle = bytes.len() / 2; // in the values of some series
    bytes[middle] ^= 1;
    fs.overwrite(&path, &bytes);
    let store = open(&fs).unwrap();
    let matchers = [Matcher::equal("job", "test")];
    let snapshot = store.snapshot(&[&matchers]).unwrap();
    let read = snapshot.select(&matchers, TimeRange::ALL).unwrap();
    let read = read.iter().map(|series| series.samples().unwrap().len());
    let whole_still = read.filter(|&samples| samples == 8_000).count();
    assert!((4..8).contains(&whole_still), "{whole_still} of 8");
    let warnings = snapshot.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("is damaged at byte"), "{warnings:?}");
    // Merging leaves it alone, and the store goes on.
    write(&store, &[("a", NOW, 1.0)]).unwrap();
    store.flush().unwrap();
    let found = contents(&store);
    let unharmed = |name: &&&str| found.get(**name) == whole.get(**name);
    assert!(names[1..].iter().filter(unharmed).count() >= 3);
}

#[test]
fn a_file_that_is_set_aside_is_told_by_every_query_over_its_time() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    write(&store, &[("a", NOW, 1.0), ("a", NOW - 2 * HOUR, 2.0)]).unwrap();
    store.flush().unwrap();
    store.close().unwrap();
    let data = Path::new(DIR).join("data");
    let path = data.join(fs.list(&data).unwrap().remove(0));
    let mut bytes = fs.contents(&path).unwrap();
    bytes.truncate(100);
    fs.overwrite(&path, &bytes);
    for _ in 0..2 {
        let store = open(&fs).unwrap();
        let told = |range| {
            let matchers = [Matcher::equal("series", "a")];
            let snapshot = store.snapshot(&[&matchers]).unwrap();
            let _ = snapshot.select(&matchers, range).unwrap();
            snapshot.warnings().len()
        };
        assert_eq!(told(TimeRange::new(NOW - 2 * HOUR, NOW)), 1);
        assert_eq!(told(TimeRange::new(NOW - 10 * MINUTE, NOW)), 0);
        assert_eq!(contents(&store)["a"].len(), 1);
        store.close().unwrap();
    }
}
