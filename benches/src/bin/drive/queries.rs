//! The queries that are asked.

use std::path::PathBuf;

use clap::Args;
use tsdb_benches::{START_MS, STEP_MS};

use crate::Result;

/// The scrapes there are, one every 15 seconds.
#[derive(Args)]
pub(crate) struct Scrapes {
    /// How many.
    #[arg(long = "scrapes", default_value_t = 240)]
    pub(crate) count: usize,
    /// When the first was, in seconds since the Unix epoch.
    #[arg(long, default_value_t = START_MS / 1000)]
    start: i64,
}

impl Scrapes {
    /// When the first was, in milliseconds.
    pub(crate) fn start_ms(&self) -> i64 {
        self.start * 1000
    }

    /// When the last of so many was, in seconds.
    pub(crate) fn end_s(&self, count: usize) -> i64 {
        (self.start_ms() + (count as i64 - 1) * STEP_MS) / 1000
    }
}

/// Which queries, and when.
#[derive(Args)]
pub(crate) struct QuerySet {
    /// The queries end at the last.
    #[command(flatten)]
    scrapes: Scrapes,
    /// Other queries than those of the series that this program writes. Each line: a name, the seconds that it looks back (0: asked once, at
    /// the end), its step in seconds, the expression.
    #[arg(long, requires = "end")]
    queries: Option<PathBuf>,
    /// Where they end, in seconds since the Unix epoch.
    #[arg(long)]
    end: Option<i64>,
}

/// A query.
pub(crate) struct Query {
    pub(crate) name: String,
    /// 0 for one that is asked once.
    pub(crate) range_s: i64,
    pub(crate) step_s: i64,
    pub(crate) expr: String,
}

/// Names and expressions: ranges over an hour every 15 seconds, unless the name says instant.
const QUERIES: [(&str, &str); 9] = [
    (
        "raw",
        r#"node_metric_1_total{instance="machine-3.example:9100", cpu="1"}"#,
    ),
    (
        "rate",
        r#"rate(node_metric_1_total{instance="machine-3.example:9100"}[5m])"#,
    ),
    (
        "sum_rate",
        "sum by (instance) (rate(node_metric_1_total[5m]))",
    ),
    (
        "max_over_time",
        "max(max_over_time(node_metric_2_total[10m]))",
    ),
    ("quantile", "quantile by (cpu) (0.9, node_metric_2_total)"),
    (
        "join",
        "sum(node_metric_1_total / on (instance, cpu) node_metric_4_total)",
    ),
    ("topk_instant", "topk(5, node_metric_5_total)"),
    ("count_instant", "count by (cpu) (node_metric_3_total)"),
    ("regex_instant", r#"count({instance=~"machine-[1-4].*"})"#),
];

/// The queries of the series that this program writes.
pub(crate) fn of_generator() -> impl Iterator<Item = Query> {
    QUERIES.into_iter().map(|(name, expr)| Query {
        name: name.to_owned(),
        range_s: if name.ends_with("_instant") { 0 } else { 3600 },
        step_s: 15,
        expr: expr.to_owned(),
    })
}

impl QuerySet {
    pub(crate) fn read(&self) -> Result<Vec<Query>> {
        let Some(path) = &self.queries else {
            return Ok(of_generator().collect());
        };
        let query = |line: &str| -> Option<Query> {
            let mut fields = line.splitn(4, ' ');
            Some(Query {
                name: fields.next()?.to_owned(),
                range_s: fields.next()?.parse().ok()?,
                step_s: fields.next()?.parse().ok()?,
                expr: fields.next()?.to_owned(),
            })
        };
        let text = std::fs::read_to_string(path)?;
        let queries = text
            .lines()
            .map(|line| query(line).ok_or_else(|| format!("{}: {line}", path.display()).into()));
        queries.collect()
    }

    pub(crate) fn end_s(&self) -> i64 {
        self.end
            .unwrap_or_else(|| self.scrapes.end_s(self.scrapes.count))
    }
}
