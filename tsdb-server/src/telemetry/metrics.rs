//! `/metrics` in Prometheus's text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tsdb_core::Stats;

use crate::http::Counts;
use crate::state::AppState;
use crate::udp::LineCounts;

/// Upper bounds of the latency buckets, in seconds.
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.02, 0.1, 0.2, 0.4, 1.0, 3.0, 8.0, 20.0];

/// Counters of requests.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// A plain mutex: it is held for an addition, once a request. Handlers are routes, so that the map stays small.
    requests: Mutex<BTreeMap<String, Handler>>,
    /// Lines that came by UDP.
    pub(crate) influx_lines: LineCounts,
    pub(crate) statsd_lines: LineCounts,
}

#[derive(Debug, Default)]
struct Handler {
    by_code: BTreeMap<u16, u64>,
    buckets: [u64; BUCKETS.len()],
    count: u64,
    seconds: f64,
}

impl Metrics {
    fn observe(&self, handler: &str, code: u16, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if !requests.contains_key(handler) {
            requests.insert(handler.to_owned(), Handler::default());
        }
        let Some(handler) = requests.get_mut(handler) else {
            return;
        };
        let seconds = took.as_secs_f64();
        *handler.by_code.entry(code).or_default() += 1;
        handler.count += 1;
        handler.seconds += seconds;
        for (bucket, bound) in handler.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(seconds <= bound);
        }
    }

    fn write(&self, out: &mut Text) {
        let name = "tsdb_udp_lines_total";
        out.family(
            name,
            "counter",
            "Lines that came by UDP, by what became of them.",
        );
        for (protocol, lines) in [
            ("influx", &self.influx_lines),
            ("statsd", &self.statsd_lines),
        ] {
            let (accepted, refused) = lines.get();
            for (outcome, n) in [("accepted", accepted), ("refused", refused)] {
                let labels = format!("protocol=\"{protocol}\",outcome=\"{outcome}\"");
                out.sample(name, &labels, n as f64);
            }
        }
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        out.family(
            "tsdb_http_requests_total",
            "counter",
            "Requests answered, by route and status.",
        );
        for (handler, h) in &*requests {
            for (code, n) in &h.by_code {
                out.sample(
                    "tsdb_http_requests_total",
                    &format!("handler=\"{handler}\",code=\"{code}\""),
                    *n as f64,
                );
            }
        }
        let name = "tsdb_http_request_duration_seconds";
        out.family(
            name,
            "histogram",
            "Time until the answer's headers, by route.",
        );
        for (handler, h) in &*requests {
            for (n, bound) in h.buckets.iter().zip(BUCKETS) {
                out.sample(
                    &format!("{name}_bucket"),
                    &format!("handler=\"{handler}\",le=\"{bound}\""),
                    *n as f64,
                );
            }
            out.sample(
                &format!("{name}_bucket"),
                &format!("handler=\"{handler}\",le=\"+Inf\""),
                h.count as f64,
            );
            out.sample(
                &format!("{name}_sum"),
                &format!("handler=\"{handler}\""),
                h.seconds,
            );
            out.sample(
                &format!("{name}_count"),
                &format!("handler=\"{handler}\""),
                h.count as f64,
            );
        }
    }
}

/// Counts every request under its route; what has no route counts as one handler, so that paths from outside make no
/// series.
pub(crate) async fn observe(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let handler = route.as_ref().map_or("none", MatchedPath::as_str);
    state
        .shared
        .metrics
        .observe(handler, response.status().as_u16(), begun.elapsed());
    response
}

/// `GET /metrics`
pub(crate) async fn metrics(State(state): State<AppState>) -> Response {
    let mut out = Text::default();
    process(&mut out, &state);
    state.shared.metrics.write(&mut out);
    super::queries::write(&mut out, &state);
    connections(&mut out, &state.shared.connections);
    configuration(&mut out, &state);
    web(&mut out, &state);
    replicas(&mut out, &state);
    let store = state.store();
    out.single(
        "tsdb_ready",
        "gauge",
        "Whether the store is recovered and open.",
        f64::from(u8::from(store.is_ok())),
    );
    if let Ok(db) = store {
        engine(&mut out, &db.stats());
    }
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        out.0,
    )
        .into_response()
}

