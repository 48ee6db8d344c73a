//! The rules for the samples of a histogram at one time.

use super::lex::float;
use super::strict::Broken;

/// The samples of a histogram, or of a gauge histogram, at one time; other types have none.
#[derive(Debug, Default)]
pub(super) struct Point {
    /// The last bucket: its upper bound and its count.
    last: Option<(f64, f64)>,
    has_negative: bool,
    count: Option<f64>,
    sum: Option<Sum>,
}

/// A sum of observations.
#[derive(Clone, Copy, Debug)]
enum Sum {
    /// `_sum`, which can only rise, so that there are no negative observations.
    Counter,
    /// `_gsum`.
    Gauge(f64),
}

impl Point {
    /// Adds a sample; `bound` is the label `le` of a bucket.
    pub(super) fn add(
        &mut self,
        suffix: &str,
        bound: Option<&str>,
        value: f64,
    ) -> Result<(), Broken> {
        match (suffix, bound) {
            ("_bucket", Some(bound)) => return self.bucket(bound, value),
            ("_count" | "_gcount", _) => self.count = Some(value),
            ("_sum", _) => self.sum = Some(Sum::Counter),
            ("_gsum", _) => self.sum = Some(Sum::Gauge(value)),
            _ => {}
        }
        Ok(())
    }

    fn bucket(&mut self, bound: &str, count: f64) -> Result<(), Broken> {
        let le = float(bound).filter(|le| !le.is_nan() && (le.is_finite() || bound == "+Inf"));
        let Some(le) = le else {
            return Err(format!("le={bound:?} is neither a number nor +Inf").into());
        };
        if let Some((last_le, last_count)) = self.last {
            if le <= last_le {
                return Err("the bounds of the buckets do not rise".into());
            }
            if count < last_count {
                return Err("the counts of the buckets fall".into());
            }
        }
        self.has_negative |= le < 0.0;
        self.last = Some((le, count));
        Ok(())
    }

    /// Checks the samples together.
    pub(super) fn end(self) -> Result<(), Broken> {
        if self.last.is_none() && self.count.is_none() && self.sum.is_none() {
            return Ok(());
        }
        let Some((f64::INFINITY, all)) = self.last else {
            return Err("a histogram has no bucket le=\"+Inf\"".into());
        };
        if self.count.is_some_and(|count| count != all) {
            return Err("the count is not that of the bucket le=\"+Inf\"".into());
        }
        match self.sum {
            Some(Sum::Counter) if self.has_negative => {
                Err("a histogram with negative buckets has no sum".into())
            }
            Some(Sum::Gauge(sum)) if sum < 0.0 && !self.has_negative => {
                Err("the sum is negative, and no bucket is".into())
            }
            sum if sum.is_some() == self.count.is_some() || self.has_negative => Ok(()),
            _ => Err("a histogram has both a count and a sum, or neither".into()),
        }
    }
}
