//! The threads that flush, merge and expire beside the writers.
//!
//! `tsdb-flush` and `tsdb-merge` are two, so that a long merge does not keep a generation in memory; `tsdb-scrub` looks for damage. A step that
//! fails is tried again a little later; nothing is lost by waiting, and what is full becomes free again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::scrub::Scrub;
use super::{Store, figures};
use crate::error::{Error, Result};

/// How often the age of the active generation and the retention are looked at.
const TICK: Duration = Duration::from_secs(5);

/// After a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// The scrub begins so long after the start.
const SCRUB_AFTER: Duration = Duration::from_secs(10 * 60);

/// Wakes the threads.
#[derive(Debug, Default)]
pub(super) struct Signal {
    // Held to look or to set, never during a step.
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    flush: bool,
    merge: bool,
    stop: bool,
}

impl Signal {
    pub(super) fn generation_frozen(&self) {
        self.set(|state| state.flush = true);
    }

    pub(super) fn runs_changed(&self) {
        self.set(|state| state.merge = true);
    }

    fn stop(&self) {
        self.set(|state| state.stop = true);
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock());
        self.changed.notify_all();
    }

    /// Waits for so long; false when the threads are to end.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let mut state = self.state.lock();
        self.changed
            .wait_while_for(&mut state, |state| !state.stop, time);
        !state.stop
    }

    /// Waits until `wanted` is set (and takes it back), or for so long; false when the threads are to end.
    fn wait(&self, wanted: fn(&mut State) -> &mut bool, at_most: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.stop && !*wanted(&mut state) {
            self.changed.wait_while_for(
                &mut state,
                |state| !state.stop && !*wanted(state),
                at_most,
            );
        }
        *wanted(&mut state) = false;
        !state.stop
    }
}

/// The running threads. Ends them when dropped.
#[derive(Debug)]
pub(crate) struct Maintenance {
    store: Arc<Store>,
    threads: Vec<JoinHandle<()>>,
}

impl Maintenance {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub(crate) fn start(store: &Arc<Store>) -> Result<Self> {
        let mut maintenance = Self {
            store: Arc::clone(store),
            threads: Vec::new(),
        };
        for (name, work) in [
            ("tsdb-flush", flush_loop as fn(&Store)),
            ("tsdb-merge", merge_loop),
            ("tsdb-scrub", scrub_loop),
        ] {
            let store = Arc::clone(store);
            let thread = std::thread::Builder::new()
                .name(name.into())
                .spawn(move || go_on(name, &store, work))
                .map_err(|e| Error::io("start thread", name, e))?;
            maintenance.threads.push(thread);
        }
        Ok(maintenance)
    }

    /// Ends the threads; a step under way is finished first.
    pub(crate) fn stop(&mut self) {
        self.store.signal.stop();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a maintenance thread had panicked");
            }
        }
    }
}

impl Drop for Maintenance {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Does the work of a thread until it ends. A panic is a mistake of this crate; what comes after it is done all the same, or
/// the head would fill.
fn go_on(name: &str, store: &Store, work: fn(&Store)) {
    while catch_unwind(AssertUnwindSafe(|| work(store))).is_err() {
        figures::count(&store.counters.maintenance_failures, 1);
        tracing::error!(
            thread = name,
            "a maintenance step panicked, it is tried again"
        );
        if !store.signal.pause(PAUSE) {
            return;
        }
    }
}

fn flush_loop(store: &Store) {
    let mut pause = TICK;
    while store.signal.wait(|state| &mut state.flush, pause) {
        store.lane.lock().rotate_if_due(store);
        pause = TICK;
        loop {
            match store.flush_oldest() {
                Ok(true) => {}
                Ok(false) => break,
                Err(Error::WritesStopped) => return, // until the store is opened anew
                Err(e) => {
                    store.report("flush", &e);
                    pause = PAUSE;
                    break;
                }
            }
        }
    }
}

fn merge_loop(store: &Store) {
    let mut pause = TICK;
    while store.signal.wait(|state| &mut state.merge, pause) {
        pause = TICK;
        store.cache.adjust();
        loop {
            match store.expire().and_then(|()| store.merge_once()) {
                Ok(true) => {}
                Ok(false) => break,
                Err(e) => {
                    store.report("merge", &e);
                    pause = PAUSE;
                    break;
                }
            }
            if store.signal.state.lock().stop {
                return;
            }
        }
    }
}

fn scrub_loop(store: &Store) {
    let Some(pass) = store.options.scrub else {
        return;
    };
    let mut scrub = Scrub::default();
    loop {
        let begun = std::time::Instant::now();
        // A start has enough to do.
        if !store.signal.pause(pass.min(SCRUB_AFTER)) || !store.scrub(&mut scrub, pass) {
            return;
        }
        if !store.signal.pause(pass.saturating_sub(begun.elapsed())) {
            return;
        }
    }
}

impl Store {
    fn report(&self, step: &'static str, e: &Error) {
        figures::count(&self.counters.maintenance_failures, 1);
        tracing::warn!(step, error = %e, "maintenance step failed, it is tried again");
    }
}
