//! Reads the runs again and again, slowly, so that damage is known before somebody asks for what it hit.
//!
//! A pass goes over all runs there are when it begins, opened anew, so that index and directory are read from the file as
//! well. The rate is such that a pass takes [`Options::scrub`](crate::Options::scrub), and bounded. What is found is told in
//! the log and counted, once for each place; readers leave it out as they do without, and merging records it as lost.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::verify::DamagedUnit;
use super::{Store, figures};
use crate::disk::{Run, catalog};
use crate::error::{Error, Result};

/// Bytes read in a second at most, whatever the size of the store.
const MAX_BYTES_PER_S: u64 = 8 << 20;
/// And at least: a small store is read in one go.
const MIN_BYTES_PER_S: u64 = 256 << 10;

/// What one pass leaves to the next.
#[derive(Debug, Default)]
pub(super) struct Scrub {
    /// Places that were told already.
    told: BTreeSet<(PathBuf, u64)>,
}

/// Keeps reading to a rate.
struct Pace<'a> {
    store: &'a Store,
    bytes_per_s: u64,
    begun: Instant,
    bytes: u64,
}

impl Pace<'_> {
    /// Takes in bytes that were read, and waits until they are due; false when the store is to stop.
    fn read(&mut self, bytes: u64) -> bool {
        figures::count(&self.store.counters.scrubbed_bytes, bytes);
        self.bytes = self.bytes.saturating_add(bytes);
        let due = Duration::from_secs_f64(self.bytes as f64 / self.bytes_per_s as f64);
        self.store
            .signal
            .pause(due.saturating_sub(self.begun.elapsed()))
    }
}

impl Store {
    /// Reads all runs once; false when the store is to stop.
    pub(super) fn scrub(&self, scrub: &mut Scrub, pass: Duration) -> bool {
        // Only where they are: a run that goes meanwhile must not keep its blocks of the disk for a whole pass.
        let runs = self.view.get();
        let runs = runs
            .runs
            .iter()
            .map(|run| (run.path().to_owned(), run.meta().bytes));
        let runs: Vec<(PathBuf, u64)> = runs.collect();
        let total: u64 = runs.iter().map(|(_, bytes)| bytes).sum();
        let wanted = total / pass.as_secs().max(1);
        let mut pace = Pace {
            store: self,
            bytes_per_s: wanted.clamp(MIN_BYTES_PER_S, MAX_BYTES_PER_S),
            begun: Instant::now(),
            bytes: 0,
        };
        for (path, _) in &runs {
            let mut go_on = true;
            let read = self.scrub_run(path, &mut |bytes| {
                go_on = pace.read(bytes);
                go_on
            });
            match read {
                Ok(damages) => damages.iter().for_each(|unit| self.tell(scrub, unit)),
                // It was merged away or has expired.
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => {
                    let unit = DamagedUnit {
                        lost: catalog::held_by(&*self.fs, path),
                        ..DamagedUnit::of(path, &e)
                    };
                    self.tell(scrub, &unit);
                }
            }
            if !go_on {
                return false;
            }
        }
        figures::count(&self.counters.scrubs, 1);
        true
    }

    fn scrub_run(
        &self,
        path: &Path,
        go_on: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Vec<DamagedUnit>> {
        let run = Run::open(&*self.fs, path, self.identity, &self.ends)?;
        let damages = run.check(go_on)?;
        let units = damages
            .iter()
            .map(|damage| DamagedUnit::of_run(run.path(), damage));
        Ok(units.collect())
    }

    fn tell(&self, scrub: &mut Scrub, unit: &DamagedUnit) {
        if !scrub.told.insert((unit.path.clone(), unit.offset)) {
            return;
        }
        figures::count(&self.counters.corruptions, 1);
        let lost = unit.lost.as_ref();
        tracing::warn!(
            path = %unit.path.display(),
            offset = unit.offset,
            bytes = unit.bytes,
            lost_from_ms = lost.map(|lost| lost.range.start_ms),
            lost_to_ms = lost.map(|lost| lost.range.end_ms),
            lost_series = lost.and_then(|lost| lost.series),
            lost_samples = lost.and_then(|lost| lost.samples),
            "the scrub found damage: {}", unit.what
        );
    }
}
