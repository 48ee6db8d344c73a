//! Remarks on a query: warnings and, of lesser weight, infos. Texts are those of Prometheus 3.14 (`util/annotations`).
//!
//! Each text is given once, with the last of the places in the query it is said of, in the order in which Prometheus evaluates: operands
//! from left to right, then what is made of them. A text that carries numbers of several samples gathers them.

mod format;
mod native;

use std::collections::HashMap;
use std::sync::Arc;

use crate::ast::Span;
use crate::functions::histogram::ForcedMonotonicity;

pub(crate) use format::format_g;
use format::format_g2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Level {
    Warning,
    Info,
}

#[derive(Debug)]
struct Annotation {
    level: Level,
    text: Arc<str>,
    span: Span,
    forced: Option<Forced>,
}

/// Samples whose buckets were forced to be monotonic.
#[derive(Debug)]
struct Forced {
    range: ForcedMonotonicity,
    samples: u64,
    first_ms: i64,
    last_ms: i64,
}

/// What was remarked so far.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    /// In the order in which they were first said.
    list: Vec<Annotation>,
    /// Where each text of a level stands in the list: there may be one for every metric name.
    places: HashMap<(Level, Arc<str>), usize>,
}

impl Annotations {
    fn add(&mut self, level: Level, text: String, span: Span) -> &mut Annotation {
        let text: Arc<str> = text.into();
        let at = *self
            .places
            .entry((level, Arc::clone(&text)))
            .or_insert_with(|| {
                self.list.push(Annotation {
                    level,
                    text,
                    span,
                    forced: None,
                });
                self.list.len() - 1
            });
        let annotation = &mut self.list[at];
        // Operands end before, or where, what is made of them ends.
        let order = |span: Span| (span.end, std::cmp::Reverse(span.start));
        if order(span) > order(annotation.span) {
            annotation.span = span;
        }
        annotation
    }

    fn warn(&mut self, text: String, span: Span) {
        self.add(Level::Warning, text, span);
    }

    fn info(&mut self, text: String, span: Span) {
        self.add(Level::Info, text, span);
    }

    pub(crate) fn invalid_quantile(&mut self, phi: f64, span: Span) {
        let got = format_g(phi);
        self.warn(
            format!("quantile value should be between 0 and 1, got {got}"),
            span,
        );
    }

    pub(crate) fn invalid_ratio(&mut self, ratio: f64, capped: f64, span: Span) {
        let (got, to) = (format_g(ratio), format_g(capped));
        self.warn(
            format!("ratio value should be between -1 and 1, got {got}, capping to {to}"),
            span,
        );
    }

    pub(crate) fn bad_bucket_label(&mut self, le: &str, name: &str, span: Span) {
        let text = format!("bucket label \"le\" is missing or has a malformed value of {le:?}");
        self.warn(with_name(text, name), span);
    }

    pub(crate) fn sort_in_range_query(&mut self, span: Span) {
        let text =
            "sort is ineffective for range queries since results are always ordered by labels";
        self.warn(text.to_owned(), span);
    }

    pub(crate) fn possible_non_counter(&mut self, name: &str, span: Span) {
        self.info(
            format!(
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name:?}"
            ),
            span,
        );
    }

    pub(crate) fn possible_non_counter_type(&mut self, name: &str, of_type: &str, span: Span) {
        self.info(
            format!(
                "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", got {of_type:?}: {name:?}"
            ),
            span,
        );
    }

    /// A sample of a histogram needed its buckets lifted.
    pub(crate) fn forced_monotonicity(
        &mut self,
        name: &str,
        span: Span,
        t_ms: i64,
        range: ForcedMonotonicity,
    ) {
        const TEXT: &str = "input to histogram_quantile needed to be fixed for monotonicity \
            (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
        let annotation = self.add(Level::Info, with_name(TEXT.to_owned(), name), span);
        let forced = annotation.forced.get_or_insert(Forced {
            range,
            samples: 0,
            first_ms: t_ms,
            last_ms: t_ms,
        });
        forced.samples += 1;
        forced.first_ms = forced.first_ms.min(t_ms);
        forced.last_ms = forced.last_ms.max(t_ms);
        let all = &mut forced.range;
        all.min_bucket = all.min_bucket.min(range.min_bucket);
        all.max_bucket = all.max_bucket.max(range.max_bucket);
        all.max_diff = all.max_diff.max(range.max_diff);
    }

    /// Warnings and infos as texts, with line and column in the query.
    pub(crate) fn into_texts(self, query: &str) -> (Vec<String>, Vec<String>) {
        let (mut warnings, mut infos) = (Vec::new(), Vec::new());
        for annotation in self.list {
            let details = annotation.forced.as_ref().map(Forced::text);
            let place = place(query, annotation.span);
            let text = format!("{}{}{place}", annotation.text, details.unwrap_or_default());
            match annotation.level {
                Level::Warning => warnings.push(format!("PromQL warning: {text}")),
                Level::Info => infos.push(format!("PromQL info: {text}")),
            }
        }
        (warnings, infos)
    }
}

