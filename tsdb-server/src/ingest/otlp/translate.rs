//! Data points to series, by the rules of Prometheus's OTLP receiver.

use tsdb_core::{METRIC_NAME, MetricMetadata, MetricType, STALE_NAN_BITS, SeriesBuilder, Writer};

use super::model::{Attribute, Kind, Metric, Point, Scope, Temporality};
use super::resource::{Labels, Resource, labels, scope_labels};
use super::{exemplars, histogram, names};
use crate::config::{Otlp, RequestLimits};
use crate::ingest::apply::WriteError;
use crate::ingest::label_set::LabelSet;
use crate::ingest::remote_write::{check, too_many};

/// Samples of one `target_info`. Data points of one request lie close together; this bounds what others cost.
const MAX_TARGET_INFO_SAMPLES: i64 = 100;

/// Fills a batch with what a decoder tells it.
#[derive(Debug)]
pub(super) struct Translator<'w> {
    settings: &'w Otlp,
    /// How long `target_info` is seen after a sample of it, in milliseconds.
    lookback_ms: i64,
    limits: RequestLimits,
    writer: &'w mut Writer,
    resource: Resource,
    scope: Result<Vec<(String, String)>, String>,
    metric: Current,
    /// Times of the first and last data point of the resource.
    times_ms: Option<(i64, i64)>,
    series: usize,
    /// Resources, scopes and metrics, which may hold nothing.
    holders: usize,
    histogram_bytes: usize,
    told: Told,
}

/// The metric whose data points come.
#[derive(Debug, Default)]
struct Current {
    /// Of the metric family.
    name: String,
    kind: Kind,
    /// Why all of its data points are refused.
    refusal: Option<String>,
}

/// What became of the data points.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// All there were.
    pub(super) points: u64,
    /// Those that are left out.
    pub(super) left_out: u64,
    /// Why the first is.
    pub(super) first: Option<String>,
}

impl<'w> Translator<'w> {
    pub(super) fn new(
        settings: &'w Otlp,
        lookback_ms: i64,
        limits: RequestLimits,
        writer: &'w mut Writer,
    ) -> Self {
        Self {
            settings,
            lookback_ms,
            limits,
            writer,
            resource: Resource::default(),
            scope: Ok(Vec::new()),
            metric: Current::default(),
            times_ms: None,
            series: 0,
            holders: 0,
            histogram_bytes: 0,
            told: Told::default(),
        }
    }

    /// What became of the data points.
    pub(super) fn finish(self) -> Told {
        self.told
    }

