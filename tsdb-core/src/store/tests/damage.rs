//! Damage at any place of any file: what is lost lies inside of the unit that was hit, and is told.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::store::verify::{VerifyReport, verify};

/// Runs of floats and histograms in several groups, one of which everything is deleted, some frames in the log, metadata,
/// an exemplar.
fn filled() -> FaultFs {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    let noise = |n: i64| f64::from_bits((n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2);
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut rows = Vec::new();
    for (&name, series) in names.iter().zip(0..) {
        rows.extend(
            (0..2_000).map(|i| (name, NOW - 20 * MINUTE + i, noise(series * 1_000_000 + i))),
        );
    }
    rows.extend((0..50).map(|i| ("i", NOW - 20 * MINUTE + i * 1_000, hist(2 * i as u16))));
    write(&store, &rows).unwrap();
    store.flush_head().unwrap();
    write(&store, &[DELETED]).unwrap();
    store.flush_head().unwrap();
    delete(&store, &[DELETED.0], TimeRange::ALL).unwrap();
    write(&store, &[("late", NOW - 3 * HOUR, 1.0)]).unwrap();
    let mut batch = WriteBatch::new();
    let mut series = batch.series([("__name__", "x")]).unwrap();
    series.exemplar(NOW, 1.0, &[]).unwrap();
    store.submit(&batch).unwrap().wait().unwrap();
    store.flush_head().unwrap();
    for step in 1..8 {
        let t_ms = NOW + step * 1_000;
        write(&store, &[("a", t_ms, step as f64), ("new", t_ms, -1.0)]).unwrap();
    }
    let mut batch = WriteBatch::new();
    batch.metadata(crate::model::MetricMetadata {
        metric: "m".into(),
        kind: crate::model::MetricType::Gauge,
        help: "helps".into(),
        unit: String::new(),
    });
    store.submit(&batch).unwrap().wait().unwrap();
    store.metadata.save(&fs).unwrap();
    fs.kill()
}

const DELETED: (&str, i64, f64) = ("deleted", NOW - 5 * HOUR, 1.0);

/// How many exemplars there are.
fn exemplars(store: &Store) -> usize {
    let all = [Matcher::equal("__name__", "x")];
    store.exemplars(TimeRange::ALL, &[&all]).unwrap().len()
}

fn files(fs: &FaultFs) -> Vec<PathBuf> {
    let dir = Path::new(DIR);
    let mut files: Vec<PathBuf> = ["store", "metadata", "tombstones", "exemplars"]
        .iter()
        .map(|name| dir.join(name))
        .collect();
    for room in ["data", "wal"] {
        let room = dir.join(room);
        files.extend(fs.list(&room).unwrap().iter().map(|name| room.join(name)));
    }
    files
}

/// Samples that are missing, as series and time.
fn missing(expected: &Contents, found: &Contents) -> Vec<(String, i64)> {
    for (series, samples) in found {
        let right = samples
            .iter()
            .all(|(t_ms, bits)| expected[series].get(t_ms) == Some(bits));
        assert!(right, "{series} has samples that were never written");
    }
    let absent = |series: &String, t_ms: &i64| {
        found
            .get(series)
            .is_none_or(|samples| !samples.contains_key(t_ms))
    };
    let all = expected
        .iter()
        .flat_map(|(series, samples)| samples.keys().map(move |t_ms| (series.clone(), *t_ms)));
    all.filter(|(series, t_ms)| absent(series, t_ms)).collect()
}

/// What is missing lies in what the report says is lost.
fn assert_inside(report: &VerifyReport, missing: &[(String, i64)], when: &str) {
    for (series, t_ms) in missing {
        let told = |unit: &crate::store::DamagedUnit| {
            unit.lost
                .as_ref()
                .is_none_or(|lost| lost.range.contains(*t_ms))
        };
        assert!(
            report.damages.iter().any(told),
            "{when}: {series} at {t_ms} is not in {report:?}"
        );
    }
}

#[test]
fn a_flipped_byte_costs_its_unit_and_is_told() {
    let intact = filled();
    let expected = contents(&open(&intact.kill()).unwrap());
    assert!(verify(&intact, Path::new(DIR)).unwrap().damages.is_empty());
    let (mut harmless, mut partial) = (0, 0);
    for path in files(&intact) {
        let of = |name| path.ends_with(name);
        let bytes = intact.contents(&path).unwrap();
        let step = (bytes.len() / 20).max(1);
        for at in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
            let when = format!("{} byte {at} of {}", path.display(), bytes.len());
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            let fs = intact.kill();
            fs.overwrite(&path, &flipped);
            let report = verify(&fs, Path::new(DIR)).unwrap();
            let named = report.damages.iter().filter(|unit| unit.path == path);
            let hit = { named }.any(|unit| {
                unit.bytes == 0
                    || unit.bytes == bytes.len() as u64
                    || (unit.offset..unit.offset + unit.bytes).contains(&(at as u64))
            });
            let store = open(&fs).unwrap();
            let mut found = contents(&store);
            assert_eq!(exemplars(&store), usize::from(!of("exemplars")), "{when}");
            let deleted = found.remove(DELETED.0);
            assert_eq!(deleted.is_some(), of("tombstones"), "{when}");
            let missing = missing(&expected, &found);
            if report.damages.is_empty() {
                // With the mark of the log nothing is lost.
                assert!(of("mark") && missing.is_empty(), "{when}: {missing:?}");
                continue;
            }
            assert!(hit, "{when}: {report:?}");
            assert_inside(&report, &missing, &when);
            // Where samples are deleted, or nothing is lost, nothing is read.
            let unread = |unit: &crate::store::DamagedUnit| {
                unit.lost.is_none_or(|lost| lost.range.contains(DELETED.1))
            };
            let told = store.stats().corruptions > 0 || warnings(&store) > 0;
            let needless = missing.is_empty() && report.damages.iter().all(unread);
            assert!(told || needless, "{when}");
            if missing.is_empty() {
                harmless += 1;
                continue;
            }
            partial += usize::from(missing.len() < 6_000);
            assert!(warnings(&store) > 0, "{when}: a query tells");
            let known = report.damages.iter().filter_map(|unit| unit.lost?.samples);
            let known: u64 = known.sum();
            assert!(
                known == 0 || known == missing.len() as u64,
                "{when}: {report:?}"
            );
            // Told as well once everything is merged, and after another start.
            store.flush().unwrap();
            assert!(warnings(&store) > 0, "{when}: merged");
            assert_eq!(contents(&store), found, "{when}: merged");
            store.close().unwrap();
            let again = open(&fs).unwrap();
            assert!(warnings(&again) > 0, "{when}: opened again");
            assert_eq!(contents(&again), found, "{when}: opened again");
        }
    }
    assert!(harmless > 25 && partial > 25, "{harmless} {partial}");
}

