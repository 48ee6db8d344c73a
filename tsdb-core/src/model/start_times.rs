//! Since when samples count, as run lengths: neighbours mostly have the same start time, so that only changes are kept.

use super::sample::Columns;

/// Samples from one time on have this start time, up to the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StartRun {
    /// Time of the first of the samples, in milliseconds.
    pub(crate) from_ms: i64,
    /// Their start time in milliseconds, 0 for none.
    pub(crate) start_ms: i64,
}

/// The start times of samples of one series, in order of time. Samples before the first run have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StartRuns(Vec<StartRun>);

impl StartRuns {
    /// Takes in a sample behind the others; `start_ms` is 0 if it has no start time.
    pub(crate) fn push(&mut self, t_ms: i64, start_ms: i64) {
        if self.0.last().map_or(0, |run| run.start_ms) != start_ms {
            self.0.push(StartRun {
                from_ms: t_ms,
                start_ms,
            });
        }
    }

    /// Takes in all samples of `columns`, which are behind the others.
    pub(crate) fn extend(&mut self, columns: &Columns) {
        if self.0.is_empty() && !columns.has_start_times() {
            return;
        }
        for (&t_ms, start_ms) in columns.times_ms.iter().zip(columns.start_times_from(0)) {
            self.push(t_ms, start_ms);
        }
    }

    /// The runs, rising in time.
    pub(crate) fn as_slice(&self) -> &[StartRun] {
        &self.0
    }

    /// Takes the runs of the samples inside `min_ms..=max_ms`. What is not newer is gone then, but for the start time that
    /// later samples go on with.
    pub(crate) fn take(&mut self, min_ms: i64, max_ms: i64) -> Vec<StartRun> {
        let end = self.0.partition_point(|run| run.from_ms <= max_ms);
        let mut taken = self.0.get(..end).unwrap_or_default().to_vec();
        self.0.drain(..end.saturating_sub(1));
        let before = taken.partition_point(|run| run.from_ms <= min_ms);
        taken.drain(..before.saturating_sub(1));
        if let Some(first) = taken.first_mut() {
            first.from_ms = first.from_ms.max(min_ms);
            if first.start_ms == 0 {
                taken.remove(0);
            }
        }
        taken
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<StartRun>()
    }
}

impl From<&[StartRun]> for StartRuns {
    fn from(runs: &[StartRun]) -> Self {
        Self(runs.to_vec())
    }
}

/// Start times of columns. They are a list that ends with the last sample that has one, and is not there if nobody asks.
impl Columns {
    /// Empty columns that are to get the start times of samples too, where those have one.
    #[must_use]
    pub fn with_start_times() -> Self {
        Self {
            starts_ms: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// Takes the samples out; what stays is empty, and is to get start times if it was before.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let empty = Self {
            starts_ms: self.starts_ms.as_ref().map(|_| Vec::new()),
            ..Self::default()
        };
        std::mem::replace(self, empty)
    }

    /// The start time of the sample at `index` in milliseconds, if it has one.
    #[must_use]
    pub fn start_time_ms(&self, index: usize) -> Option<i64> {
        let start_ms = self.starts_ms.as_ref()?.get(index).copied();
        start_ms.filter(|&start_ms| start_ms != 0)
    }

    /// Time and start time, in milliseconds, of the samples that have one.
    pub fn start_times(&self) -> impl Iterator<Item = (i64, i64)> {
        let starts_ms = self.starts_ms.iter().flatten().copied();
        let samples = self.times_ms.iter().copied().zip(starts_ms);
        samples.filter(|(_, start_ms)| *start_ms != 0)
    }

    /// Says since when the sample that was appended last counts, in milliseconds; 0 for not known. Of no effect on columns
    /// [without start times](Self::with_start_times).
    pub fn set_start_time(&mut self, start_ms: i64) {
        if start_ms != 0
            && let Some(starts_ms) = &mut self.starts_ms
        {
            starts_ms.resize(self.times_ms.len(), 0);
            if let Some(last_ms) = starts_ms.last_mut() {
                *last_ms = start_ms;
            }
        }
    }

