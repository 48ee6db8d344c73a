//! Metrics of queries.

use std::sync::atomic::{AtomicU64, Ordering};

use super::metrics::Text;
use crate::state::AppState;

pub(super) fn write(out: &mut Text, state: &AppState) {
    let queries = &state.shared.running;
    let totals = &queries.totals;
    let count = |n: &AtomicU64| n.load(Ordering::Relaxed) as f64;
    let list = queries.list();
    let running = list.iter().filter(|(_, q)| q.runs.load(Ordering::Relaxed));
    let running = running.count();
    for (name, help, value) in [
        (
            "tsdb_queries_running",
            "Queries that are evaluated.",
            running,
        ),
        (
            "tsdb_queries_waiting",
            "Queries that wait for their turn.",
            list.len() - running,
        ),
        (
            "tsdb_queries_running_max",
            "Queries that may be evaluated at once.",
            state.shared.config.query_max_concurrency,
        ),
    ] {
        out.single(name, "gauge", help, value as f64);
    }
    let name = "tsdb_queries_total";
    out.family(name, "counter", "Queries that ended, by how they did.");
    for (outcome, n) in [
        ("answered", &totals.answered),
        ("canceled", &totals.canceled),
        ("failed", &totals.failed),
        ("timeout", &totals.timed_out),
    ] {
        out.sample(name, &format!("outcome=\"{outcome}\""), count(n));
    }
    for (name, help, n) in [
        (
            "tsdb_queries_killed_total",
            "Queries that an administrator ended.",
            &totals.killed,
        ),
        (
            "tsdb_queries_slow_total",
            "Queries that took longer than --query.log-slower-than.",
            &totals.slow,
        ),
        (
            "tsdb_query_samples_read_total",
            "Samples that queries read from the store.",
            &totals.samples,
        ),
    ] {
        out.single(name, "counter", help, count(n));
    }
}
