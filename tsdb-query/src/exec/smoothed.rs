//! `selector smoothed` of series that have native histograms.

use std::sync::Arc;

use tsdb_core::{Columns, CounterResetHint, FloatHistogram};

use super::Context;
use super::samples::{Apart, take_out_stale};
use super::select::Reference;
use crate::ast::Span;
use crate::functions::native_histogram::{Annotation, interpolate_histograms};
use crate::vector::{Column, Tile};

/// What is the same at all steps.
pub(super) struct Smoothed<'a> {
    pub(super) cx: &'a Context,
    pub(super) reference: &'a Reference,
    pub(super) tile: Tile,
    /// How far back, and ahead, a step looks.
    pub(super) back_ms: i64,
    /// The metric's name and the place of the selector, for remarks.
    pub(super) name: &'a str,
    pub(super) span: Span,
}

/// Sets each step to the histogram between its neighbours, or to the last one where none follows. Where floats are in reach as
/// well there is nothing, and a remark.
pub(super) fn smooth_histograms(samples: &mut Columns, all: &Smoothed<'_>, column: &mut Column) {
    take_out_stale(samples);
    let apart = Apart::of(samples);
    let tell = |annotation| {
        let mut annotations = all.cx.annotations.borrow_mut();
        annotations.native(annotation, all.name, all.span);
    };
    for k in 0..all.tile.len {
        let t_ms = all.reference.time(all.tile.first + k);
        let oldest = t_ms.saturating_sub(all.back_ms);
        let newest = t_ms.saturating_add(all.back_ms);
        let reach = |times: &[i64]| {
            let from = times.partition_point(|&t| t <= oldest);
            let to = times.partition_point(|&t| t <= newest);
            from..to.max(from)
        };
        let (floats, histograms) = (
            reach(&apart.floats.times_ms),
            reach(&apart.histogram_times_ms),
        );
        if histograms.is_empty() {
            if let Some(v) = smooth_floats(&apart.floats, floats, t_ms) {
                column.set(k, v);
            }
            continue;
        }
        if !floats.is_empty() {
            tell(Annotation::MixedFloatsHistograms);
            continue;
        }
        let times = &apart.histogram_times_ms[histograms.clone()];
        let found = &apart.histograms[histograms];
        let next = times.partition_point(|&t| t < t_ms);
        let before = next.checked_sub(1);
        match (before, found.get(next)) {
            (_, Some(h)) if times[next] == t_ms => column.set_histogram(k, Arc::clone(h)),
            (Some(i), Some(to)) => {
                let from = (times[i], &*found[i]);
                let between =
                    interpolate_histograms(from, (times[next], to), t_ms, is_counter(from.1, to));
                between.annotations.into_iter().for_each(tell);
                if let Some(h) = between.value {
                    column.set_histogram(k, Arc::new(h));
                }
            }
            (Some(i), None) => column.set_histogram(k, Arc::clone(&found[i])),
            (None, _) => {}
        }
    }
}

fn is_counter(from: &FloatHistogram, to: &FloatHistogram) -> bool {
    [from, to]
        .iter()
        .all(|h| h.counter_reset_hint != CounterResetHint::Gauge)
}

fn smooth_floats(floats: &Columns, reach: std::ops::Range<usize>, t_ms: i64) -> Option<f64> {
    let times = floats.times_ms.get(reach.clone())?;
    let values = floats.values.get(reach)?;
    let next = times.partition_point(|&t| t < t_ms);
    let point = |i: usize| Some((*times.get(i)?, *values.get(i)?));
    let before = next.checked_sub(1).and_then(point);
    match (before, point(next)) {
        (_, Some((t, v))) if t == t_ms => Some(v),
        (Some(before), Some(after)) => Some(super::select::interpolate(before, after, t_ms)),
        (Some((_, v)), None) => Some(v),
        (None, _) => None,
    }
}
