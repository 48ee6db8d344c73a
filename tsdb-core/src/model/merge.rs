//! The one place where samples of two sources become one column.

use super::sample::Columns;

impl Columns {
    /// Merges two parts that are each strictly rising in time, `start..middle` and `middle..`, in place. At equal times
    /// the second part wins, so that sources are appended and merged in order of rising priority.
    ///
    /// What lies before `start` is not looked at. Nothing moves when the second part is wholly newer, and of the first
    /// part only what is not older than the second.
    pub(crate) fn merge_tail(&mut self, start: usize, middle: usize) {
        let Some(&first_late_ms) = self.times_ms.get(middle) else {
            return;
        };
        let early = self.times_ms.get(start..middle).unwrap_or_default();
        if early.last().is_none_or(|&last_ms| last_ms < first_late_ms) {
            return;
        }
        let from = start + early.partition_point(|&t_ms| t_ms < first_late_ms);
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

    /// Shortens the columns to their first `len` samples.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.times_ms.truncate(len);
        self.values.truncate(len);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn part() -> impl Strategy<Value = BTreeMap<i64, u64>> {
        prop_oneof![
            prop::collection::btree_map(0i64..40, any::<u64>(), 0..30),
            prop::collection::btree_map(any::<i64>(), any::<u64>(), 0..5),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(before in part(), parts in prop::collection::vec(part(), 0..4)) {
            let mut out = Columns::default();
            let mut expected = BTreeMap::new();
            for (&t_ms, &bits) in &before {
                out.push(t_ms, f64::from_bits(bits));
            }
            let start = out.len();
            for part in parts {
                let middle = out.len();
                for (&t_ms, &bits) in &part {
                    out.push(t_ms, f64::from_bits(bits));
                }
                out.merge_tail(start, middle);
                expected.extend(part);
            }
            let got: Vec<(i64, u64)> = out
                .times_ms
                .iter()
                .zip(&out.values)
                .map(|(&t_ms, value)| (t_ms, value.to_bits()))
                .collect();
            let all: Vec<(i64, u64)> = before.into_iter().chain(expected).collect();
            prop_assert_eq!(got, all);
        }
    }
}
