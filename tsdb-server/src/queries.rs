//! The queries under way: who asked what, what it has cost so far, and a way to end it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use tsdb_query::{QueryError, QueryProgress};

/// Of a long query this many characters are shown and logged.
const MAX_SHOWN: usize = 4096;

/// All queries that wait or run, and counts of those that ended.
#[derive(Debug, Default)]
pub(crate) struct Queries {
    /// By their ids. A plain mutex: it is held for an insertion or a removal, twice a query.
    running: Mutex<BTreeMap<u64, Arc<Query>>>,
    next_id: AtomicU64,
    pub(crate) totals: Totals,
}

/// Counts of queries that ended.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) answered: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) timed_out: AtomicU64,
    pub(crate) canceled: AtomicU64,
    pub(crate) killed: AtomicU64,
    pub(crate) slow: AtomicU64,
    pub(crate) samples: AtomicU64,
}

/// A query that waits or runs.
#[derive(Debug)]
pub(crate) struct Query {
    /// Its beginning, when it is long.
    pub(crate) text: String,
    pub(crate) client: Option<SocketAddr>,
    pub(crate) since: SystemTime,
    begun: Instant,
    /// Whether its evaluation began.
    pub(crate) runs: AtomicBool,
    pub(crate) progress: Arc<QueryProgress>,
    /// True ends it.
    pub(crate) cancel: Arc<AtomicBool>,
}

/// How a query ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Answered,
    Failed,
    TimedOut,
    Canceled,
}

/// Keeps a query in the list for as long as it lives.
#[derive(Debug)]
pub(crate) struct Listed {
    queries: Arc<Queries>,
    id: u64,
    pub(crate) query: Arc<Query>,
}

impl Queries {
    /// Puts a query into the list.
    pub(crate) fn add(self: &Arc<Self>, text: &str, client: Option<SocketAddr>) -> Listed {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed) + 1;
        let query = Arc::new(Query {
            text: text.chars().take(MAX_SHOWN).collect(),
            client,
            since: SystemTime::now(),
            begun: Instant::now(),
            runs: AtomicBool::new(false),
            progress: Arc::default(),
            cancel: Arc::default(),
        });
        self.running.lock().insert(id, Arc::clone(&query));
        Listed {
            queries: Arc::clone(self),
            id,
            query,
        }
    }

    /// Ends a query; false when there is none of that id.
    pub(crate) fn kill(&self, id: u64) -> bool {
        let Some(query) = self.running.lock().get(&id).cloned() else {
            return false;
        };
        query.cancel.store(true, Ordering::Relaxed);
        self.totals.killed.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(id, query = %query.text, "query killed");
        true
    }

    /// Ends all queries.
    pub(crate) fn cancel_all(&self) {
        for query in self.running.lock().values() {
            query.cancel.store(true, Ordering::Relaxed);
        }
    }

    /// The queries under way with their ids, the oldest first.
    pub(crate) fn list(&self) -> Vec<(u64, Arc<Query>)> {
        let running = self.running.lock();
        running.iter().map(|(id, q)| (*id, Arc::clone(q))).collect()
    }
}

impl Listed {
    /// Counts how it ended, and logs it when it took longer than `slow`.
    pub(crate) fn ended<T>(&self, result: &Result<T, QueryError>, slow: Option<Duration>) {
        let error = result.as_ref().err();
        let end = match error {
            None => End::Answered,
            Some(QueryError::Timeout) => End::TimedOut,
            Some(QueryError::Canceled) => End::Canceled,
            Some(_) => End::Failed,
        };
        self.ended_as(end, error.map(ToString::to_string), slow);
    }

    /// As [`ended`](Self::ended), for queries in another language.
    pub(crate) fn ended_as(&self, end: End, error: Option<String>, slow: Option<Duration>) {
        let totals = &self.queries.totals;
        let samples = self.query.progress.samples_read();
        let outcome = match end {
            End::Answered => &totals.answered,
            End::TimedOut => &totals.timed_out,
            End::Canceled => &totals.canceled,
            End::Failed => &totals.failed,
        };
        outcome.fetch_add(1, Ordering::Relaxed);
        totals.samples.fetch_add(samples, Ordering::Relaxed);
        let took = self.query.begun.elapsed();
        if slow.is_some_and(|slow| took >= slow) {
            totals.slow.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                id = self.id,
                query = %self.query.text,
                client = self.query.client.map(|c| c.to_string()).unwrap_or_default(),
                duration_seconds = took.as_secs_f64(),
                samples,
                error = error.as_deref().unwrap_or(""),
                "slow query"
            );
        }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.queries.running.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_listed_while_it_lives_and_can_be_killed() {
        let queries = Arc::new(Queries::default());
        let first = queries.add("up", None);
        let second = queries.add("down", None);
        let texts = |queries: &Queries| -> Vec<String> {
            let list = queries.list();
            list.into_iter().map(|(_, q)| q.text.clone()).collect()
        };
        assert_eq!(texts(&queries), ["up", "down"]);
        assert!(queries.kill(second.id) && !queries.kill(99));
        assert!(second.query.cancel.load(Ordering::Relaxed));
        assert!(!first.query.cancel.load(Ordering::Relaxed));
        drop(first);
        assert_eq!(texts(&queries), ["down"]);
    }

    #[test]
    fn ends_are_counted_by_kind() {
        let queries = Arc::new(Queries::default());
        let listed = queries.add("up", None);
        listed.ended(&Ok(()), None);
        listed.ended::<()>(&Err(QueryError::Timeout), Some(Duration::ZERO));
        listed.ended::<()>(&Err(QueryError::Canceled), Some(Duration::MAX));
        listed.ended::<()>(&Err(QueryError::TooManySamples), None);
        let count = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let totals = &queries.totals;
        let kinds = [
            &totals.answered,
            &totals.timed_out,
            &totals.canceled,
            &totals.failed,
            &totals.slow,
        ];
        assert_eq!(kinds.map(count), [1; 5]);
    }
}
