//! Functions of all windows of a series at once, most of them in time proportional to samples plus steps.
//!
//! Each gives bit for bit what the kernel of its name gives window by window: nothing is subtracted from a running sum, unless
//! all terms are integers and no sum can be inexact. So two kinds are slower: sums and averages of other values look at every
//! sample of every window, and `rate` and `increase` at every reset of every window. They tell the query what they look at
//! ([`Looked`]), so that it ends in time.

use super::counter::{Extrapolated, Shape};
use super::kernel::Window;
use super::over_time;
use crate::error::QueryError;
use crate::vector::Column;

/// The windows of one series over the steps of a tile. Bounds never fall from step to step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows<'a> {
    /// Milliseconds since the Unix epoch, strictly rising.
    pub(crate) times_ms: &'a [i64],
    /// The values, staleness markers taken out.
    pub(crate) values: &'a [f64],
    /// First sample of each step's window, and one past the last.
    pub(crate) bounds: &'a [(usize, usize)],
    /// Where each window ends, itself inside.
    pub(crate) ends_ms: &'a [i64],
    /// Time of each step.
    pub(crate) evals_ms: &'a [i64],
    /// Length of the windows.
    pub(crate) range_ms: i64,
}

impl<'a> Windows<'a> {
    /// The window of step `k`; `None` when it is empty.
    pub(crate) fn at(&self, k: usize) -> Option<Window<'a>> {
        let (lo, hi) = self.bounds[k];
        let end_ms = self.ends_ms[k];
        (lo < hi).then(|| Window {
            times_ms: &self.times_ms[lo..hi],
            values: &self.values[lo..hi],
            start_ms: end_ms.saturating_sub(self.range_ms),
            end_ms,
            eval_ms: self.evals_ms[k],
        })
    }

    /// The steps whose window is not empty.
    fn steps(&self) -> impl Iterator<Item = (usize, usize, usize)> + 'a {
        let bounds = self.bounds.iter().enumerate();
        bounds
            .filter(|(_, (lo, hi))| lo < hi)
            .map(|(k, &(lo, hi))| (k, lo, hi))
    }
}

/// Memory that is used again for each series.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    indexes: Vec<usize>,
    sums: Vec<f64>,
}

/// To be told how many samples of a window are looked at; an error ends the query.
pub(crate) type Looked<'a> = &'a dyn Fn(usize) -> Result<(), QueryError>;

/// Fills a column from all windows of a series.
pub(crate) type SlideKernel =
    fn(&Windows<'_>, &mut Scratch, &mut Column, Looked<'_>) -> Result<(), QueryError>;

/// `count_over_time(m)`
pub(super) fn count(
    w: &Windows<'_>,
    _: &mut Scratch,
    out: &mut Column,
    _: Looked<'_>,
) -> Result<(), QueryError> {
    for (k, lo, hi) in w.steps() {
        out.set(k, (hi - lo) as f64);
    }
    Ok(())
}

/// `present_over_time(m)`
pub(super) fn present(
    w: &Windows<'_>,
    _: &mut Scratch,
    out: &mut Column,
    _: Looked<'_>,
) -> Result<(), QueryError> {
    for (k, ..) in w.steps() {
        out.set(k, 1.0);
    }
    Ok(())
}

/// `first_over_time(m)`
pub(super) fn first(
    w: &Windows<'_>,
    _: &mut Scratch,
    out: &mut Column,
    _: Looked<'_>,
) -> Result<(), QueryError> {
    for (k, lo, _) in w.steps() {
        out.set(k, w.values[lo]);
    }
    Ok(())
}

/// `last_over_time(m)`
pub(super) fn last(
    w: &Windows<'_>,
    _: &mut Scratch,
    out: &mut Column,
    _: Looked<'_>,
) -> Result<(), QueryError> {
    for (k, _, hi) in w.steps() {
        out.set(k, w.values[hi - 1]);
    }
    Ok(())
}

/// Samples that differ from the one before in a way that counts.
fn events(values: &[f64], counts: fn(f64, f64) -> bool, out: &mut Vec<usize>) {
    out.clear();
    let pairs = values.windows(2).zip(1..);
    out.extend(
        pairs
            .filter(|(pair, _)| counts(pair[0], pair[1]))
            .map(|(_, i)| i),
    );
}

/// Calls `step` with the events of each window: those whose sample and the one before are inside.
fn each_with_events<'e>(
    w: &Windows<'_>,
    events: &'e [usize],
    mut step: impl FnMut(usize, &'e [usize]) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let (mut from, mut to) = (0, 0);
    for (k, lo, hi) in w.steps() {
        while events.get(from).is_some_and(|&i| i <= lo) {
            from += 1;
        }
        to = to.max(from);
        while events.get(to).is_some_and(|&i| i < hi) {
            to += 1;
        }
        step(k, &events[from..to])?;
    }
    Ok(())
}

