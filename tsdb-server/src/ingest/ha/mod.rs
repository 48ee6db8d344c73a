//! Highly available pairs: replicas of a Prometheus that write the same series, told apart by a label.
//!
//! * Of each cluster one replica is *elected*: its samples are kept, without the label, and those of the others are
//!   acknowledged and dropped. When the elected one was silent for the failover timeout, the next that writes is elected.
//! * A request is decided once for each replica in it. Series without the replica label are kept as they are.
//! * Elections survive a restart (`docs/format/ha.md`), so that the replica that happens to write first does not take over.
//!   Those loaded count as heard from at the time of loading.

mod file;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::WriteError;
use super::label_set::LabelSet;

/// Clusters that are known at once, and the longest name of one, or of a replica, in bytes.
const MAX_CLUSTERS: usize = 10_000;
const MAX_NAME_BYTES: usize = 1_024;

/// How pairs are told.
#[derive(Clone, Debug)]
pub(crate) struct HaOptions {
    pub(crate) replica_label: String,
    pub(crate) cluster_label: String,
    pub(crate) failover_timeout: Duration,
}

/// All clusters and their elected replicas.
#[derive(Debug)]
pub(crate) struct Elections {
    options: HaOptions,
    // Held for a look-up, once for each replica of a request.
    clusters: Mutex<BTreeMap<String, Elected>>,
    /// Where elections are kept; not there for a store in memory.
    path: OnceLock<PathBuf>,
    // Held while the file is written, so that the last one written is the newest.
    saving: Mutex<()>,
    /// Samples acknowledged and dropped.
    dropped: AtomicU64,
    /// Elections, the first of each cluster included.
    held: AtomicU64,
}

#[derive(Debug)]
struct Elected {
    replica: String,
    heard: Instant,
}

/// What becomes of the samples of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    /// Keep, and the replica was elected just now.
    Elected,
    Drop,
}

impl Elections {
    pub(crate) fn new(options: HaOptions) -> Self {
        Self {
            options,
            clusters: Mutex::default(),
            path: OnceLock::new(),
            saving: Mutex::default(),
            dropped: AtomicU64::new(0),
            held: AtomicU64::new(0),
        }
    }

    /// Loads what was elected before, and keeps elections in this file from now on. A file that is damaged counts as
    /// none: everybody is elected anew.
    pub(crate) fn keep_in(&self, path: PathBuf) {
        match file::read(&path) {
            Ok(elected) => {
                let heard = Instant::now();
                let elected = elected.into_iter();
                let elected =
                    elected.map(|(cluster, replica)| (cluster, Elected { replica, heard }));
                self.clusters.lock().extend(elected.take(MAX_CLUSTERS));
            }
            Err(e) => {
                tracing::warn!(path = %path.display(), error = %e, "elected replicas are not known any more");
            }
        }
        let _ = self.path.set(path); // only called once
    }

    /// Samples acknowledged and dropped since the start.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Elections since the start.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    fn decide(&self, cluster: &str, replica: &str, now: Instant) -> Result<Verdict, WriteError> {
        let timeout = self.options.failover_timeout;
        let is_silent = |e: &Elected| now.saturating_duration_since(e.heard) > timeout;
        let mut clusters = self.clusters.lock();
        let before = match clusters.get_mut(cluster) {
            Some(elected) if elected.replica == replica => {
                elected.heard = now;
                return Ok(Verdict::Keep);
            }
            Some(elected) if !is_silent(elected) => return Ok(Verdict::Drop),
            Some(elected) => Some(elected.replica.clone()),
            None => {
                if clusters.len() >= MAX_CLUSTERS {
                    // Who is silent would be elected anew anyway.
                    clusters.retain(|_, elected| !is_silent(elected));
                }
                if clusters.len() >= MAX_CLUSTERS {
                    return Err(WriteError::bad_request(format!(
                        "more than {MAX_CLUSTERS} clusters of replicas"
                    )));
                }
                None
            }
        };
        let elected = Elected {
            replica: replica.to_owned(),
            heard: now,
        };
        clusters.insert(cluster.to_owned(), elected);
        drop(clusters);
        self.held.fetch_add(1, Ordering::Relaxed);
        tracing::info!(cluster, replica, before, "replica is elected");
        Ok(Verdict::Elected)
    }

    /// Writes the file. What is not written is known until the next restart.
    fn save(&self) {
        let Some(path) = self.path.get() else { return };
        let _saving = self.saving.lock();
        let clusters = self.clusters.lock();
        let elected = clusters.iter().map(|(c, e)| (c.clone(), e.replica.clone()));
        let elected: BTreeMap<String, String> = elected.collect();
        drop(clusters);
        if let Err(e) = file::write(path, &elected) {
            tracing::warn!(path = %path.display(), error = %e, "elected replicas are not written");
        }
    }
}

/// The replicas of one request.
#[derive(Debug, Default)]
pub(super) struct Replicas<'e> {
    elections: Option<&'e Elections>,
    /// Cluster and replica of the series before.
    last: Option<(String, String, Verdict)>,
    /// Whether there was an election.
    elected: bool,
    pub(super) dropped: Dropped,
}

