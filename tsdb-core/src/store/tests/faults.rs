//! One step of a store with every fault at every operation of it.

use super::*;
use crate::io::{OpKind, Unsynced};

/// Runs `step` on a store that `prepare` makes, with a fault at the n-th operation of the step, for every n and every kind of
/// fault: the machine stops; an operation, a write or an fsync fails once; the disk is full from then on. Calls `check` with
/// what the next start finds, and whether the step said that it was done.
pub(super) fn at_every_operation(
    prepare: impl Fn(&FaultFs) -> Store,
    step: impl Fn(&Store) -> Result<()>,
    check: impl Fn(&FaultFs, bool, &str),
) {
    let mut most = 0;
    for fault in ["cut", "error", "write", "fsync", "full"] {
        for n in 1.. {
            let fs = FaultFs::new();
            let store = prepare(&fs);
            let at = |kind| fs.count(kind) + n;
            match fault {
                "cut" => fs.cut_at(at(OpKind::Mutating)),
                "error" => fs.fail_once(OpKind::Mutating, at(OpKind::Mutating), FaultFs::EIO),
                "write" => fs.fail_once(OpKind::Write, at(OpKind::Write), FaultFs::EIO),
                "fsync" => fs.fail_once(OpKind::Sync, at(OpKind::Sync), FaultFs::EIO),
                _ => fs.fail_from(OpKind::Write, at(OpKind::Write), FaultFs::ENOSPC),
            }
            let done = step(&store).is_ok();
            let when = |image| format!("{fault} at {n}, {image}");
            for unsynced in Unsynced::EACH {
                check(&fs.crash(unsynced), done, &when(format!("{unsynced:?}")));
            }
            check(&fs.kill(), done, &when("killed".into()));
            if fault == "full" && !done {
                fs.heal();
                step(&store).unwrap_or_else(|e| panic!("{}: {e}", when("healed".into())));
                check(&fs.crash(Unsynced::Lost), true, &when("healed".into()));
            }
            if done {
                most = most.max(n);
                break;
            }
        }
    }
    assert!(most > 1, "the step has operations");
}

#[test]
fn sealing_loses_nothing() {
    const ROWS: Rows<'static> = &[("a", NOW, 1.0), ("b", NOW + MINUTE, hist(70))];
    at_every_operation(
        |fs| {
            let store = open(fs).unwrap();
            for rows in [
                ROWS,
                &[("a", NOW + 2 * MINUTE, 2.0)],
                &[("a", NOW + HOUR, 3.0)],
            ] {
                write(&store, rows).unwrap();
                store.flush_head().unwrap();
            }
            store
        },
        |store| {
            while store.merge_once()? {}
            assert!(store.view.get().runs.iter().any(|run| run.meta().sealed));
            Ok(())
        },
        |fs, _, when| {
            let store = open(fs).unwrap_or_else(|e| panic!("{when}: {e}"));
            let found = contents(&store);
            assert_eq!((found["a"].len(), found["b"].len()), (3, 1), "{when}");
            assert_eq!(store.stats().corruptions, 0, "{when}");
        },
    );
}

#[test]
fn expiry_takes_what_is_too_old_and_nothing_else() {
    let hour = Some(std::time::Duration::from_secs(3600));
    at_every_operation(
        |fs| {
            let store = open_with(fs, options().retention(hour)).unwrap();
            write(
                &store,
                &[("old", NOW - 50 * MINUTE, 1.0), ("new", NOW, 2.0)],
            )
            .unwrap();
            store.flush_head().unwrap();
            let Clock::Manual(clock) = &store.options.clock else {
                panic!("the tests have a manual clock");
            };
            clock.set(NOW + 30 * MINUTE);
            write(&store, &[("new", NOW + 30 * MINUTE, 3.0)]).unwrap();
            store
        },
        |store| {
            store.expire()?;
            assert!(!contents(store).contains_key("old"));
            Ok(())
        },
        |fs, _, when| {
            let store = open_with(fs, options().retention(hour));
            let store = store.unwrap_or_else(|e| panic!("{when}: {e}"));
            assert_eq!(contents(&store)["new"].len(), 2, "{when}");
            assert_eq!(store.stats().corruptions, 0, "{when}");
        },
    );
}
