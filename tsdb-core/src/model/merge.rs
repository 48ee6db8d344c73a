//! The one place where samples of two sources become one column, and where some are taken out of one.

use std::ops::Range;

use super::field::FieldValue;
use super::ranges::TimeRanges;
use super::sample::{Columns, HistogramSample};
use super::time::TimeRange;

impl Columns {
    /// Merges two parts that are each strictly rising in time, `start..middle` and `middle..`, in place. At equal times
    /// the second part wins, so that sources are appended and merged in order of rising priority.
    ///
    /// What lies before `start` is not looked at. Nothing moves when the second part is wholly newer, and of the first
    /// part only what is not older than the second. A histogram that gets another predecessor does not say any more that
    /// there was no counter reset since that.
    pub(crate) fn merge_tail(&mut self, start: usize, middle: usize) {
        let Some(&first_late_ms) = self.times_ms.get(middle) else {
            return;
        };
        let early = self.times_ms.get(start..middle).unwrap_or_default();
        if early.last().is_none_or(|&last_ms| last_ms < first_late_ms) {
            if !early.is_empty() {
                self.forget_predecessor_of(middle);
            }
            return;
        }
        let from = start + early.partition_point(|&t_ms| t_ms < first_late_ms);
        let has_histograms = self.histograms.last().is_some_and(|(at, _)| *at >= from);
        let has_fields = self.fields.last().is_some_and(|(at, _)| *at >= from);
        if has_histograms || has_fields || self.has_start_times() {
            return self.merge_any(start, from, middle);
        }
        let late_times_ms = self.times_ms.split_off(middle);
        let late_values = self.values.split_off(middle);
        let early_times_ms = self.times_ms.split_off(from);
        let early_values = self.values.split_off(from);
        self.times_ms
            .reserve(early_times_ms.len() + late_times_ms.len());
        self.values
            .reserve(early_times_ms.len() + late_times_ms.len());
        let mut late = late_times_ms.into_iter().zip(late_values).peekable();
        for (t_ms, value) in early_times_ms.into_iter().zip(early_values) {
            while let Some((late_ms, late_value)) = late.next_if(|sample| sample.0 < t_ms) {
                self.push(late_ms, late_value);
            }
            match late.next_if(|sample| sample.0 == t_ms) {
                Some((_, late_value)) => self.push(t_ms, late_value),
                None => self.push(t_ms, value),
            }
        }
        for (late_ms, late_value) in late {
            self.push(late_ms, late_value);
        }
    }

    /// The same with other values than floats, or with start times, in the parts that meet, `from..middle` and `middle..`.
    fn merge_any(&mut self, start: usize, from: usize, middle: usize) {
        let mut late = self.split_off(middle).peekable();
        let mut early = self.split_off(from).peekable();
        // Which part the sample before is of.
        let mut before = (from > start).then_some(Part::Early);
        loop {
            let (part, sample) = match (early.peek(), late.peek()) {
                (Some(e), Some(l)) if e.t_ms < l.t_ms => (Part::Early, early.next()),
                (Some(e), Some(l)) if e.t_ms == l.t_ms => {
                    early.next();
                    (Part::Late, late.next())
                }
                (_, Some(_)) => (Part::Late, late.next()),
                (_, None) => (Part::Early, early.next()),
            };
            let Some(mut sample) = sample else { return };
            if let AnyValue::Histogram(histogram) = &mut sample.value
                && before.is_some_and(|before| before != part)
            {
                histogram.forget_predecessor();
            }
            self.push_any(sample);
            before = Some(part);
        }
    }

    /// Takes out the samples from `start` on whose times are in the set.
    pub(crate) fn remove(&mut self, start: usize, removed: &TimeRanges) {
        let times_ms = self.times_ms.get(start..).unwrap_or_default();
        let (Some(&first), Some(&last)) = (times_ms.first(), times_ms.last()) else {
            return;
        };
        let gaps = removed.overlapping(TimeRange::new(first, last));
        let gaps: Vec<Range<usize>> = gaps
            .map(|gap| {
                let from = times_ms.partition_point(|&t_ms| t_ms < gap.start_ms);
                let to = times_ms.partition_point(|&t_ms| t_ms <= gap.end_ms);
                start + from..start + to
            })
            .filter(|gap| !gap.is_empty())
            .collect();
        take_out(&mut self.times_ms, &gaps);
        take_out(&mut self.values, &gaps);
        take_out_indexed(
            &mut self.histograms,
            &gaps,
            HistogramSample::forget_predecessor,
        );
        take_out_indexed(&mut self.fields, &gaps, |_| {});
        if let Some(starts_ms) = &mut self.starts_ms {
            take_out(starts_ms, &gaps);
        }
    }