/// What is acknowledged and not stored.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dropped {
    pub(super) floats: u64,
    pub(super) histograms: u64,
}

impl<'e> Replicas<'e> {
    /// Without elections everything is kept as it is.
    pub(super) fn new(elections: Option<&'e Elections>) -> Self {
        Self {
            elections,
            ..Self::default()
        }
    }

    /// Whether replicas are told apart at all.
    pub(super) fn are_told(&self) -> bool {
        self.elections.is_some()
    }

    /// Decides whether the samples of a series are kept. The replica label is taken out of the labels then.
    ///
    /// # Errors
    /// 400 when a name is too long, or there are too many clusters.
    pub(super) fn keep(&mut self, labels: &mut LabelSet<'_>) -> Result<bool, WriteError> {
        let Some(elections) = self.elections else {
            return Ok(true);
        };
        let options = &elections.options;
        let replica = labels.value_of(&options.replica_label);
        if replica.is_empty() {
            return Ok(true);
        }
        let cluster = labels.value_of(&options.cluster_label);
        labels.remove(&options.replica_label);
        let verdict = match &self.last {
            Some((c, r, verdict)) if c == cluster && r == replica => *verdict,
            _ => {
                if replica.len().max(cluster.len()) > MAX_NAME_BYTES {
                    return Err(WriteError::bad_request(format!(
                        "the name of a replica or cluster is longer than {MAX_NAME_BYTES} bytes"
                    )));
                }
                let verdict = elections.decide(cluster, replica, Instant::now())?;
                self.last = Some((cluster.to_owned(), replica.to_owned(), verdict));
                verdict
            }
        };
        self.elected |= verdict == Verdict::Elected;
        Ok(verdict != Verdict::Drop)
    }

    /// Writes the file of the elections if the request had some, once for all: a request may bring many clusters.
    pub(super) fn save(&self) {
        if let (true, Some(elections)) = (self.elected, self.elections) {
            elections.save();
        }
    }

    /// Counts what is not kept.
    pub(super) fn drop_samples(&mut self, floats: usize, histograms: usize) {
        self.dropped.floats += floats as u64;
        self.dropped.histograms += histograms as u64;
        if let Some(elections) = self.elections {
            let samples = (floats + histograms) as u64;
            elections.dropped.fetch_add(samples, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    fn elections() -> Elections {
        Elections::new(HaOptions {
            replica_label: "replica".to_owned(),
            cluster_label: "cluster".to_owned(),
            failover_timeout: TIMEOUT,
        })
    }

    #[test]
    fn one_replica_is_kept_until_it_is_silent() {
        let elections = elections();
        let begun = Instant::now();
        let ask = |replica, s| {
            let now = begun + Duration::from_secs(s);
            elections.decide("eu", replica, now).unwrap()
        };
        assert_eq!(ask("a", 0), Verdict::Elected);
        assert_eq!(ask("b", 1), Verdict::Drop);
        assert_eq!(ask("a", 20), Verdict::Keep);
        assert_eq!(ask("b", 50), Verdict::Drop, "30 s are not over the timeout");
        assert_eq!(ask("b", 51), Verdict::Elected);
        assert_eq!(ask("a", 52), Verdict::Drop);
        assert_eq!(elections.held(), 2);
        let other = elections.decide("us", "a", begun).unwrap();
        assert_eq!(
            other,
            Verdict::Elected,
            "clusters have nothing to do with each other"
        );
    }

    #[test]
    fn elections_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ha");
        let before = elections();
        before.keep_in(path.clone());
        let mut replicas = Replicas::new(Some(&before));
        for cluster in ["eu", "us", "eu"] {
            let mut labels = LabelSet::default();
            for (name, value) in [("cluster", cluster), ("replica", "b")] {
                labels.push(name.as_bytes(), value.as_bytes());
            }
            assert!(replicas.keep(&mut labels).unwrap());
        }
        assert!(!path.exists(), "it is written once for a request");
        replicas.save();
        assert_eq!(file::read(&path).unwrap().len(), 2);
        let after = elections();
        after.keep_in(path.clone());
        assert_eq!(
            after.decide("eu", "a", Instant::now()).unwrap(),
            Verdict::Drop
        );
        assert_eq!(
            after.decide("eu", "b", Instant::now()).unwrap(),
            Verdict::Keep
        );

        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let damaged = elections();
        damaged.keep_in(path);
        assert_eq!(
            damaged.decide("eu", "a", Instant::now()).unwrap(),
            Verdict::Elected
        );
    }

    #[test]
    fn clusters_are_limited_and_silent_ones_make_room() {
        let elections = elections();
        let begun = Instant::now();
        for i in 0..MAX_CLUSTERS {
            elections.decide(&i.to_string(), "a", begun).unwrap();
        }
        assert!(elections.decide("one more", "a", begun).is_err());
        let later = begun + 2 * TIMEOUT;
        assert_eq!(
            elections.decide("one more", "a", later).unwrap(),
            Verdict::Elected
        );
    }
}