fn count_events(
    w: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut Column,
    counts: fn(f64, f64) -> bool,
) -> Result<(), QueryError> {
    events(w.values, counts, &mut scratch.indexes);
    each_with_events(w, &scratch.indexes, |k, inside| {
        out.set(k, inside.len() as f64);
        Ok(())
    })
}

/// `changes(m)`
pub(super) fn changes(
    w: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut Column,
    _: Looked<'_>,
) -> Result<(), QueryError> {
    count_events(w, scratch, out, |before, now| {
        now != before && !(now.is_nan() && before.is_nan())
    })
}

/// `resets(m)`
pub(super) fn resets(
    w: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut Column,
    _: Looked<'_>,
) -> Result<(), QueryError> {
    count_events(w, scratch, out, |before, now| now < before)
}

fn counter(
    w: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut Column,
    looked: Looked<'_>,
    finish: impl Fn(&Extrapolated) -> f64,
) -> Result<(), QueryError> {
    // Counted without branches first: most series have none.
    let pairs = w.values.iter().zip(w.values.iter().skip(1));
    let falls: usize = pairs.map(|(before, now)| usize::from(now < before)).sum();
    scratch.indexes.clear();
    if falls > 0 {
        events(w.values, |before, now| now < before, &mut scratch.indexes);
    }
    let mut shape = None;
    each_with_events(w, &scratch.indexes, |k, resets| {
        looked(resets.len())?;
        let fallen_from = resets.iter().map(|&i| w.values[i - 1]);
        if let Some(window) = w.at(k)
            && let Some(now) = Shape::of(&window, shape.as_ref())
        {
            let e = Extrapolated::with_resets(&window, &now, true, fallen_from);
            out.set(k, finish(&e));
            shape = Some(now);
        }
        Ok(())
    })
}

/// `rate(m)`
pub(super) fn rate(
    w: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut Column,
    looked: Looked<'_>,
) -> Result<(), QueryError> {
    counter(w, scratch, out, looked, Extrapolated::per_second)
}

/// `increase(m)`
pub(super) fn increase(
    w: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut Column,
    looked: Looked<'_>,
) -> Result<(), QueryError> {
    counter(w, scratch, out, looked, Extrapolated::total)
}

/// `delta(m)`
pub(super) fn delta(
    w: &Windows<'_>,
    _: &mut Scratch,
    out: &mut Column,
    _: Looked<'_>,
) -> Result<(), QueryError> {
    let mut shape = None;
    for (k, ..) in w.steps() {
        if let Some(window) = w.at(k)
            && let Some(now) = Shape::of(&window, shape.as_ref())
        {
            let e = Extrapolated::with_resets(&window, &now, false, std::iter::empty());
            out.set(k, e.total());
            shape = Some(now);
        }
    }
    Ok(())
}

/// The best value of each window, by a queue of the samples that may still become the best: the first is the best now.
fn extreme(w: &Windows<'_>, scratch: &mut Scratch, out: &mut Column, better: fn(f64, f64) -> bool) {
    let queue = &mut scratch.indexes;
    queue.clear();
    let (mut head, mut next) = (0, 0);
    for (k, lo, hi) in w.steps() {
        next = next.max(lo);
        while next < hi {
            let v = w.values[next];
            if !v.is_nan() {
                while queue.len() > head && queue.last().is_some_and(|&i| better(v, w.values[i])) {
                    queue.pop();
                }
                queue.push(next);
            }
            next += 1;
        }
        while queue.get(head).is_some_and(|&i| i < lo) {
            head += 1;
        }
        // Nothing but NaN: the last of them, as the kernel has it.
        let best = queue.get(head).copied().unwrap_or(hi - 1);
        out.set(k, w.values[best]);
    }
}

/// `max_over_time(m)`
pub(super) fn max(
    w: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut Column,
    _: Looked<'_>,
) -> Result<(), QueryError> {
    extreme(w, scratch, out, |v, best| v > best);
    Ok(())
}

/// `min_over_time(m)`
pub(super) fn min(
    w: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut Column,
    _: Looked<'_>,
) -> Result<(), QueryError> {
    extreme(w, scratch, out, |v, best| v < best);
    Ok(())
}

/// Sums of all prefixes when they are exact: integers whose magnitudes add up to no more than 2⁵³.
fn exact_prefix_sums(values: &[f64], sums: &mut Vec<f64>) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    sums.clear();
    sums.reserve(values.len() + 1);
    sums.push(0.0);
    let (mut sum, mut magnitude) = (0.0, 0.0);
    for &v in values {
        magnitude += v.abs();
        // False for NaN.
        let exact = v.trunc() == v && magnitude <= EXACT;
        if !exact {
            return false;
        }
        sum += v;
        sums.push(sum);
    }
    true
}

