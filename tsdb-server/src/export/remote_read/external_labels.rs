//! The labels that tell this server from others.

use std::collections::BTreeMap;

use tsdb_core::{Labels, MatchOp, Matcher, MemoryBudget, Result, Series};

/// What the allocator adds to a name and a value, in bytes.
const HEAP_BYTES: usize = 32;

/// The external labels of the configuration.
#[derive(Clone, Debug)]
pub(super) struct ExternalLabels(BTreeMap<String, String>);

impl ExternalLabels {
    /// Those of the configuration; empty ones are none.
    pub(super) fn new(labels: &BTreeMap<String, String>) -> Self {
        let mut labels = labels.clone();
        labels.retain(|_, value| !value.is_empty());
        Self(labels)
    }

    /// Takes the matchers out that all series fulfil by an external label. Prometheus, too, looks at `=` only: others are
    /// put to the labels of the series alone.
    pub(super) fn take_out(&self, matchers: &mut Vec<Matcher>) {
        matchers.retain(|m| {
            let value = self.0.get(m.name());
            m.op() != MatchOp::Equal || value.is_none_or(|value| value != m.value())
        });
    }

    /// The labels of a series with these, sorted by name. Labels that the series has stay as they are.
    pub(super) fn merged<'a>(&'a self, labels: &'a Labels) -> Vec<(&'a str, &'a str)> {
        let mut merged: Vec<_> = labels.iter().collect();
        let own = merged.len();
        let missing = self.0.iter().filter(|(name, _)| labels.get(name).is_none());
        merged.extend(missing.map(|(name, value)| (name.as_str(), value.as_str())));
        if merged.len() > own {
            merged.sort_unstable();
        }
        merged
    }

    /// Brings series that are in the order of their own labels in that of the merged ones.
    ///
    /// # Errors
    /// When there is no memory for copies of their labels.
    pub(super) fn sort(&self, budget: &MemoryBudget, series: &mut [Series]) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let own = self.0.iter().map(|(name, value)| name.len() + value.len());
        let own = bytes_of_pairs(self.0.len(), own.sum());
        let of = |series: &Series| {
            let labels = series.labels();
            (own + bytes_of_pairs(labels.iter().count(), labels.as_bytes().len())) as u64
        };
        let _copies = budget.reserve(series.iter().map(of).sum())?;
        series.sort_by_cached_key(|series| -> Vec<(String, String)> {
            let merged = self.merged(series.labels()).into_iter();
            merged.map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
        });
        Ok(())
    }
}

/// What so many names and values take as strings, in bytes.
fn bytes_of_pairs(pairs: usize, text: usize) -> usize {
    pairs * (size_of::<(String, String)>() + HEAP_BYTES) + text
}

#[cfg(test)]
mod tests {
    use tsdb_core::{Db, Options, TimeRange, WriteBatch};

    use super::*;

    #[test]
    fn matchers_that_hold_by_an_external_label_are_taken_out() {
        let labels = [("cluster", "a"), ("none", "")];
        let labels = labels.map(|(n, v)| (n.to_owned(), v.to_owned()));
        let external = ExternalLabels::new(&labels.into());
        let mut matchers = vec![
            Matcher::equal("cluster", "a"),
            Matcher::equal("cluster", "b"),
            Matcher::equal("none", ""),
            Matcher::equal("job", ""),
            Matcher::not_equal("cluster", "a"),
            Matcher::new(MatchOp::Regex, "cluster", "a").unwrap(),
        ];
        external.take_out(&mut matchers);
        let left: Vec<String> = matchers.iter().map(Matcher::to_string).collect();
        let expected = [
            "cluster=\"b\"",
            "none=\"\"",
            "job=\"\"",
            "cluster!=\"a\"",
            "cluster=~\"a\"",
        ];
        assert_eq!(left, expected);
    }

    #[test]
    fn labels_of_the_series_win() {
        let labels = [("a", "1"), ("cluster", "x")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        let external = ExternalLabels::new(&labels.into());
        let own = Labels::from_pairs([("__name__", "up"), ("cluster", "own"), ("job", "j")]);
        let merged = external.merged(own.as_ref().unwrap());
        assert_eq!(
            merged,
            [
                ("__name__", "up"),
                ("a", "1"),
                ("cluster", "own"),
                ("job", "j")
            ]
        );
    }

    #[test]
    fn sorting_takes_the_memory_of_copies() {
        let db = Db::in_memory(Options::new()).unwrap();
        let mut batch = WriteBatch::new();
        for k in 0..1000 {
            let labels = [("__name__", "m"), ("k", &format!("{k:0100}"))];
            batch.series(labels).unwrap().sample(0, 1.0);
        }
        db.write(&batch).unwrap();
        let matchers = [Matcher::equal("__name__", "m")];
        let mut series = db
            .querier(TimeRange::ALL)
            .unwrap()
            .select(&matchers)
            .unwrap();
        let labels = [("a".to_owned(), "1".to_owned())];
        let external = ExternalLabels::new(&labels.into());
        let (few, many) = (MemoryBudget::new(100_000), MemoryBudget::new(1 << 20));
        let refused = external.sort(&few, &mut series).unwrap_err();
        assert!(refused.is_retryable());
        external.sort(&many, &mut series).unwrap();
        assert_eq!(many.usage().reserved, 0);
        let none = ExternalLabels::new(&BTreeMap::new());
        none.sort(&few, &mut series).unwrap();
    }
}