    /// Gives the samples from index `from` on the start times that `runs` tell, if these columns are to have any.
    pub(crate) fn set_start_times(&mut self, from: usize, runs: &[StartRun]) {
        let Some(starts_ms) = &mut self.starts_ms else {
            return;
        };
        let times_ms = self.times_ms.get(from..).unwrap_or_default();
        let (Some(first_ms), Some(last_ms)) = (times_ms.first(), times_ms.last()) else {
            return;
        };
        let before = runs.partition_point(|run| run.from_ms <= *first_ms);
        let runs = runs.get(before.saturating_sub(1)..).unwrap_or_default();
        if runs.first().is_none_or(|run| run.from_ms > *last_ms) {
            return;
        }
        starts_ms.resize(from, 0);
        let mut runs = runs.iter().peekable();
        let mut start_ms = 0;
        for t_ms in times_ms {
            while let Some(run) = runs.next_if(|run| run.from_ms <= *t_ms) {
                start_ms = run.start_ms;
            }
            starts_ms.push(start_ms);
        }
    }

    /// Whether a sample has a start time, or may have one.
    pub(crate) fn has_start_times(&self) -> bool {
        self.starts_ms.as_ref().is_some_and(|s| !s.is_empty())
    }

    /// The start times of the samples from index `from` on, 0 for none, and zeros without end.
    pub(super) fn start_times_from(&self, from: usize) -> impl Iterator<Item = i64> {
        let starts_ms = self.starts_ms.iter().flatten().copied().skip(from);
        starts_ms.chain(std::iter::repeat(0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn samples() -> impl Strategy<Value = Vec<(i64, i64)>> {
        let sample = (1i64..9, prop::sample::select(vec![0, 0, 7, 8, -1]));
        prop::collection::vec(sample, 0..40).prop_map(|gaps| {
            let mut t_ms = 0;
            let times = gaps.into_iter().map(move |(gap, start_ms)| {
                t_ms += gap;
                (t_ms, start_ms)
            });
            times.collect()
        })
    }

    fn columns(samples: &[(i64, i64)]) -> Columns {
        let mut columns = Columns::with_start_times();
        for &(t_ms, start_ms) in samples {
            columns.push(t_ms, 1.0);
            columns.set_start_time(start_ms);
        }
        columns
    }

    fn known(samples: &[(i64, i64)]) -> Vec<(i64, i64)> {
        let known = samples.iter().filter(|sample| sample.1 != 0);
        known.copied().collect()
    }

    proptest! {
        #[test]
        fn runs_tell_what_the_samples_have(all in samples(), split: prop::sample::Index, before in samples()) {
            prop_assert_eq!(columns(&all).start_times().collect::<Vec<_>>(), known(&all));
            let mut runs = StartRuns::default();
            let (first, rest) = all.split_at(split.index(all.len() + 1));
            runs.extend(&columns(first));
            runs.extend(&columns(rest));

            // In whatever part it is read, behind whatever is there.
            for part in [&all[..], first, rest] {
                let mut out = columns(&before);
                let from = out.len();
                part.iter().for_each(|sample| out.push(sample.0, 2.0));
                out.set_start_times(from, runs.as_slice());
                let expected = [known(&before), known(part)].concat();
                prop_assert_eq!(out.start_times().collect::<Vec<_>>(), expected);
            }

            // And in parts that are taken one after the other.
            for part in [first, rest] {
                let (Some(min), Some(max)) = (part.first(), part.last()) else { continue };
                let taken = runs.take(min.0, max.0);
                let inside = |run: &StartRun| part.iter().any(|sample| sample.0 == run.from_ms);
                prop_assert!(taken.iter().all(inside));
                let mut alone = StartRuns::default();
                alone.extend(&columns(part));
                prop_assert_eq!(taken, alone.0);
            }
        }
    }

    #[test]
    fn who_does_not_ask_gets_none() {
        let mut out = Columns::default();
        out.push(5, 1.0);
        out.set_start_time(3);
        let run = StartRun {
            from_ms: 0,
            start_ms: 3,
        };
        out.set_start_times(0, &[run]);
        assert_eq!(out.start_time_ms(0), None);
    }
}