impl Forced {
    fn text(&self) -> String {
        format!(
            ", from buckets {} to {}, with a max diff of {}, over {} samples from {} to {}",
            format_g(self.range.min_bucket),
            format_g(self.range.max_bucket),
            format_g2(self.range.max_diff),
            self.samples,
            crate::functions::rfc3339(self.first_ms.div_euclid(1000)),
            crate::functions::rfc3339(self.last_ms.div_euclid(1000)),
        )
    }
}

fn with_name(text: String, name: &str) -> String {
    if name.is_empty() {
        text
    } else {
        format!("{text} for metric name {name:?}")
    }
}

/// ` (line:column)`, both counted from 1, the column in bytes.
fn place(query: &str, span: Span) -> String {
    let bytes = query.as_bytes();
    let before = bytes.get(..span.start as usize).unwrap_or(bytes);
    let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|&&b| b != b'\n').count() + 1;
    format!(" ({line}:{column})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_given_once_with_their_last_place() {
        let mut annotations = Annotations::default();
        let at = |start| Span { start, end: start };
        annotations.possible_non_counter("a", at(0));
        annotations.possible_non_counter("a", at(3));
        let (warnings, infos) = annotations.into_texts("a +\nb");
        assert!(warnings.is_empty());
        assert_eq!(
            infos,
            [
                "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"a\" (1:4)"
            ]
        );
        assert_eq!(place("a +\nb", at(4)), " (2:1)");
        // Whatever is evaluated first here.
        let mut annotations = Annotations::default();
        for (start, end) in [(6, 8), (0, 8), (0, 3)] {
            annotations.possible_non_counter("a", Span { start, end });
        }
        assert!(annotations.into_texts("a").1[0].ends_with(" (1:1)"));
    }

    #[test]
    fn many_texts_keep_their_order_and_take_no_square_of_time() {
        let mut annotations = Annotations::default();
        let begun = std::time::Instant::now();
        for _ in 0..2 {
            for k in 0..100_000 {
                annotations.possible_non_counter(&format!("m{k}"), Span::default());
            }
        }
        let (_, infos) = annotations.into_texts("a");
        assert_eq!(infos.len(), 100_000);
        assert!(infos[99_999].contains("\"m99999\""));
        // 1.5e10 comparisons take longer.
        assert!(begun.elapsed() < std::time::Duration::from_secs(4));
    }

    #[test]
    fn forced_monotonicity_gathers_samples() {
        let mut annotations = Annotations::default();
        let forced = |min_bucket, max_bucket, max_diff| ForcedMonotonicity {
            min_bucket,
            max_bucket,
            max_diff,
        };
        let span = Span::default();
        annotations.forced_monotonicity("s", span, 1_735_084_800_000, forced(5.0, 50.0, 5.5));
        annotations.forced_monotonicity("s", span, 1_703_462_400_000, forced(10.0, 100.0, 10.0));
        annotations.forced_monotonicity("s", span, 1_733_011_200_000, forced(2.5, 75.0, 7.5));
        let (_, infos) = annotations.into_texts("x");
        assert!(infos[0].ends_with(
            "for metric name \"s\", from buckets 2.5 to 100, with a max diff of 10, over 3 samples \
             from 2023-12-25T00:00:00Z to 2024-12-25T00:00:00Z (1:1)"
        ));
    }
}
