//! Clocks that jump, stand still, or start in 1970.

use std::time::Duration;

use super::*;

const DAY: i64 = 24 * HOUR;

fn with_clock(clock: &ManualClock) -> Options {
    options()
        .retention(Some(Duration::from_secs(10 * 86_400)))
        .clock(Clock::Manual(clock.clone()))
}

fn accepted(store: &Store, t_ms: i64) -> bool {
    write(store, &[("a", t_ms, 1.0)]).unwrap().accepted == 1
}

#[test]
fn a_clock_that_jumps_ahead_and_back_costs_nothing() {
    let fs = FaultFs::new();
    let clock = ManualClock::new(NOW);
    let store = open_with(&fs, with_clock(&clock)).unwrap();
    assert!(accepted(&store, NOW - 5 * DAY) && accepted(&store, NOW));
    store.flush().unwrap();

    clock.set(NOW + 3_650 * DAY);
    store.expire().unwrap();
    assert!(accepted(&store, NOW + MINUTE), "senders' clocks are right");
    assert_eq!(
        contents(&store)["a"].len(),
        3,
        "nothing expires by the clock alone"
    );
    // One sender believes the clock.
    assert!(accepted(&store, NOW + 3_650 * DAY));

    clock.set(NOW + 2 * MINUTE);
    store.flush().unwrap();
    assert!(accepted(&store, NOW + 2 * MINUTE), "and others go on");
    assert!(
        !accepted(&store, NOW + 3_650 * DAY + MINUTE),
        "that is the future again"
    );
    let found = contents(&store);
    assert_eq!(found["a"].len(), 5, "a sample far ahead makes none expire");
}

#[test]
fn a_start_in_1970_goes_on_where_the_samples_end() {
    let fs = FaultFs::new();
    let clock = ManualClock::new(NOW);
    let store = open_with(&fs, with_clock(&clock)).unwrap();
    assert!(accepted(&store, NOW - 5 * DAY) && accepted(&store, NOW));
    store.close().unwrap();

    clock.set(0);
    let store = open_with(&fs, with_clock(&clock)).unwrap();
    assert!(
        accepted(&store, NOW + MINUTE),
        "within the limit ahead of the newest"
    );
    assert!(!accepted(&store, NOW + 2 * HOUR));
    clock.set(2 * HOUR); // time goes by
    assert!(accepted(&store, NOW + 2 * HOUR));
    store.flush().unwrap();
    assert_eq!(contents(&store)["a"].len(), 4, "nothing expires");
    // The clock is set right.
    clock.set(NOW + DAY);
    assert!(accepted(&store, NOW + DAY));
    store.close().unwrap();
    assert_eq!(
        contents(&open_with(&fs, with_clock(&clock)).unwrap())["a"].len(),
        5
    );
}

#[test]
fn a_new_store_in_1970_takes_what_is_not_ahead_of_its_clock() {
    let store = open_with(&FaultFs::new(), with_clock(&ManualClock::new(0))).unwrap();
    assert!(accepted(&store, 0) && accepted(&store, -DAY));
    assert!(
        !accepted(&store, NOW),
        "without samples the clock is all there is"
    );
}

#[test]
fn logical_time_needs_no_clock() {
    let fs = FaultFs::new();
    let logical = || {
        with_clock(&ManualClock::new(0))
            .future_limit(None)
            .retention(None)
    };
    let store = open_with(&fs, logical()).unwrap();
    let times = [1, 2, i64::MAX / 2, -7, i64::MIN / 2];
    assert!(times.iter().all(|&t_ms| accepted(&store, t_ms)));
    store.flush().unwrap();
    store.close().unwrap();
    let store = open_with(&fs, logical()).unwrap();
    let found: Vec<i64> = contents(&store)["a"].keys().copied().collect();
    assert!(found.is_sorted() && found.len() == times.len(), "{found:?}");
}