    /// A resource begins.
    ///
    /// # Errors
    /// 413 when there are too many.
    pub(super) fn resource(&mut self, attributes: &[Attribute<'_>]) -> Result<(), WriteError> {
        self.count_holder()?;
        self.resource = Resource::new(attributes, self.settings);
        self.times_ms = None;
        Ok(())
    }

    /// A scope of the resource begins.
    ///
    /// # Errors
    /// 413 when there are too many.
    pub(super) fn scope(&mut self, scope: &Scope<'_>) -> Result<(), WriteError> {
        self.count_holder()?;
        self.scope = scope_labels(scope, self.settings);
        Ok(())
    }

    /// Counts a resource, scope or metric. Each is there for a series, so that the limit of series is theirs too.
    fn count_holder(&mut self) -> Result<(), WriteError> {
        self.holders += 1;
        if self.holders > self.limits.series {
            return Err(too_many("series", self.limits.series));
        }
        Ok(())
    }

    /// A metric of the scope begins.
    ///
    /// # Errors
    /// 413 when there are too many.
    pub(super) fn metric(&mut self, metric: &Metric<'_>) -> Result<(), WriteError> {
        self.count_holder()?;
        let strategy = self.settings.translation_strategy;
        self.metric = Current {
            kind: metric.kind,
            ..Current::default()
        };
        match names::metric(&metric.name, &metric.unit, metric.kind, strategy) {
            Ok(name) => self.metric.name = name,
            Err(reason) => self.metric.refusal = Some(reason),
        }
        let refusal = self.resource.invalid.clone();
        let refusal = refusal.or_else(|| self.scope.as_ref().err().cloned());
        if let Some(reason) = refusal.or_else(|| unsupported(metric)) {
            self.metric.refusal = Some(format!("metric {:?}: {reason}", metric.name));
        }
        if self.metric.refusal.is_some() {
            return Ok(());
        }
        if self.writer.metadata_entries().len() >= self.limits.metadata {
            return Err(too_many("metadata", self.limits.metadata));
        }
        self.writer.metadata(MetricMetadata {
            metric: self.metric.name.clone(),
            kind: metric_type(metric.kind),
            help: metric.description.clone().into_owned(),
            unit: names::unit(&metric.unit, strategy),
        });
        Ok(())
    }

    /// A data point of the metric.
    ///
    /// # Errors
    /// 413 when the request holds too much.
    pub(super) fn point(&mut self, point: Point<'_>) -> Result<(), WriteError> {
        self.told.points += 1;
        if self.told.points > self.limits.samples as u64 {
            return Err(too_many("samples", self.limits.samples));
        }
        let stored = match &self.metric.refusal {
            Some(reason) => Err(reason.clone()),
            None => self.store(&point),
        };
        if let Err(reason) = stored {
            self.told.left_out += 1;
            self.told.first.get_or_insert(reason);
        }
        self.check()
    }

    /// Whether the request holds more than it may.
    ///
    /// # Errors
    /// 413 then.
    fn check(&self) -> Result<(), WriteError> {
        if self.series > self.limits.series {
            return Err(too_many("series", self.limits.series));
        }
        if self.histogram_bytes > self.limits.histogram_bytes {
            let limit = self.limits.histogram_bytes;
            return Err(too_many("histogram_bytes", limit));
        }
        check(&self.limits, self.writer)
    }

    /// Stores a data point, or says why it is left out.
    fn store(&mut self, point: &Point<'_>) -> Result<(), String> {
        let name = std::mem::take(&mut self.metric.name);
        let resource = std::mem::take(&mut self.resource);
        let scope = std::mem::replace(&mut self.scope, Ok(Vec::new()));
        let stored = labels(&point.attributes, self.settings).and_then(|mut labels| {
            resource.add_to(scope.as_deref().unwrap_or_default(), &mut labels);
            let t_ms = match point.time_ns {
                0 => Err("the data point has no time".to_owned()),
                ns => Ok(milliseconds(ns)),
            }?;
            self.store_at(t_ms, &name, &labels, point)?;
            let (first, last) = self.times_ms.unwrap_or((t_ms, t_ms));
            self.times_ms = Some((first.min(t_ms), last.max(t_ms)));
            Ok(())
        });
        (self.metric.name, self.resource, self.scope) = (name, resource, scope);
        stored.map_err(|reason| format!("metric {:?}: {reason}", self.metric.name))
    }

    fn store_at(
        &mut self,
        t_ms: i64,
        name: &str,
        labels: &Labels<'_>,
        point: &Point<'_>,
    ) -> Result<(), String> {
        let start_ms = match self.metric.kind {
            Kind::Gauge => 0,
            _ => milliseconds(point.start_ns),
        };
        let histogram = match self.metric.kind {
            Kind::Histogram if self.settings.convert_histograms_to_nhcb => {
                histogram::custom(point)?
            }
            Kind::ExponentialHistogram => histogram::exponential(point)?,
            _ => {
                let kind = self.metric.kind;
                for Float {
                    suffix,
                    extra,
                    value,
                    exemplars,
                } in floats(kind, point)?
                {
                    let value = match point.is_stale() {
                        true => f64::from_bits(STALE_NAN_BITS),
                        false => value,
                    };
                    let extra = extra.as_ref().map(|(name, value)| (*name, value.as_str()));
                    let mut series = self.series(&[name, suffix], labels, extra)?;
                    series.sample_since(start_ms, t_ms, value);
                    if let Some((above, up_to)) = exemplars {
                        exemplars::add_between(point, above, up_to, &mut series);
                    }
                    // Every bucket repeats the labels of the point. `point` refuses what is too much.
                    if self.check().is_err() {
                        break;
                    }
                }
                return Ok(());
            }
        };
        self.histogram_bytes += histogram.size_bytes();
        let mut series = self.series(&[name], labels, None)?;
        series.histogram_since(start_ms, t_ms, histogram);
        exemplars::add_all(point, &mut series);
        Ok(())
    }

    /// Starts a series; its name and `extra` win over labels of the same name.
    fn series(
        &mut self,
        name: &[&str],
        labels: &Labels<'_>,
        extra: Option<(&str, &str)>,
    ) -> Result<SeriesBuilder<'_>, String> {
        self.series += 1;
        let name = name.concat();
        let own = [(METRIC_NAME, name.as_str())];
        let own = || own.into_iter().chain(extra);
        let mut set = LabelSet::default();
        for (name, value) in labels {
            if own().all(|(owned, _)| owned != name) {
                set.push(name.as_bytes(), value.as_bytes());
            }
        }
        for (name, value) in own() {
            set.push(name.as_bytes(), value.as_bytes());
        }
        let canonical = set.canonical()?;
        self.writer
            .series(None, canonical)
            .map_err(|e| e.to_string())
    }

