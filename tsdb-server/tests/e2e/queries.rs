//! The questions that are put to both servers.
//!
//! 2.42 closes ranges on the left and 3.x does not, so no sample may stand on a boundary: evaluation times have a phase
//! (their milliseconds) that no sample has, and every duration is whole seconds. Steps of subqueries are multiples of
//! whole seconds, so the windows in them are moved by `{q}`, an offset to which the same applies.
//!
//! Left out is what 3.x computes otherwise on purpose: windows in which a counter begins near zero (extrapolation).

/// At one time.
pub(crate) const INSTANT: &[&str] = &[
    // selectors
    "up",
    "node_load1",
    r#"{__name__=~"node_cpu_.*", mode="idle"}"#,
    r#"{__name__=~"go_(gc|mem).*", job!~"no.*"}"#,
    "node_memory_MemFree_bytes offset 7s",
    "go_goroutines @ {t}",
    r#"up{job="node"}[50s]"#,
    // rates
    "rate(node_cpu_seconds_total[15s])",
    r#"irate(node_cpu_seconds_total{mode!="idle"}[15s])"#,
    "increase(prometheus_tsdb_head_samples_appended_total[20s])",
    "delta(node_memory_MemFree_bytes[20s])",
    r#"deriv(process_resident_memory_bytes{job="prometheus"}[20s])"#,
    r#"predict_linear(go_goroutines{job="prometheus"}[20s], 60)"#,
    // over time
    "max_over_time(node_load1[30s])",
    "min_over_time(scrape_duration_seconds[30s])",
    "avg_over_time(scrape_duration_seconds[30s])",
    "sum_over_time(scrape_samples_scraped[30s])",
    "count_over_time(up[30s])",
    "stddev_over_time(scrape_duration_seconds[30s])",
    "quantile_over_time(0.75, scrape_duration_seconds[30s])",
    "last_over_time(node_memory_MemFree_bytes[30s])",
    "present_over_time(up[30s])",
    "changes(up[40s])",
    "resets(process_cpu_seconds_total[40s])",
    // aggregations
    "sum by (mode) (rate(node_cpu_seconds_total[20s]))",
    "avg without (cpu) (node_cpu_seconds_total)",
    r#"topk(3, {__name__=~"node_memory_(MemTotal|MemFree|Cached|Active)_bytes"})"#,
    r#"count by (__name__) ({__name__=~"node_network_.*"})"#,
    r#"count_values("value", up)"#,
    "quantile by (mode) (0.4, node_cpu_seconds_total)",
    "stddev(node_cpu_seconds_total)",
    "group by (job) (up)",
    "min(go_goroutines) or max(go_goroutines)",
    // joins and sets
    "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
    "node_cpu_seconds_total * on (instance) group_left (nodename) node_uname_info",
    "scrape_samples_scraped / ignoring (job) group_left up * 2",
    "up and on (job) (scrape_samples_scraped > 500)",
    "up unless on (job) node_load1",
    "node_load1 > bool 0.1",
    // histograms
    r#"histogram_quantile(0.9, sum by (le) (rate(prometheus_http_request_duration_seconds_bucket{handler="/metrics"}[20s])))"#,
    "histogram_quantile(0.5, prometheus_http_request_duration_seconds_bucket)",
    // subqueries
    r#"max_over_time(rate(process_cpu_seconds_total{job="prometheus"}[10s] offset {q}ms)[20s:5s])"#,
    "avg_over_time(sum(node_load1 offset {q}ms)[15s:2s])",
    // functions
    "timestamp(up)",
    "scalar(sum(up)) + time()",
    r#"absent(up{job="nosuch"})"#,
    "absent_over_time(nosuch[30s])",
    r#"label_replace(up, "host", "$1", "instance", "(.*):.*")"#,
    r#"label_join(up, "both", "-", "job", "instance")"#,
    "round(clamp_max(node_load1 * 100, 50), 5)",
    "sqrt(abs(-node_load5)) ^ 2 % 7",
    "hour(node_boot_time_seconds)",
    "minute() + vector(1)",
];

/// Over a range: expression and step in seconds.
pub(crate) const RANGE: &[(&str, u32)] = &[
    ("up", 1),
    ("node_load1 + on (instance) node_load5", 3),
    (
        r#"sum by (mode) (rate(node_cpu_seconds_total{mode=~"idle|user|system"}[10s]))"#,
        2,
    ),
    ("avg_over_time(scrape_duration_seconds[5s])", 7),
    (r#"last_over_time({__name__=~"node_.*"}[4s])"#, 4),
    (
        r#"histogram_quantile(0.9, rate(prometheus_http_request_duration_seconds_bucket{handler="/metrics"}[10s]))"#,
        5,
    ),
    (
        r#"min_over_time(increase(prometheus_tsdb_head_samples_appended_total[6s] offset {q}ms)[10s:2s])"#,
        3,
    ),
    (
        "topk(2, node_memory_MemFree_bytes or node_memory_Cached_bytes or node_memory_MemTotal_bytes)",
        5,
    ),
    ("up unless on (job) node_load1", 1),
];
