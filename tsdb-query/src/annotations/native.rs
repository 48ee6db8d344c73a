//! Remarks on native histograms.

use super::{Annotations, with_name};
use crate::ast::{BinaryOp, Span};
use crate::functions::native_histogram::Annotation;

impl Annotations {
    /// What a kernel has told of the series with that metric name.
    pub(crate) fn native(&mut self, annotation: Annotation, name: &str, span: Span) {
        const QUANTILE: &str = "input to histogram_quantile has NaN observations";
        match annotation {
            Annotation::MixedFloatsHistograms => self.warn(
                format!("encountered a mix of histograms and floats for metric name {name:?}"),
                span,
            ),
            Annotation::NativeHistogramNotCounter => self.warn(
                format!("this native histogram metric is not a counter: {name:?}"),
                span,
            ),
            Annotation::NativeHistogramNotGauge => self.warn(
                format!("this native histogram metric is not a gauge: {name:?}"),
                span,
            ),
            Annotation::MixedExponentialCustomHistograms => self.warn(
                format!(
                    "vector contains a mix of histograms with exponential and custom buckets schemas for metric name {name:?}"
                ),
                span,
            ),
            Annotation::HistogramCounterResetCollision(operation) => self.warn(
                format!(
                    "conflicting counter resets during histogram {}",
                    operation.as_str()
                ),
                span,
            ),
            Annotation::StartTimeOverlap => self.warn(
                format!(
                    "sample has start time that overlaps with previous sample timestamp for metric {name:?}"
                ),
                span,
            ),
            Annotation::MismatchedCustomBuckets(operation) => self.info(
                format!(
                    "mismatched custom buckets were reconciled during {}",
                    operation.as_str()
                ),
                span,
            ),
            Annotation::QuantileNaNResult => self.info(
                with_name(format!("{QUANTILE}, result is NaN"), name),
                span,
            ),
            Annotation::QuantileNaNSkew => self.info(
                with_name(format!("{QUANTILE}, result is skewed higher"), name),
                span,
            ),
            Annotation::FractionNaNs => {
                const TEXT: &str = "input to histogram_fraction has NaN observations, which are excluded from all fractions";
                self.info(with_name(TEXT.to_owned(), name), span);
            }
        }
    }

    /// A range has floats and histograms, and only the floats count.
    pub(crate) fn ignored_in_mixed_range(&mut self, name: &str, span: Span) {
        self.info(
            format!(
                "ignored histograms in a range containing both floats and histograms for metric name {name:?}"
            ),
            span,
        );
    }

    /// An aggregation that has no meaning for histograms met one.
    pub(crate) fn ignored_in_aggregation(&mut self, aggregation: &str, span: Span) {
        self.info(
            format!("ignored histogram in {aggregation} aggregation"),
            span,
        );
    }

    /// A group of an aggregation has floats and histograms.
    pub(crate) fn mixed_in_aggregation(&mut self, span: Span) {
        self.warn(
            "encountered a mix of histograms and floats for aggregation".to_owned(),
            span,
        );
    }

    /// A histogram is there as classic buckets and as a native one.
    pub(crate) fn mixed_classic_native(&mut self, name: &str, span: Span) {
        const TEXT: &str = "vector contains a mix of classic and native histograms";
        self.warn(with_name(TEXT.to_owned(), name), span);
    }

    /// An operator met values of kinds that it cannot bring together.
    pub(crate) fn incompatible_types(&mut self, l: &str, op: BinaryOp, r: &str, span: Span) {
        let op = op.as_str();
        self.info(
            format!(
                "incompatible sample types encountered for binary operator {op:?}: {l} {op} {r}"
            ),
            span,
        );
    }

    /// An operator met histograms with buckets of different kinds.
    pub(crate) fn incompatible_buckets(&mut self, op: BinaryOp, span: Span) {
        let op = op.as_str();
        self.warn(
            format!("incompatible bucket layout encountered for binary operator {op}"),
            span,
        );
    }
}
