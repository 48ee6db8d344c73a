//! What came of every metric, from one flush to the next.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use tsdb_core::{HistogramSample, METRIC_NAME, MetricType};

use super::distribution::Distribution;
use super::line::{self, Kind, Line};
use crate::ingest::label_set::LabelSet;

/// Memory of all metrics together, in bytes, about.
const MAX_BYTES: usize = 64 << 20;

/// A metric of which nothing came for so long is forgotten: no more samples are written.
const IDLE_MS: i64 = 3_600_000;

/// Memory of a metric beside its labels.
const METRIC_BYTES: usize = 200;
/// More for one with buckets.
const DISTRIBUTION_BYTES: usize = 4_096;
/// For a member of a set.
const MEMBER_BYTES: usize = 16;

/// The metrics, by their labels in canonical bytes.
#[derive(Debug, Default)]
pub(crate) struct Aggregate {
    metrics: HashMap<Vec<u8>, Metric>,
    /// Memory of all, about.
    bytes: usize,
    /// Of members of sets: nobody outside can choose two with the same hash.
    hasher: RandomState,
}

#[derive(Debug)]
struct Metric {
    name: String,
    kind: Kind,
    state: State,
    /// When the first and the last line came, in milliseconds since the Unix epoch.
    first_ms: i64,
    last_ms: i64,
}

#[derive(Debug)]
enum State {
    Number(f64),
    Distribution(Box<Distribution>),
    Members(Members),
}

/// Hashes of the members of a set.
#[derive(Debug, Default)]
struct Members {
    /// Those since the last flush.
    fresh: HashSet<u64>,
    /// Those of flushes that are not known to be written.
    given: HashSet<u64>,
}

impl Members {
    fn bytes(&self) -> usize {
        MEMBER_BYTES * (self.fresh.len() + self.given.len())
    }
}

/// A sample of a metric.
#[derive(Debug)]
pub(super) struct Sample<'a> {
    pub(super) metric: &'a str,
    pub(super) kind: MetricType,
    pub(super) canonical: &'a [u8],
    /// Since when it is counted; 0 for a gauge.
    pub(super) start_ms: i64,
    pub(super) t_ms: i64,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Float(f64),
    Histogram(HistogramSample),
}