    /// The resource ends: its `target_info` has samples wherever a query looks that sees its data points.
    pub(super) fn end_of_resource(&mut self) {
        let (Some(labels), Some((first_ms, last_ms))) =
            (self.resource.target_info.take(), self.times_ms)
        else {
            return;
        };
        let step_ms = (self.lookback_ms / 2).max(1);
        let steps = (last_ms - first_ms) / step_ms;
        // They are no data points, so that nothing is said of labels that are too long.
        if let Ok(mut series) = self.series(&["target_info"], &labels, None) {
            for back in (0..=steps.min(MAX_TARGET_INFO_SAMPLES)).rev() {
                series.sample(last_ms - back * step_ms, 1.0);
            }
        }
    }
}

/// Why no data point of a metric can be stored.
fn unsupported(metric: &Metric<'_>) -> Option<String> {
    match metric.kind {
        Kind::Gauge | Kind::Summary => return None,
        Kind::Unknown => return Some("its type is not known".to_owned()),
        Kind::Sum { .. } | Kind::Histogram | Kind::ExponentialHistogram => {}
    }
    match metric.temporality {
        Temporality::Cumulative => None,
        Temporality::Delta => Some(
            "delta temporality is not supported; have the SDK or a collector make it cumulative"
                .to_owned(),
        ),
        Temporality::Unspecified => Some("its temporality is not told".to_owned()),
    }
}

fn metric_type(kind: Kind) -> MetricType {
    match kind {
        Kind::Gauge | Kind::Sum { monotonic: false } => MetricType::Gauge,
        Kind::Sum { monotonic: true } => MetricType::Counter,
        Kind::Histogram | Kind::ExponentialHistogram => MetricType::Histogram,
        Kind::Summary => MetricType::Summary,
        Kind::Unknown => MetricType::Unknown,
    }
}

pub(super) fn milliseconds(ns: u64) -> i64 {
    i64::try_from(ns / 1_000_000).unwrap_or(i64::MAX)
}

/// A float of a data point, and its series.
struct Float {
    /// Of the name.
    suffix: &'static str,
    /// Another label.
    extra: Option<(&'static str, String)>,
    value: f64,
    /// Exemplars above the first value, up to the second, are those of the series.
    exemplars: Option<(f64, f64)>,
}

impl Float {
    fn new(suffix: &'static str, value: f64) -> Self {
        Self {
            suffix,
            extra: None,
            value,
            exemplars: None,
        }
    }
}

/// The floats of a data point that is no native histogram.
fn floats(kind: Kind, point: &Point<'_>) -> Result<Vec<Float>, String> {
    match kind {
        Kind::Histogram => classic(point),
        Kind::Summary => {
            let mut floats = vec![
                Float::new("_sum", point.sum.unwrap_or(0.0)),
                Float::new("_count", point.count as f64),
            ];
            for &(quantile, value) in &point.quantiles {
                floats.push(Float {
                    extra: Some(("quantile", number(quantile))),
                    ..Float::new("", value)
                });
            }
            Ok(floats)
        }
        _ if point.is_stale() => Ok(vec![Float::new("", 0.0)]),
        _ => {
            let value = point.value.ok_or("the data point has no value")?;
            let all = (f64::NEG_INFINITY, f64::INFINITY);
            Ok(vec![Float {
                exemplars: matches!(kind, Kind::Sum { .. }).then_some(all),
                ..Float::new("", value)
            }])
        }
    }
}

/// Buckets count what is below them too, and the last one is all.
fn classic(point: &Point<'_>) -> Result<Vec<Float>, String> {
    let (counts, bounds) = (&point.bucket_counts, &point.explicit_bounds);
    if !counts.is_empty() && counts.len() != bounds.len() + 1 {
        return Err(format!(
            "the histogram has {} buckets and {} bounds, where one bound less than buckets was expected",
            counts.len(),
            bounds.len()
        ));
    }
    let mut floats = Vec::with_capacity(counts.len() + 3);
    if let Some(sum) = point.sum {
        floats.push(Float::new("_sum", sum));
    }
    floats.push(Float::new("_count", point.count as f64));
    let (mut below, mut last) = (0_u64, f64::NEG_INFINITY);
    let mut bucket = |bound, count: u64| {
        floats.push(Float {
            extra: Some(("le", number(bound))),
            exemplars: Some((last, bound)),
            ..Float::new("_bucket", count as f64)
        });
        last = bound;
    };
    for (count, &bound) in counts.iter().zip(bounds) {
        below = below.saturating_add(*count);
        bucket(bound, below);
    }
    bucket(f64::INFINITY, point.count);
    Ok(floats)
}

/// A bound as a label: without an exponent, as Prometheus's receiver writes it.
fn number(bound: f64) -> String {
    if bound.is_infinite() {
        if bound > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        bound.to_string()
    }
}
