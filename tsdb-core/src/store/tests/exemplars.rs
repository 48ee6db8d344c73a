//! Exemplars survive whatever happens to the machine.

use super::*;
use crate::io::Unsynced;

/// A batch with a sample and an exemplar of each of two series.
fn put(store: &Store, minute: i64) -> Result<WriteReport> {
    let mut batch = WriteBatch::new();
    for name in ["a", "b"] {
        let mut series = batch.series([("__name__", name)]).unwrap();
        let t_ms = NOW + minute * MINUTE;
        series.sample(t_ms, 1.0);
        series.exemplar(t_ms, minute as f64, &[]).unwrap();
    }
    store.submit(&batch)?.wait()
}

/// The minutes of the exemplars of both series, which must be the same.
fn minutes(store: &Store) -> Vec<i64> {
    let matcher = [Matcher::new(crate::model::MatchOp::Regex, "__name__", "a|b").unwrap()];
    let found = store.exemplars(TimeRange::ALL, &[&matcher]).unwrap();
    let minutes = found.iter().map(|series| {
        let exemplars = series.exemplars.iter();
        exemplars
            .map(|e| (e.t_ms - NOW) / MINUTE)
            .collect::<Vec<_>>()
    });
    let minutes: Vec<_> = minutes.collect();
    assert!(
        minutes.windows(2).all(|both| both[0] == both[1]),
        "{minutes:?}"
    );
    minutes.first().cloned().unwrap_or_default()
}

/// Writes, flushes, closes and opens; gives the minutes that were acknowledged and whether all of it worked.
fn work(fs: &FaultFs) -> (Vec<i64>, bool) {
    let mut acknowledged = Vec::new();
    let mut worked = || -> Result<()> {
        let mut store = open(fs)?;
        for minute in 0..8 {
            put(&store, minute)?;
            acknowledged.push(minute);
            match minute {
                1 | 5 => store.flush_head()?,
                2 => store.lane.lock().rotate(&store),
                3 => {
                    store.close()?;
                    drop(store);
                    store = open(fs)?;
                }
                _ => {}
            }
        }
        Ok(())
    };
    let worked = worked().is_ok();
    (acknowledged, worked)
}

#[test]
fn a_crash_at_any_operation_loses_no_exemplar() {
    for n in 1.. {
        let fs = FaultFs::new();
        fs.cut_at(n);
        let (acknowledged, worked) = work(&fs);
        for unsynced in Unsynced::EACH {
            let when = format!("cut at {n}, {unsynced:?}");
            let fs = fs.crash(unsynced);
            let store = open(&fs).unwrap();
            let mut found = minutes(&store);
            assert_eq!(store.stats().corruptions, 0, "{when}");
            // What was sent and not acknowledged may be there.
            assert!(
                found.starts_with(&acknowledged) && found.len() <= acknowledged.len() + 1,
                "{when}: {found:?} {acknowledged:?}"
            );
            put(&store, 20).unwrap();
            found.push(20);
            let again = open(&fs.crash(Unsynced::Lost)).unwrap();
            assert_eq!(minutes(&again), found, "{when}: and once more");
            again.flush().unwrap();
            again.close().unwrap();
            drop((store, again));
        }
        if worked {
            assert!(n > 50, "the workload has many operations");
            return;
        }
    }
}

#[test]
fn a_damaged_file_is_reported_and_the_store_opens() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    put(&store, 0).unwrap();
    store.flush().unwrap();
    store.close().unwrap();
    drop(store);
    let path = Path::new(DIR).join("exemplars");
    let mut bytes = fs.contents(&path).unwrap();
    bytes[20] ^= 1;
    fs.overwrite(&path, &bytes);
    let report = crate::store::verify(&fs, Path::new(DIR)).unwrap();
    assert_eq!(report.damages[0].path, path);
    let store = open(&fs).unwrap();
    assert_eq!(store.stats().corruptions, 1);
    assert!(minutes(&store).is_empty());
    put(&store, 1).unwrap();
    assert_eq!(minutes(&store), [1]);
}