impl Aggregate {
    /// Takes the lines of a datagram: how many were accepted, and why the others were not.
    pub(crate) fn take(&mut self, datagram: &[u8], now_ms: i64) -> (usize, Vec<String>) {
        let mut accepted = 0;
        let mut faults = Vec::new();
        for line in datagram.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            let taken = line::parse(line).and_then(|line| self.add(&line, now_ms));
            match taken {
                Ok(()) => accepted += 1,
                Err(reason) => {
                    let line = String::from_utf8_lossy(line.get(..200).unwrap_or(line));
                    faults.push(format!("{reason}: {line:?}"));
                }
            }
        }
        (accepted, faults)
    }

    fn add(&mut self, line: &Line<'_>, now_ms: i64) -> Result<(), String> {
        let mut labels = LabelSet::default();
        labels.push(METRIC_NAME.as_bytes(), line.name.as_bytes());
        for (key, value) in &line.tags {
            labels.push(key.as_bytes(), value.as_bytes());
        }
        let canonical = labels.canonical()?;
        if !self.metrics.contains_key(canonical) {
            self.make(canonical, line, now_ms)?;
        }
        let Some(metric) = self.metrics.get_mut(canonical) else {
            return Ok(()); // not reached: it was made
        };
        if metric.kind != line.kind {
            return Err(format!(
                "is a {:?}, and was a {:?} before",
                line.kind, metric.kind
            ));
        }
        metric.last_ms = now_ms;
        let times = 1.0 / line.rate;
        for value in &line.values {
            match (&mut metric.state, value) {
                (State::Number(total), line::Value::Number(n)) if line.kind == Kind::Counter => {
                    *total += n * times;
                }
                (State::Number(gauge), line::Value::Number(n)) => *gauge = *n,
                (State::Number(gauge), line::Value::Change(n)) => *gauge += n,
                (State::Distribution(distribution), line::Value::Number(n)) => {
                    let n = if line.kind == Kind::Timer {
                        n / 1000.0
                    } else {
                        *n
                    };
                    distribution.add(n, times.round() as u64);
                }
                (State::Members(members), line::Value::Member(member)) => {
                    if self.bytes + MEMBER_BYTES > MAX_BYTES {
                        return Err("the metrics take too much memory".to_owned());
                    }
                    if members.fresh.insert(self.hasher.hash_one(member)) {
                        self.bytes += MEMBER_BYTES;
                    }
                }
                _ => {} // not reached: values are of the kind of their line
            }
        }
        Ok(())
    }

    fn make(&mut self, canonical: &[u8], line: &Line<'_>, now_ms: i64) -> Result<(), String> {
        let state = match line.kind {
            Kind::Counter | Kind::Gauge => State::Number(0.0),
            Kind::Timer | Kind::Histogram => State::Distribution(Box::new(Distribution::new())),
            Kind::Set => State::Members(Members::default()),
        };
        let metric = Metric {
            name: line.name.to_owned(),
            kind: line.kind,
            state,
            first_ms: now_ms,
            last_ms: now_ms,
        };
        let bytes = metric.bytes(canonical);
        if self.bytes + bytes > MAX_BYTES {
            return Err("the metrics take too much memory".to_owned());
        }
        self.bytes += bytes;
        self.metrics.insert(canonical.to_owned(), metric);
        Ok(())
    }

    /// Gives a sample of every metric, and forgets metrics of which nothing comes any more. Sets begin anew when the samples
    /// are [written](Self::written).
    pub(super) fn flush(&mut self, now_ms: i64, mut give: impl FnMut(Sample<'_>)) {
        let bytes = &mut self.bytes;
        self.metrics.retain(|canonical, metric| {
            let is_kept = now_ms.saturating_sub(metric.last_ms) <= IDLE_MS;
            if !is_kept {
                *bytes -= metric.bytes(canonical);
                return false;
            }
            if let State::Members(members) = &mut metric.state {
                let before = members.bytes();
                members.given.extend(std::mem::take(&mut members.fresh));
                *bytes -= before - members.bytes();
            }
            let value = match &metric.state {
                State::Number(value) => Some(Value::Float(*value)),
                State::Distribution(distribution) => {
                    distribution.sample().ok().map(Value::Histogram)
                }
                State::Members(members) => Some(Value::Float(members.given.len() as f64)),
            };
            let (kind, start_ms) = match metric.kind {
                Kind::Counter => (MetricType::Counter, metric.first_ms),
                Kind::Gauge | Kind::Set => (MetricType::Gauge, 0),
                Kind::Timer | Kind::Histogram => (MetricType::Histogram, metric.first_ms),
            };
            if let Some(value) = value {
                give(Sample {
                    metric: &metric.name,
                    kind,
                    canonical,
                    start_ms,
                    t_ms: now_ms,
                    value,
                });
            }
            true
        });
    }

    /// Begins sets anew, but for the members that came since the samples were given: these are in the store.
    pub(super) fn written(&mut self) {
        for metric in self.metrics.values_mut() {
            if let State::Members(members) = &mut metric.state {
                self.bytes -= MEMBER_BYTES * members.given.len();
                members.given = HashSet::new();
            }
        }
    }
}