#[test]
fn a_bad_sector_costs_what_is_in_it_until_the_disk_gives_it_again() {
    let intact = filled();
    let expected = contents(&open(&intact.kill()).unwrap());
    let mut served = 0;
    for path in files(&intact) {
        let len = intact.contents(&path).unwrap().len() as u64;
        for at in (0..len).step_by(4096) {
            let when = format!("{} from byte {at}", path.display());
            let fs = intact.kill();
            fs.go_bad(&path, at..at + 4096);
            let report = verify(&fs, Path::new(DIR)).unwrap();
            let store = open(&fs).unwrap();
            let mut found = contents(&store);
            found.remove(DELETED.0);
            let missing = missing(&expected, &found);
            assert_inside(&report, &missing, &when);
            let new = ("a", NOW + MINUTE, 9.0);
            assert_eq!(write(&store, &[new]).unwrap().accepted, 1, "{when}");
            store.flush_head().unwrap();
            // A run that is there and cannot be read as a whole is not merged, and so nothing of it is given up.
            while store.merge_once().unwrap() {}
            let is_served = path.starts_with(format!("{DIR}/data")) && fs.contents(&path).is_ok();
            fs.go_bad(&path, 0..0);
            if is_served && !missing.is_empty() {
                let mut healed = contents(&store);
                healed.remove(DELETED.0);
                healed.get_mut("a").unwrap().remove(&new.1);
                assert_eq!(healed, expected, "{when}");
                served += 1;
            }
        }
    }
    assert!(served > 1, "{served}");
}