    fn forget_predecessor_of(&mut self, index: usize) {
        let found = self.histograms.binary_search_by_key(&index, |(at, _)| *at);
        if let Ok(at) = found
            && let Some((_, histogram)) = self.histograms.get_mut(at)
        {
            histogram.forget_predecessor();
        }
    }

    /// Takes the samples from `len` on away.
    pub(super) fn split_off(&mut self, len: usize) -> impl Iterator<Item = AnySample> + use<> {
        let kept = self.histograms.partition_point(|(at, _)| *at < len);
        let mut histograms = self.histograms.split_off(kept).into_iter().peekable();
        let kept = self.fields.partition_point(|(at, _)| *at < len);
        let mut fields = self.fields.split_off(kept).into_iter().peekable();
        let times_ms = self.times_ms.split_off(len);
        let starts_ms = match &mut self.starts_ms {
            Some(starts_ms) => starts_ms.split_off(len.min(starts_ms.len())),
            None => Vec::new(),
        };
        let starts_ms = starts_ms.into_iter().chain(std::iter::repeat(0));
        let samples = times_ms.into_iter().zip(self.values.split_off(len));
        let samples = samples.zip(starts_ms);
        (len..)
            .zip(samples)
            .map(move |(at, ((t_ms, value), start_ms))| {
                let value = if let Some((_, histogram)) = histograms.next_if(|(of, _)| *of == at) {
                    AnyValue::Histogram(histogram)
                } else if let Some((_, field)) = fields.next_if(|(of, _)| *of == at) {
                    AnyValue::Field(field)
                } else {
                    AnyValue::Float(value)
                };
                AnySample {
                    t_ms,
                    start_ms,
                    value,
                }
            })
    }

    /// Appends a sample that was taken from columns; the caller keeps the times rising.
    pub(super) fn push_any(&mut self, sample: AnySample) {
        match sample.value {
            AnyValue::Float(value) => self.push(sample.t_ms, value),
            AnyValue::Histogram(histogram) => self.push_histogram(sample.t_ms, histogram),
            AnyValue::Field(value) => self.push_field(sample.t_ms, value),
        }
        self.set_start_time(sample.start_ms);
    }

    /// Shortens the columns to their first `len` samples.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.times_ms.truncate(len);
        self.values.truncate(len);
        let kept = self.histograms.partition_point(|(at, _)| *at < len);
        self.histograms.truncate(kept);
        let kept = self.fields.partition_point(|(at, _)| *at < len);
        self.fields.truncate(kept);
        self.starts_ms.iter_mut().for_each(|s| s.truncate(len));
    }
}

/// Takes the elements at these places out; the gaps rise, and may lie behind the end.
fn take_out<T: Copy>(column: &mut Vec<T>, gaps: &[Range<usize>]) {
    let len = column.len();
    let mut end = gaps.first().map_or(len, |first| first.start.min(len));
    for (i, gap) in gaps.iter().enumerate() {
        let next = gaps.get(i + 1).map_or(len, |next| next.start.min(len));
        let from = gap.end.min(len);
        column.copy_within(from..next, end);
        end += next - from;
    }
    column.truncate(end);
}

/// The same of elements with their index. Tells those right behind a gap.
fn take_out_indexed<T>(
    column: &mut Vec<(usize, T)>,
    gaps: &[Range<usize>],
    mut lost_predecessor: impl FnMut(&mut T),
) {
    let (mut passed, mut taken) = (0, 0);
    column.retain_mut(|(at, element)| {
        while let Some(gap) = gaps.get(passed).filter(|gap| gap.end <= *at) {
            taken += gap.len();
            passed += 1;
        }
        let kept = !gaps.get(passed).is_some_and(|gap| gap.contains(at));
        let gap_before = passed.checked_sub(1).and_then(|last| gaps.get(last));
        if gap_before.is_some_and(|gap| gap.end == *at) {
            lost_predecessor(element);
        }
        *at -= taken;
        kept
    });
}

/// Where a sample comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Early,
    Late,
}

/// A sample taken from columns.
pub(super) struct AnySample {
    pub(super) t_ms: i64,
    /// 0 for none.
    pub(super) start_ms: i64,
    pub(super) value: AnyValue,
}

/// Its value.
pub(super) enum AnyValue {
    Float(f64),
    Histogram(HistogramSample),
    Field(FieldValue),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{CounterResetHint, Histogram};

