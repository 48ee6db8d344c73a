//! The histograms of a vector: the buckets of a classic histogram are series with a label `le`, a native one is a sample of a
//! series.

use std::collections::HashMap;

use tsdb_core::{FloatHistogram, Labels};

use super::context::Held;
use super::operator::BoxOperator;
use super::{Context, SeriesMeta, without_metadata};
use crate::ast::Span;
use crate::error::QueryError;
use crate::functions::histogram::{Bucket, parse_upper_bound};
use crate::vector::{Column, Tile};

const BUCKET_LABEL: &str = "le";

/// The series of a vector as histograms.
pub(super) struct Histograms {
    input: BoxOperator,
    /// What each series may hold.
    members: Vec<Member>,
    /// The labels of each histogram.
    examples: Vec<SeriesMeta>,
    /// Where the vector stands.
    span: Span,
    delayed: bool,
}

/// Numbers of the histograms that a series belongs to.
struct Member {
    /// As one of its classic buckets, with the upper bound; `None` when `le` is no number.
    bucket: Option<(u32, f64)>,
    /// With its native histograms, whose labels are all of the series'.
    native: u32,
}

/// What a histogram consists of in a tile.
pub(super) struct Histogram {
    pub(super) number: u32,
    /// Upper bounds and counts.
    buckets: Vec<(f64, Column)>,
    native: Option<Column>,
}

/// A histogram at a step.
pub(super) enum AtStep<'h> {
    Nothing,
    /// The buckets have been gathered.
    Classic,
    Native(&'h FloatHistogram),
}

impl Histograms {
    pub(super) fn new(input: BoxOperator, span: Span, cx: &Context) -> Self {
        let mut numbers: HashMap<Labels, u32> = HashMap::new();
        let mut examples: Vec<SeriesMeta> = Vec::new();
        let delayed = cx.delayed_name_removal();
        let mut number = |labels: Labels| {
            let next = examples.len() as u32;
            // Histograms of different names are different, though the result has no name.
            let number = *numbers.entry(labels.clone()).or_insert(next);
            if number == next {
                examples.push(SeriesMeta {
                    labels,
                    drop_name: delayed,
                });
            }
            number
        };
        let member = |s: &SeriesMeta| {
            let upper = parse_upper_bound(s.labels.get(BUCKET_LABEL).unwrap_or(""));
            let without = |upper| {
                let labels = s.labels.filtered(|name| name != BUCKET_LABEL.as_bytes());
                (number(labels), upper)
            };
            Member {
                bucket: upper.map(without),
                native: number(s.labels.clone()),
            }
        };
        Self {
            members: input.series().iter().map(member).collect(),
            examples,
            input,
            span,
            delayed,
        }
    }

    /// The histograms as series of a result.
    pub(super) fn series(&self) -> Vec<SeriesMeta> {
        let named = |s: &SeriesMeta| match self.delayed {
            true => s.clone(),
            false => without_metadata(&s.labels).into(),
        };
        self.examples.iter().map(named).collect()
    }

    /// The metric name of a histogram that a remark may show.
    pub(super) fn name(&self, number: u32) -> &str {
        let example = self.examples.get(number as usize);
        example.map_or("", |s| self.shown(&s.labels))
    }

    fn shown<'s>(&self, labels: &'s Labels) -> &'s str {
        if self.delayed {
            labels.metric_name()
        } else {
            ""
        }
    }

    /// Reads all histograms: native ones first, each kind in the order in which it was first met.
    pub(super) fn read<'c>(
        &mut self,
        cx: &'c Context,
        tile: Tile,
    ) -> Result<(Vec<Histogram>, Held<'c>), QueryError> {
        let mut found = Found::default();
        let mut held = cx.hold(0)?;
        let mut bad = Vec::new();
        let members = &self.members;
        self.input.run(cx, tile, &mut |i, column| {
            held.add(tile.len + column.extra_weight())?;
            let member = &members[i as usize];
            if column.has_histograms() {
                if column.iter_histograms().next().is_some() {
                    found.histogram(member.native).native = Some(column.clone());
                }
                column.drop_histograms();
                if column.present.is_empty() {
                    return Ok(());
                }
            }
            match member.bucket {
                Some((number, upper)) => {
                    let buckets = &mut found.histogram(number).buckets;
                    buckets.push((upper, column.clone()));
                }
                None => bad.push(i),
            }
            Ok(())
        })?;
        for i in bad {
            let labels = &self.input.series()[i as usize].labels;
            let le = labels.get(BUCKET_LABEL).unwrap_or("");
            let mut annotations = cx.annotations.borrow_mut();
            annotations.bad_bucket_label(le, self.shown(labels), self.span);
        }
        let mut histograms = found.histograms;
        histograms.sort_by_key(|h| h.native.is_none());
        for h in &histograms {
            self.tell_mixed(h, cx);
        }
        Ok((histograms, held))
    }

    /// A histogram that is there in both forms at a step.
    fn tell_mixed(&self, h: &Histogram, cx: &Context) {
        if let Some(native) = &h.native
            && native
                .iter_histograms()
                .any(|(k, _)| h.buckets.iter().any(|(_, c)| c.get(k).is_some()))
        {
            let mut annotations = cx.annotations.borrow_mut();
            annotations.mixed_classic_native(self.name(h.number), self.span);
        }
    }
}

/// Histograms as they are met.
#[derive(Default)]
struct Found {
    histograms: Vec<Histogram>,
    places: HashMap<u32, usize>,
}

impl Found {
    fn histogram(&mut self, number: u32) -> &mut Histogram {
        let place = *self.places.entry(number).or_insert_with(|| {
            self.histograms.push(Histogram {
                number,
                buckets: Vec::new(),
                native: None,
            });
            self.histograms.len() - 1
        });
        &mut self.histograms[place]
    }
}

impl Histogram {
    /// What there is at a step: nothing also where it is there in both forms. Gathers the buckets of a classic one.
    pub(super) fn at(&self, step: usize, buckets: &mut Vec<Bucket>) -> AtStep<'_> {
        buckets.clear();
        let present = self
            .buckets
            .iter()
            .filter_map(|(upper, c)| c.get(step).map(|count| (*upper, count)));
        buckets.extend(present.map(|(upper, count)| Bucket { upper, count }));
        let native = self.native.as_ref().and_then(|c| c.histogram(step));
        match (native, buckets.is_empty()) {
            (Some(h), true) => AtStep::Native(h),
            (None, false) => AtStep::Classic,
            _ => AtStep::Nothing,
        }
    }
}
