//! `load_with_nhcb`: classic histograms also as native ones with custom buckets (Prometheus `util/convertnhcb`).

use std::collections::BTreeMap;

use tsdb_core::histogram::{CUSTOM_BUCKETS_SCHEMA, Side};
use tsdb_core::{FloatHistogram, Labels, Span};

use super::script::Load;
use super::series::Value;

/// What is known of a classic histogram at one time.
#[derive(Default)]
struct Classic {
    /// Upper bounds with cumulative counts.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

/// The native histograms of a load, by label set and time.
pub(crate) fn convert(load: &Load) -> Vec<(Labels, Vec<(i64, FloatHistogram)>)> {
    let mut found: BTreeMap<Labels, BTreeMap<i64, Classic>> = BTreeMap::new();
    for series in &load.series {
        let name = series.labels.metric_name();
        let endings = ["_bucket", "_count", "_sum"];
        let Some((base, ending)) = endings
            .iter()
            .find_map(|ending| Some((name.strip_suffix(ending)?, *ending)))
        else {
            continue;
        };
        let upper: Option<f64> = series.labels.get("le").and_then(|le| le.parse().ok());
        if ending == "_bucket" && upper.is_none_or(f64::is_nan) {
            continue;
        }
        let mut labels = series.labels.to_builder();
        labels.set("__name__", base).set("le", "");
        let times = found.entry(labels.build().unwrap()).or_default();
        for (i, value) in (0..).zip(&series.values) {
            let Value::Float(v) = value else { continue };
            let classic = times.entry(i * load.step_ms).or_default();
            match (ending, upper) {
                ("_bucket", Some(upper)) => classic.buckets.push((upper, *v)),
                ("_count", _) => classic.count = Some(*v),
                _ => classic.sum = *v,
            }
        }
    }
    found
        .into_iter()
        .map(|(labels, times)| {
            let histograms = times.into_iter().map(|(t, classic)| (t, classic.native()));
            (labels, histograms.collect())
        })
        .collect()
}

impl Classic {
    fn native(mut self) -> FloatHistogram {
        // Of several series for a bound the first counts.
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.buckets.dedup_by_key(|b| b.0);
        let highest = self.buckets.last().copied();
        let count = self.count.or(highest.map(|b| b.1)).unwrap_or_default();
        if highest.is_none_or(|(upper, _)| upper != f64::INFINITY) {
            self.buckets.push((f64::INFINITY, count));
        }
        let bounds: Vec<f64> = self.buckets.iter().map(|b| b.0).collect();
        let mut below = 0.0;
        let mut in_bucket = |(_, cumulative): &(f64, f64)| {
            let count = cumulative - below;
            below = *cumulative;
            count
        };
        let mut h = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count,
            sum: self.sum,
            positive: Side {
                spans: vec![Span {
                    offset: 0,
                    length: self.buckets.len() as u32,
                }],
                buckets: self.buckets.iter().map(&mut in_bucket).collect(),
            },
            custom_values: bounds[..bounds.len() - 1].into(),
            ..FloatHistogram::default()
        };
        h.compact(0);
        h
    }
}