fn configuration(out: &mut Text, state: &AppState) {
    let reloaded = state.reloaded();
    let at = reloaded.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let memory = state.shared.budget.usage();
    let gauges = [
        (
            "tsdb_config_last_reload_successful",
            "Whether the last reload of the configuration was successful.",
            f64::from(u8::from(reloaded.successful)),
        ),
        (
            "tsdb_config_last_reload_success_timestamp_seconds",
            "Time of the last successful reload of the configuration.",
            at.as_secs_f64(),
        ),
        (
            "tsdb_memory_limit_bytes",
            "Memory that may be used.",
            memory.limit as f64,
        ),
    ];
    for (name, help, value) in gauges {
        out.single(name, "gauge", help, value);
    }
    let name = "tsdb_memory_used_bytes";
    out.family(
        name,
        "gauge",
        "Memory charged to the limit, by who holds it.",
    );
    for (holder, bytes) in [
        ("head", memory.head),
        ("cache", memory.cache),
        ("reserved", memory.reserved),
        ("uncharged", memory.uncharged),
    ] {
        out.sample(name, &format!("holder=\"{holder}\""), bytes as f64);
    }
    out.single(
        "tsdb_memory_refusals_total",
        "counter",
        "Requests refused for want of memory.",
        memory.refusals as f64,
    );
}

/// How the web configuration was read last.
fn web(out: &mut Text, state: &AppState) {
    let Some((successful, at)) = state.shared.web.outcome() else {
        return;
    };
    let at = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    out.single(
        "tsdb_web_config_last_reload_successful",
        "gauge",
        "Whether the last reading of the web configuration, its certificates and tokens was successful.",
        f64::from(u8::from(successful)),
    );
    out.single(
        "tsdb_web_config_last_reload_success_timestamp_seconds",
        "gauge",
        "Time of the last successful reading of the web configuration.",
        at.as_secs_f64(),
    );
}

fn connections(out: &mut Text, counts: &Counts) {
    out.single(
        "tsdb_http_connections",
        "gauge",
        "Connections that are open.",
        counts.now() as f64,
    );
    out.single(
        "tsdb_http_connections_accepted_total",
        "counter",
        "Connections that were accepted.",
        counts.accepted() as f64,
    );
    let name = "tsdb_http_connections_closed_total";
    out.family(
        name,
        "counter",
        "Connections that were not accepted, or were closed by the server before their end, by reason.",
    );
    for (reason, n) in counts.by_reason() {
        out.sample(name, &format!("reason=\"{reason}\""), n as f64);
    }
}

fn replicas(out: &mut Text, state: &AppState) {
    let Some(elections) = &state.shared.elections else {
        return;
    };
    for (name, help, value) in [
        (
            "tsdb_ha_samples_dropped_total",
            "Samples acknowledged and dropped, as another replica of the cluster is elected.",
            elections.dropped(),
        ),
        (
            "tsdb_ha_elections_total",
            "Elections of a replica, the first of each cluster included.",
            elections.held(),
        ),
    ] {
        out.single(name, "counter", help, value as f64);
    }
}