impl Metric {
    /// Memory of the metric when it was made.
    fn bytes(&self, canonical: &[u8]) -> usize {
        let state = match &self.state {
            State::Number(_) => 0,
            State::Distribution(_) => DISTRIBUTION_BYTES,
            State::Members(members) => members.bytes(),
        };
        METRIC_BYTES + self.name.len() + canonical.len() + state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, labels included, and value of every metric after these datagrams.
    fn after(aggregate: &mut Aggregate, now_ms: i64, datagrams: &[&str]) -> Vec<(String, String)> {
        for datagram in datagrams {
            let (_, faults) = aggregate.take(datagram.as_bytes(), now_ms);
            assert!(faults.is_empty(), "{faults:?}");
        }
        let mut found = Vec::new();
        aggregate.flush(now_ms, |sample| {
            let value = match sample.value {
                Value::Float(value) => value.to_string(),
                Value::Histogram(HistogramSample::Integer(h)) => format!("{} {}", h.count, h.sum),
                Value::Histogram(_) => "of floats".to_owned(),
            };
            let labels = tsdb_core::Labels::from_canonical(sample.canonical).unwrap();
            found.push((format!("{labels:?}"), value));
        });
        aggregate.written();
        found.sort();
        found
    }

    fn values(found: &[(String, String)]) -> Vec<&str> {
        found.iter().map(|(_, value)| value.as_str()).collect()
    }

    #[test]
    fn counters_and_timers_go_on_and_sets_begin_anew() {
        let mut aggregate = Aggregate::default();
        let first = after(
            &mut aggregate,
            1_000,
            &[
                "c:2|c\nc:1|c|@0.5\n",
                "g:7|g\r\ng:-2|g\ng:+0.5|g",
                "t:250|ms|@0.25\nt:500|ms",
                "s:a|s\ns:b:a|s",
            ],
        );
        assert_eq!(values(&first), ["4", "5.5", "2", "5 1.5"]);
        let second = after(&mut aggregate, 2_000, &["c:1|c\nt:1|ms\ns:z|s"]);
        assert_eq!(values(&second), ["5", "5.5", "1", "6 1.501"]);
        let later = after(&mut aggregate, 2_001 + IDLE_MS, &["g:1|g"]);
        assert_eq!(values(&later), ["1"], "the others are forgotten");
        let bytes = aggregate
            .metrics
            .iter()
            .map(|(labels, metric)| metric.bytes(labels));
        assert_eq!(aggregate.bytes, bytes.sum::<usize>());
    }

    #[test]
    fn members_are_counted_until_they_are_written() {
        let mut aggregate = Aggregate::default();
        let lines = |aggregate: &mut Aggregate, lines: &str| {
            assert_eq!(aggregate.take(lines.as_bytes(), 0).1, [""; 0]);
        };
        let flush = |aggregate: &mut Aggregate| {
            let mut count = 0.0;
            aggregate.flush(0, |sample| {
                if let Value::Float(value) = sample.value {
                    count = value;
                }
            });
            count
        };
        lines(&mut aggregate, "s:a|s\ns:b|s");
        assert_eq!(flush(&mut aggregate), 2.0, "this one fails");
        lines(&mut aggregate, "s:b|s\ns:c|s");
        assert_eq!(flush(&mut aggregate), 3.0);
        lines(&mut aggregate, "s:d|s");
        aggregate.written();
        assert_eq!(flush(&mut aggregate), 1.0);
        let bytes = aggregate.metrics.iter();
        let bytes = bytes.map(|(labels, metric)| metric.bytes(labels));
        assert_eq!(aggregate.bytes, bytes.sum::<usize>());
    }

    #[test]
    fn tags_are_labels_in_any_order() {
        let mut aggregate = Aggregate::default();
        let found = after(
            &mut aggregate,
            0,
            &["c:1|c|#b:2,a:1\nc:1|c|#a:1,b:2\nc:1|c|#a"],
        );
        assert_eq!(values(&found), ["2", "1"]);
        assert!(found[1].0.contains("a=\"true\""), "{found:?}");
    }

    #[test]
    fn what_cannot_be_taken_is_told_and_the_rest_is() {
        let mut aggregate = Aggregate::default();
        let (accepted, faults) = aggregate.take(b"a:1|c\na:1|g\nb\nc:1|c|#x:1,x:2\nd:1|c", 0);
        assert_eq!(accepted, 2);
        assert!(faults[0].contains("was a Counter before"), "{faults:?}");
        assert!(faults[2].contains("stands twice"), "{faults:?}");
        assert_eq!(faults.len(), 3);
    }

    #[test]
    fn memory_is_bounded() {
        let mut aggregate = Aggregate::default();
        let long = "x".repeat(4_000);
        let mut refused = 0;
        for i in 0..20_000 {
            let (_, faults) = aggregate.take(format!("{i}{long}:1|ms").as_bytes(), 0);
            refused += faults.len();
        }
        assert!(aggregate.bytes <= MAX_BYTES && refused > 10_000);
        let (_, faults) = aggregate.take(b"s:1|s", 0);
        assert!(
            faults.is_empty() || faults[0].contains("memory"),
            "{faults:?}"
        );
        aggregate.flush(IDLE_MS + 1, |_| {});
        assert_eq!(aggregate.bytes, 0);
    }
}