    /// A float by its bits, a histogram by its count, or an integer.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Value {
        Float(u64),
        Histogram(u64),
        Integer(i64),
    }

    /// Some have a start time, which their value tells.
    fn start_of(value: Value) -> Option<i64> {
        let (Value::Float(n) | Value::Histogram(n)) = value else {
            return None;
        };
        let start_ms = (n % 3).cast_signed();
        (start_ms != 0).then_some(start_ms)
    }

    fn part() -> impl Strategy<Value = BTreeMap<i64, Value>> {
        let float = any::<u64>().prop_map(Value::Float).boxed();
        let mixed = prop_oneof![
            float.clone(),
            any::<u64>().prop_map(Value::Histogram),
            any::<i64>().prop_map(Value::Integer),
        ];
        prop_oneof![
            2 => prop::collection::btree_map(0i64..40, float.clone(), 0..30),
            2 => prop::collection::btree_map(0i64..40, mixed.clone(), 0..30),
            1 => prop::collection::btree_map(any::<i64>(), mixed, 0..5),
        ]
    }

    /// As a reader of one source gives them: none but the first of a row of histograms may follow a reset.
    fn push_all(out: &mut Columns, part: &BTreeMap<i64, Value>) {
        let mut hint = CounterResetHint::Unknown;
        for (&t_ms, &value) in part {
            match value {
                Value::Float(bits) => {
                    out.push(t_ms, f64::from_bits(bits));
                    hint = CounterResetHint::Unknown;
                }
                Value::Integer(integer) => {
                    out.push_field(t_ms, FieldValue::Integer(integer));
                    hint = CounterResetHint::Unknown;
                }
                Value::Histogram(count) => {
                    let histogram = Histogram {
                        count,
                        counter_reset_hint: hint,
                        ..Histogram::default()
                    };
                    out.push_histogram(t_ms, histogram.into());
                    hint = CounterResetHint::NotReset;
                }
            }
            out.set_start_time(start_of(value).unwrap_or(0));
        }
    }

    fn values(columns: &Columns) -> Vec<(i64, Value)> {
        let mut histograms = columns.histograms.iter().peekable();
        let mut fields = columns.fields.iter().peekable();
        let samples = columns.times_ms.iter().zip(&columns.values).enumerate();
        let values = samples
            .map(|(i, (&t_ms, value))| {
                let value = match histograms.next_if(|(at, _)| *at == i) {
                    Some((_, HistogramSample::Integer(h))) => Value::Histogram(h.count),
                    Some((_, HistogramSample::Float(_))) => panic!("none was written"),
                    None => match fields.next_if(|(at, _)| *at == i) {
                        Some((_, FieldValue::Integer(integer))) => Value::Integer(*integer),
                        Some(_) => panic!("none was written"),
                        None => Value::Float(value.to_bits()),
                    },
                };
                if columns.starts_ms.is_some() {
                    assert_eq!(columns.start_time_ms(i), start_of(value));
                }
                (t_ms, value)
            })
            .collect();
        assert!(histograms.next().is_none(), "each has its place");
        assert!(fields.next().is_none(), "each has its place");
        values
    }

    /// Who says that there was no reset stands behind the sample that stood before it in one of the sources.
    fn check_hints(columns: &Columns, sources: &[BTreeMap<i64, Value>]) {
        for (at, histogram) in &columns.histograms {
            let HistogramSample::Integer(h) = histogram else {
                continue;
            };
            if h.counter_reset_hint != CounterResetHint::NotReset {
                continue;
            }
            let (before, at) = (columns.times_ms[at - 1], columns.times_ms[*at]);
            let follows = |source: &BTreeMap<i64, Value>| {
                source.range(..at).next_back().map(|(t_ms, _)| *t_ms) == Some(before)
                    && source.get(&at) == Some(&Value::Histogram(h.count))
            };
            assert!(sources.iter().any(follows), "{before} and {at}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(before in part(), parts in prop::collection::vec(part(), 0..4), starts: bool,
            gaps in prop::collection::vec((0i64..40, 0i64..6), 0..5),
        ) {
            let mut out = if starts { Columns::with_start_times() } else { Columns::default() };
            let mut expected = BTreeMap::new();
            push_all(&mut out, &before);
            let start = out.len();
            for part in &parts {
                let middle = out.len();
                push_all(&mut out, part);
                out.merge_tail(start, middle);
                expected.extend(part.iter().map(|(t_ms, value)| (*t_ms, *value)));
            }
            let all: Vec<(i64, Value)> = before.clone().into_iter().chain(expected).collect();
            prop_assert_eq!(values(&out), all.clone());
            let mut sources = parts;
            sources.push(before);
            check_hints(&out, &sources);

            let mut without = out.clone();
            let mut removed = TimeRanges::default();
            for (from, len) in gaps {
                removed.insert(TimeRange::new(from, from + len));
            }
            without.remove(start, &removed);
            let is_left = |(i, (t_ms, _)): &(usize, (i64, Value))| *i < start || !removed.contains(*t_ms);
            let left: Vec<_> = all.iter().copied().enumerate().filter(is_left).map(|(_, sample)| sample).collect();
            prop_assert_eq!(values(&without), left);
            check_hints(&without, &sources);

            let len = out.len() / 2;
            out.truncate(len);
            prop_assert_eq!(values(&out), &all[..len]);
        }
    }
}
