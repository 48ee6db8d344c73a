//! `count_values("label", v)`: the values are labels of the result, so that it is computed before its labels are asked for.

use std::collections::HashMap;

use tsdb_core::Labels;

use super::operator::BoxOperator;
use super::{Context, MatchLabels, SeriesMeta, Stored};
use crate::error::QueryError;
use crate::vector::{Grid, Sample};

/// A number as a label value.
fn format_value(v: f64) -> String {
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    format!("{v}")
}

fn format_sample(sample: &Sample) -> String {
    match sample {
        Sample::Float(v) => format_value(*v),
        Sample::Histogram(h) => h.to_string(),
    }
}

/// Counts how often each value occurs in each group of labels that `by` tells apart.
///
/// `value_counts` says whether the label that takes the value stays in the result.
pub(crate) fn count_values(
    mut input: BoxOperator,
    label: &str,
    by: &MatchLabels,
    value_counts: bool,
    cx: &Context,
    grid: Grid,
) -> Result<Stored, QueryError> {
    let bases: Vec<Labels> = input
        .series()
        .iter()
        .map(|s| by.of(&s.labels).filtered(|name| name != label.as_bytes()))
        .collect();
    let drops: Vec<bool> = input.series().iter().map(|s| s.drop_name).collect();
    let mut numbers: HashMap<Labels, usize> = HashMap::new();
    let mut series: Vec<SeriesMeta> = Vec::new();
    // Steps and counts of each, steps rising.
    let mut counts: Vec<Vec<(usize, f64)>> = Vec::new();
    // Labels of values that a series has had: most series repeat theirs.
    let mut known: HashMap<(u32, u64), usize> = HashMap::new();
    for tile in grid.tiles(1024) {
        // An input without series looks at no clock.
        cx.check()?;
        input.run(cx, tile, &mut |i, column| {
            for (k, sample) in column.iter_samples() {
                let bits = match &sample {
                    Sample::Float(v) => Some(v.to_bits()),
                    Sample::Histogram(_) => None,
                };
                let number = match bits.and_then(|bits| known.get(&(i, bits)).copied()) {
                    Some(number) => number,
                    None => {
                        let mut labels = bases[i as usize].to_builder();
                        if value_counts {
                            labels.set(label, &format_sample(&sample));
                        }
                        let labels = labels
                            .build()
                            .map_err(|e| QueryError::Execution(e.to_string()))?;
                        cx.charge_series(1, labels.as_bytes().len())?;
                        let number = *numbers.entry(labels.clone()).or_insert_with(|| {
                            series.push(SeriesMeta {
                                labels,
                                drop_name: drops[i as usize],
                            });
                            counts.push(Vec::new());
                            series.len() - 1
                        });
                        cx.charge(1)?;
                        if let Some(bits) = bits {
                            known.insert((i, bits), number);
                        }
                        number
                    }
                };
                let (counts, step) = (&mut counts[number], tile.first + k);
                match counts.binary_search_by_key(&step, |count| count.0) {
                    Ok(at) => counts[at].1 += 1.0,
                    // In the same tile, behind which nothing is yet: little has to move.
                    Err(at) => {
                        cx.charge_point(1)?;
                        counts.insert(at, (step, 1.0));
                    }
                }
            }
            Ok(())
        })?;
    }
    let points = counts
        .into_iter()
        .map(|points| {
            let points = points.into_iter();
            points.map(|(k, v)| (k, Sample::Float(v))).collect()
        })
        .collect();
    Ok(Stored::new(series, points))
}