/// What is done to a file.
#[derive(Clone, Debug)]
enum Harm {
    Flip(usize, u8),
    Cut(usize),
    Garbage(Vec<u8>),
    Directory,
    Gone,
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        4 => (any::<usize>(), 1..=255u8).prop_map(|(at, bits)| Harm::Flip(at, bits)),
        2 => any::<usize>().prop_map(Harm::Cut),
        1 => prop::collection::vec(any::<u8>(), 0..300).prop_map(Harm::Garbage),
        1 => Just(Harm::Directory),
        1 => Just(Harm::Gone),
    ]
}

fn inflict(fs: &FaultFs, path: &Path, harm: &Harm) {
    let mut bytes = fs.contents(path).unwrap_or_default();
    match harm {
        Harm::Flip(at, bits) => {
            let at = at % bytes.len().max(1);
            bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= bits);
        }
        Harm::Cut(at) => bytes.truncate(at % bytes.len().max(1)),
        Harm::Garbage(garbage) => bytes.clone_from(garbage),
        Harm::Directory | Harm::Gone => {
            let _ = fs.remove(path);
            if matches!(harm, Harm::Directory) {
                fs.create_dir_all(path).unwrap();
                let _ = fs.create(&path.join("stray")); // it is there after two such harms
            }
            return;
        }
    }
    fs.overwrite(path, &bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_bytes_at_all_are_verified_and_opened(
        harms in prop::collection::vec((any::<prop::sample::Index>(), harm()), 1..5),
    ) {
        thread_local! {
            static INTACT: FaultFs = filled();
        }
        let fs = INTACT.with(FaultFs::kill);
        let files = files(&fs);
        for (file, harm) in &harms {
            inflict(&fs, file.get::<PathBuf>(&files), harm);
        }
        let report = verify(&fs, Path::new(DIR)).unwrap();
        for (file, harm) in &harms {
            if let Harm::Directory = harm {
                let path = file.get::<PathBuf>(&files);
                let room = path.parent() != Some(Path::new(DIR));
                let told = report.damages.iter().any(|unit| unit.path == *path);
                prop_assert!(told || !room || fs.contents(path).is_ok(), "{path:?}: {report:?}");
            }
        }
        let shared: Arc<dyn Fs> = Arc::new(fs.clone());
        let _ = Store::open_read_only(&shared, Path::new(DIR), &options());
        if let Ok(store) = open(&fs) {
            let _ = contents(&store);
            let _ = store.flush();
        }
    }
}

#[test]
fn the_scrub_finds_damage_once() {
    let fs = filled();
    let store = open(&fs).unwrap();
    let mut scrub = crate::store::scrub::Scrub::default();
    let pass = std::time::Duration::from_secs(1);
    assert!(store.scrub(&mut scrub, pass));
    let figures = store.stats();
    assert_eq!((figures.corruptions, figures.scrubs), (0, 1));
    assert!(figures.scrubbed_bytes > figures.run_bytes / 2);

    let path = store.view.get().runs[0].path().to_owned();
    let mut bytes = fs.contents(&path).unwrap();
    bytes[100] ^= 1;
    fs.overwrite(&path, &bytes);
    for _ in 0..2 {
        assert!(store.scrub(&mut scrub, pass));
        assert_eq!(store.stats().corruptions, 1, "told once");
    }
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs.overwrite(&path, &bytes);
    assert!(store.scrub(&mut scrub, pass));
    assert_eq!(store.stats().corruptions, 2, "what is mended too");
    fs.overwrite(&path, &bytes[..100]);
    assert!(store.scrub(&mut scrub, pass));
    assert_eq!(store.stats().corruptions, 3, "the file as a whole");
}
