//! `info(v, {…})`: adds labels of info metrics to series that share `instance` and `job` with them.
//!
//! Which labels a series gets can change from step to step, so that the result is computed before its labels are asked for.

use std::collections::HashMap;

use tsdb_core::{LabelError, Labels, METRIC_NAME, Matcher};

use super::clash::{Clash, SAME_LABELSET};
use super::operator::BoxOperator;
use super::{Context, SeriesMeta, Stored};
use crate::error::QueryError;
use crate::vector::{Column, Grid, Sample};

/// Labels by which series find their info series.
pub(crate) const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// The second argument of `info`.
pub(crate) struct InfoSelector {
    /// Matchers of `__name__`: which metrics are info metrics.
    pub(crate) names: Vec<Matcher>,
    /// The other matchers: only their labels are added. All are without any.
    pub(crate) data: Vec<Matcher>,
}

/// An info metric's name and the identifying labels.
type Identity = (String, [String; 2]);

fn identity(name: &str, labels: &Labels) -> Identity {
    let id = IDENTIFYING.map(|label| labels.get(label).unwrap_or("").to_owned());
    (name.to_owned(), id)
}

/// The newest info series of each identity, step by step.
struct InfoSide<'a> {
    series: Vec<SeriesMeta>,
    names: Vec<String>,
    newest: HashMap<Identity, Vec<Option<(f64, u32)>>>,
    selector: &'a InfoSelector,
}

impl<'a> InfoSide<'a> {
    /// `times` gives the time of the sample of each info series.
    fn read(
        mut times: BoxOperator,
        selector: &'a InfoSelector,
        cx: &Context,
        grid: Grid,
        clash: &mut Clash,
    ) -> Result<Self, QueryError> {
        let series = times.series().to_vec();
        let mut names: Vec<String> = series
            .iter()
            .map(|s| s.labels.metric_name().to_owned())
            .collect();
        names.sort_unstable();
        names.dedup();
        let mut newest: HashMap<Identity, Vec<Option<(f64, u32)>>> = HashMap::new();
        for tile in grid.tiles(1024) {
            // An input without series looks at no clock.
            cx.check()?;
            times.run(cx, tile, &mut |i, column| {
                let labels = &series[i as usize].labels;
                let key = identity(labels.metric_name(), labels);
                let steps = match newest.entry(key) {
                    std::collections::hash_map::Entry::Occupied(e) => e.into_mut(),
                    std::collections::hash_map::Entry::Vacant(e) => {
                        cx.charge(grid.steps)?;
                        e.insert(vec![None; grid.steps])
                    }
                };
                for (k, t) in column.iter() {
                    let step = tile.first + k;
                    match steps[step] {
                        Some((known, _)) if known > t => {}
                        Some((known, j)) if known == t => clash.offer(step, 0, || {
                            let t_ms = (t * 1000.0).round();
                            format!(
                                "found duplicate series for info metric: existing {:?} @ {t_ms}, new {labels:?} @ {t_ms}",
                                series[j as usize].labels
                            )
                        }),
                        _ => steps[step] = Some((t, i)),
                    }
                }
                Ok(())
            })?;
        }
        Ok(Self {
            series,
            names,
            newest,
            selector,
        })
    }

    /// The info series, by their names, that a series with these labels meets at each step.
    fn of(&self, labels: &Labels) -> Vec<&[Option<(f64, u32)>]> {
        let found = |name: &String| self.newest.get(&identity(name, labels));
        self.names
            .iter()
            .filter_map(found)
            .map(Vec::as_slice)
            .collect()
    }

    /// The labels of a series with those of its info series; `None` when a condition on them does not hold.
    fn enrich(&self, base: &Labels, infos: &[u32]) -> Result<Option<Labels>, String> {
        let data = &self.selector.data;
        if infos.is_empty() {
            let optional = data.iter().all(Matcher::matches_empty);
            return Ok(optional.then(|| base.clone()));
        }
        let mut added: HashMap<&str, &str> = HashMap::new();
        for &i in infos {
            for (name, value) in self.series[i as usize].labels.iter() {
                let wanted = data.is_empty() || data.iter().any(|m| m.name() == name);
                if name == METRIC_NAME || !wanted {
                    continue;
                }
                if added.get(name).is_some_and(|&v| v != value) {
                    return Err(format!("conflicting label: {name}"));
                }
                if base.get(name).is_none() {
                    added.insert(name, value);
                }
            }
        }
        let mut builder = base.to_builder();
        for (name, value) in added {
            builder.set(name, value);
        }
        let labels = builder.build().map_err(|e: LabelError| e.to_string())?;
        Ok(Some(labels))
    }
}

/// Output series with their points, as they are found.
#[derive(Default)]
struct Outputs {
    numbers: HashMap<Labels, usize>,
    series: Vec<SeriesMeta>,
    points: Vec<Vec<(usize, Sample)>>,
}

impl Outputs {
    fn number(&mut self, labels: Labels, drop_name: bool) -> usize {
        *self.numbers.entry(labels.clone()).or_insert_with(|| {
            self.series.push(SeriesMeta { labels, drop_name });
            self.points.push(Vec::new());
            self.series.len() - 1
        })
    }
}

/// `info(v, selector)`; `times` gives the times of the samples of the info series.
pub(crate) fn info(
    mut input: BoxOperator,
    times: BoxOperator,
    selector: &InfoSelector,
    ignored: &[bool],
    cx: &Context,
    grid: Grid,
) -> Result<Stored, QueryError> {
    let mut clash = Clash::default();
    let side = InfoSide::read(times, selector, cx, grid, &mut clash)?;
    let bases: Vec<SeriesMeta> = input.series().to_vec();
    let mut outputs = Outputs::default();
    for tile in grid.tiles(1024) {
        cx.check()?;
        input.run(cx, tile, &mut |i, column: &mut Column| {
            let base = &bases[i as usize];
            let ignore = ignored.get(i as usize).copied().unwrap_or(false);
            let infos = if ignore {
                Vec::new()
            } else {
                side.of(&base.labels)
            };
            let mut known: HashMap<Vec<u32>, Option<usize>> = HashMap::new();
            for (k, sample) in column.iter_samples() {
                let step = tile.first + k;
                let met: Vec<u32> = infos
                    .iter()
                    .filter_map(|steps| steps[step].map(|(_, j)| j))
                    .collect();
                let number = match known.get(&met) {
                    Some(&number) => number,
                    None => {
                        let labels = if ignore {
                            Some(base.labels.clone())
                        } else {
                            side.enrich(&base.labels, &met).unwrap_or_else(|message| {
                                clash.offer(step, i as usize + 1, || message);
                                None
                            })
                        };
                        let number = labels.map(|l| outputs.number(l, base.drop_name));
                        known.insert(met, number);
                        number
                    }
                };
                let Some(number) = number else {
                    continue;
                };
                cx.charge_point(sample.weight())?;
                outputs.points[number].push((step, sample));
            }
            Ok(())
        })?;
    }
    for points in &mut outputs.points {
        points.sort_by_key(|p| p.0);
        let met = points.windows(2).find(|w| w[0].0 == w[1].0);
        if let Some(met) = met {
            clash.offer(met[0].0, usize::MAX, || SAME_LABELSET.to_owned());
        }
    }
    clash.into_result()?;
    Ok(Stored::new(outputs.series, outputs.points))
}