fn engine(out: &mut Text, stats: &Stats) {
    let seconds = |ms: Option<i64>| ms.map_or(f64::NAN, |ms| ms as f64 / 1000.0);
    // An empty store has no lower end, which Prometheus shows as the largest time.
    let lowest_ms = stats.oldest_ms.unwrap_or(i64::MAX);
    let gauges = [
        (
            // Thanos's sidecar looks for it under Prometheus's name.
            "prometheus_tsdb_lowest_timestamp_seconds",
            "Time of the oldest sample.",
            lowest_ms as f64 / 1000.0,
        ),
        (
            "tsdb_head_series",
            "Series in the active generation of the head.",
            stats.head_series as f64,
        ),
        (
            "tsdb_head_samples",
            "Samples in the head.",
            stats.head_samples as f64,
        ),
        (
            "tsdb_head_bytes",
            "Estimated memory of the head.",
            stats.head_bytes as f64,
        ),
        (
            "tsdb_frozen_generations",
            "Generations that wait for their flush.",
            stats.frozen_generations as f64,
        ),
        ("tsdb_runs", "Runs on disk.", stats.runs as f64),
        (
            "tsdb_run_bytes",
            "Size of the runs on disk.",
            stats.run_bytes as f64,
        ),
        (
            "tsdb_run_samples",
            "Samples in the runs on disk.",
            stats.run_samples as f64,
        ),
        (
            "tsdb_wal_bytes",
            "Size of the write-ahead log.",
            stats.wal_bytes as f64,
        ),
        (
            "tsdb_tombstones",
            "Deletes whose samples are still in a file.",
            stats.tombstones as f64,
        ),
        (
            "tsdb_tombstone_bytes",
            "Size of the tombstones of these deletes.",
            stats.tombstone_bytes as f64,
        ),
        (
            "tsdb_oldest_sample_timestamp_seconds",
            "Time of the oldest sample.",
            seconds(stats.oldest_ms),
        ),
        (
            "tsdb_newest_sample_timestamp_seconds",
            "Time of the newest sample.",
            seconds(stats.newest_ms),
        ),
        (
            "tsdb_writes_stopped",
            "Whether a failed fsync stopped writes.",
            f64::from(u8::from(stats.writes_stopped)),
        ),
    ];
    for (name, help, value) in gauges {
        out.single(name, "gauge", help, value);
    }
    let counters = [
        (
            "tsdb_head_series_created_total",
            "Series created in the head.",
            stats.series_created,
        ),
        (
            "tsdb_samples_accepted_total",
            "Samples accepted.",
            stats.samples_accepted,
        ),
        (
            "tsdb_samples_rejected_total",
            "Samples refused.",
            stats.samples_rejected,
        ),
        ("tsdb_flushes_total", "Flushes of the head.", stats.flushes),
        ("tsdb_merges_total", "Merges of runs.", stats.merges),
        ("tsdb_deletes_total", "Deletes.", stats.deletes),
        (
            "tsdb_time_retentions_total",
            "Runs removed because of their age.",
            stats.time_retentions,
        ),
        (
            "tsdb_size_retentions_total",
            "Runs removed because of the size of all.",
            stats.size_retentions,
        ),
        (
            "tsdb_maintenance_failures_total",
            "Flushes and merges that failed; they are tried again.",
            stats.maintenance_failures,
        ),
        (
            "tsdb_corruptions_total",
            "Damaged files, stretches of the write-ahead log and parts of files that were found.",
            stats.corruptions,
        ),
        (
            "tsdb_scrubs_total",
            "Times that all files were read to look for damage.",
            stats.scrubs,
        ),
        (
            "tsdb_scrubbed_bytes_total",
            "Bytes read to look for damage.",
            stats.scrubbed_bytes,
        ),
        (
            "tsdb_wal_replayed_frames_total",
            "Frames of the write-ahead log replayed at open.",
            stats.replayed_frames,
        ),
    ];
    for (name, help, value) in counters {
        out.single(name, "counter", help, value as f64);
    }
}

/// The metrics that every Prometheus client gives, as far as `/proc` has them.
fn process(out: &mut Text, state: &AppState) {
    let started = state
        .shared
        .started
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64();
    out.single(
        "process_start_time_seconds",
        "gauge",
        "Start of the process, in seconds since the epoch.",
        started,
    );
    if let Some(seconds) = cpu_seconds() {
        out.single(
            "process_cpu_seconds_total",
            "counter",
            "User and system time.",
            seconds,
        );
    }
    let status = process_status();
    for (name, key, help) in [
        (
            "process_resident_memory_bytes",
            "VmRSS:",
            "Resident memory.",
        ),
        ("process_virtual_memory_bytes", "VmSize:", "Virtual memory."),
    ] {
        if let Some(bytes) = bytes_in(&status, key) {
            out.single(name, "gauge", help, bytes as f64);
        }
    }
    if let Ok(fds) = std::fs::read_dir("/proc/self/fd") {
        out.single(
            "process_open_fds",
            "gauge",
            "Open file descriptors.",
            fds.count() as f64,
        );
    }
}

fn process_status() -> String {
    std::fs::read_to_string("/proc/self/status").unwrap_or_default()
}

/// A size in the status of a process, in bytes.
fn bytes_in(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

/// How often the memory of the process is looked at.
const MEMORY_TICK: Duration = Duration::from_millis(100);

/// Tells the budget again and again how much memory the process has; mapped files do not count, they can be dropped.
pub(crate) fn watch_memory(state: AppState) {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(MEMORY_TICK);
        loop {
            ticks.tick().await;
            if let Some(resident) = bytes_in(&process_status(), "RssAnon:") {
                state.shared.budget.observe_process(resident);
            }
        }
    });
}

fn cpu_seconds() -> Option<f64> {
    const TICKS_PER_SECOND: f64 = 100.0; // USER_HZ: part of Linux's interface, the same everywhere
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program stands in parentheses and may hold spaces; utime and stime are the 12th and 13th after it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// The text format under construction. Writing to a string cannot fail.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    pub(super) fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let _ = if labels.is_empty() {
            writeln!(self.0, "{name} {value}")
        } else {
            writeln!(self.0, "{name}{{{labels}}} {value}")
        };
    }

    pub(super) fn single(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help);
        self.sample(name, "", value);
    }
}
