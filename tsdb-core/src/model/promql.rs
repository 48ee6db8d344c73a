//! What PromQL shows of samples that it did not write.

use super::merge::AnyValue;
use super::sample::Columns;
use super::time::TimeUnit;

impl Columns {
    /// Turns the samples from `start` on, whose times are ticks of `unit`, into what PromQL shows: times in milliseconds,
    /// rounded down, where of several samples in one millisecond the last counts; of an integer the nearest double, of a
    /// boolean 0 or 1. Strings are left out.
    pub(crate) fn show_to_promql(&mut self, start: usize, unit: TimeUnit) {
        let has_fields = self.fields.last().is_some_and(|(at, _)| *at >= start);
        if unit == TimeUnit::Milliseconds && !has_fields {
            return;
        }
        for mut sample in self.split_off(start) {
            if let AnyValue::Field(value) = &sample.value {
                let Some(shown) = value.as_float() else {
                    continue;
                };
                sample.value = AnyValue::Float(shown);
            }
            sample.t_ms = unit.to_ms(sample.t_ms);
            sample.start_ms = unit.to_ms(sample.start_ms);
            if self.len() > start && self.times_ms.last() == Some(&sample.t_ms) {
                self.truncate(self.len() - 1);
            }
            self.push_any(sample);
        }
    }

    /// Turns the times from `start` on from ticks of one unit into those of another. Samples whose time the other has no
    /// tick for are left out.
    pub(crate) fn convert_times(&mut self, start: usize, from: TimeUnit, to: TimeUnit) {
        if from == to {
            return;
        }
        for mut sample in self.split_off(start) {
            if let Some(tick) = from.convert(sample.t_ms, to) {
                sample.t_ms = tick;
                sample.start_ms = from.convert(sample.start_ms, to).unwrap_or(0);
                self.push_any(sample);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FieldValue, Histogram};

    const MS: i64 = 1_000_000;

    #[test]
    fn the_last_sample_of_a_millisecond_is_shown() {
        let mut columns = Columns::default();
        columns.push(7, 0.5);
        columns.push_field(-1, FieldValue::Integer((1 << 53) + 1));
        columns.push_field(0, FieldValue::Boolean(true));
        columns.push_histogram(1, Histogram::default().into());
        columns.push(MS - 1, 2.5);
        columns.push_field(MS, FieldValue::Boolean(false));
        columns.push_field(MS + 1, FieldValue::string("left out"));
        columns.push_histogram(2 * MS, Histogram::default().into());
        columns.push_field(i64::MAX, FieldValue::Integer(i64::MIN));
        columns.show_to_promql(1, TimeUnit::Nanoseconds);
        assert_eq!(columns.times_ms, [7, -1, 0, 1, 2, i64::MAX / MS]);
        let shown = [0.5, 9_007_199_254_740_992.0, 2.5, 0.0];
        assert_eq!(columns.values[..4], shown);
        assert_eq!(columns.values[5], -9_223_372_036_854_775_808.0);
        assert!(columns.values[4].is_nan() && columns.fields.is_empty());
        let places: Vec<usize> = columns.histograms.iter().map(|(at, _)| *at).collect();
        assert_eq!(places, [4]);
    }

    #[test]
    fn times_without_a_tick_are_left_out() {
        let mut columns = Columns::default();
        columns.push(3, 0.5);
        columns.push(5, 1.5);
        columns.push_field(i64::MAX, FieldValue::Integer(1));
        columns.convert_times(1, TimeUnit::Milliseconds, TimeUnit::Nanoseconds);
        assert_eq!(columns.times_ms, [3, 5 * MS]);
        assert!(columns.fields.is_empty());
    }
}