/// A kernel of one window.
type Eval = fn(&Window<'_>, &[f64]) -> Option<f64>;

fn summed(
    w: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut Column,
    looked: Looked<'_>,
    (exact, kernel): (fn(f64, f64) -> f64, Eval),
) -> Result<(), QueryError> {
    let sums = &mut scratch.sums;
    if exact_prefix_sums(w.values, sums) {
        for (k, lo, hi) in w.steps() {
            // Adding zero turns -0 into 0, as the compensation of a sum does.
            out.set(k, exact(sums[hi] - sums[lo], (hi - lo) as f64) + 0.0);
        }
        return Ok(());
    }
    for (k, lo, hi) in w.steps() {
        looked(hi - lo)?;
        if let Some(v) = w.at(k).and_then(|window| kernel(&window, &[])) {
            out.set(k, v);
        }
    }
    Ok(())
}

/// `sum_over_time(m)`
pub(super) fn sum(
    w: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut Column,
    looked: Looked<'_>,
) -> Result<(), QueryError> {
    summed(w, scratch, out, looked, (|sum, _| sum, over_time::sum))
}

/// `avg_over_time(m)`
pub(super) fn avg(
    w: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut Column,
    looked: Looked<'_>,
) -> Result<(), QueryError> {
    summed(w, scratch, out, looked, (|sum, n| sum / n, over_time::avg))
}

#[cfg(test)]
mod tests {
    use super::super::kernel::{Kernel, WindowKernel};
    use super::super::table::FUNCTIONS;
    use super::*;
    use proptest::prelude::*;

    fn sliding() -> impl Iterator<Item = (&'static str, WindowKernel, SlideKernel)> {
        FUNCTIONS.iter().filter_map(|f| match f.kernel {
            Kernel::Window(kernel) => kernel.slide.map(|slide| (f.name, kernel, slide)),
            _ => None,
        })
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            6 => (-5i32..50).prop_map(f64::from),
            2 => -1e3f64..1e3,
            1 => Just(f64::NAN),
            1 => Just(-0.0),
            1 => Just(f64::INFINITY),
        ]
    }

    proptest! {
        #[test]
        fn sliding_is_the_kernel_window_by_window(
            integers in any::<bool>(),
            samples in proptest::collection::vec((1i64..40, value()), 0..60),
            step in 1i64..60,
            range in 1i64..200,
        ) {
            let mut t = 0;
            let times: Vec<i64> = samples.iter().map(|&(gap, _)| { t += gap; t }).collect();
            let values: Vec<f64> = samples.iter().map(|&(_, v)| if integers && !v.is_finite() { 7.0 } else if integers { v.trunc() } else { v }).collect();
            let ends: Vec<i64> = (0..40).map(|k| k * step).collect();
            let bounds: Vec<(usize, usize)> = ends.iter().map(|&end| {
                (times.partition_point(|&t| t <= end - range), times.partition_point(|&t| t <= end))
            }).collect();
            let w = Windows { times_ms: &times, values: &values, bounds: &bounds, ends_ms: &ends, evals_ms: &ends, range_ms: range };
            let mut scratch = Scratch::default();
            for (name, kernel, slide) in sliding() {
                let mut out = Column::absent(ends.len());
                slide(&w, &mut scratch, &mut out, &|_| Ok(())).unwrap();
                for k in 0..ends.len() {
                    let expected = w.at(k).and_then(|window| (kernel.eval)(&window, &[]));
                    let same = match (expected, out.get(k)) {
                        (Some(a), Some(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
                        (None, None) => true,
                        _ => false,
                    };
                    prop_assert!(same, "{} at {}: {:?} {:?}", name, k, expected, out.get(k));
                }
            }
        }
    }

    /// What a kernel looks at beside samples and steps, up to an end that comes when that is `most`.
    fn looked_at(slide: SlideKernel, values: &[f64], most: usize) -> (usize, bool) {
        let n = values.len();
        let times: Vec<i64> = (0..n as i64).collect();
        let bounds: Vec<(usize, usize)> = (0..n).map(|k| (0, k + 1)).collect();
        let w = Windows {
            times_ms: &times,
            values,
            bounds: &bounds,
            ends_ms: &times,
            evals_ms: &times,
            range_ms: n as i64,
        };
        let seen = std::cell::Cell::new(0);
        let looked = |n| {
            seen.set(seen.get() + n);
            if seen.get() > most {
                return Err(QueryError::Timeout);
            }
            Ok(())
        };
        let mut out = Column::absent(n);
        let ended = slide(&w, &mut Scratch::default(), &mut out, &looked).is_err();
        (seen.get(), ended)
    }

    #[test]
    fn what_looks_at_whole_windows_says_so_and_can_be_ended() {
        let halves: Vec<f64> = (0..1000).map(|k| f64::from(k) + 0.5).collect();
        let saw: Vec<f64> = (0..1000).map(|k| f64::from(k % 2)).collect();
        let cases: [(SlideKernel, &[f64], usize); 4] = [
            (sum, &halves, 500_500),
            (avg, &halves, 500_500),
            (rate, &saw, 249_500),
            (increase, &saw, 249_500),
        ];
        for (slide, values, all) in cases {
            assert_eq!(looked_at(slide, values, usize::MAX), (all, false));
            let (seen, ended) = looked_at(slide, values, 10_000);
            assert!(ended && seen < 11_000, "{seen}");
        }
    }
}
