//! What is kept, and for how long.

use std::time::Duration;

use crate::codec::crc::crc32;
use crate::codec::push_selectors;
use crate::error::{Error, Result};
use crate::model::{Labels, Matcher, TimeUnit};
use crate::options::millis;

/// Most classes that a store may have beside the default.
const MAX_CLASSES: usize = 8;

/// The class of a series that no other class takes.
const DEFAULT_CLASS: u8 = 0;

/// The same for a series of nanoseconds.
const NANOSECONDS_CLASS: u8 = u8::MAX;

/// What is kept, and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// How long samples are kept that no class takes, measured back from the newest sample; `None` for ever.
    pub age: Option<Duration>,
    /// The most bytes that files and write-ahead log may have; beyond it the oldest files go. `None` for no limit.
    pub size_bytes: Option<u64>,
    /// Series of nanoseconds that no class takes are kept for ever, whatever the age above: who writes them deletes what is
    /// to go, see [`Db::delete_nanoseconds`](crate::Db::delete_nanoseconds).
    pub keep_nanoseconds: bool,
    /// Series with an age of their own, at most 8 classes. A series is of the first class that takes it.
    pub classes: Vec<RetentionClass>,
}

/// Series with an age of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionClass {
    /// It takes the series that match all of these; at least one.
    pub matchers: Vec<Matcher>,
    /// How long their samples are kept, measured back from the newest sample of the store; `None` for ever.
    pub age: Option<Duration>,
}

impl Retention {
    /// Whether a store takes it.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] with what is wrong.
    pub fn check(&self) -> Result<()> {
        let bad = |name, reason: &str| {
            Err(Error::InvalidOption {
                name,
                reason: reason.to_owned(),
            })
        };
        if self.age.is_some_and(|age| millis(age) == 0) {
            return bad("retention", "must be positive; None keeps samples for ever");
        }
        if self.size_bytes == Some(0) {
            return bad("retention_size", "must be positive; None is no limit");
        }
        if self.classes.len() > MAX_CLASSES {
            return bad("retention_class", "there are more than 8 classes");
        }
        for class in &self.classes {
            if class.matchers.is_empty() {
                return bad("retention_class", "a class has no matcher");
            }
            if class.age.is_some_and(|age| millis(age) == 0) {
                return bad(
                    "retention_class",
                    "age must be positive; None keeps samples for ever",
                );
            }
        }
        Ok(())
    }

    /// The class of a series: the place from 1 of the class that takes it, or one of those that no class takes.
    /// `labels` are asked for where there are classes.
    pub(crate) fn class_of(&self, unit: TimeUnit, labels: impl FnOnce() -> Labels) -> u8 {
        let place = match self.classes.is_empty() {
            true => None,
            false => {
                let labels = labels();
                let value = |matcher: &Matcher| labels.get(matcher.name()).unwrap_or("");
                let takes = |class: &RetentionClass| {
                    let mut matchers = class.matchers.iter();
                    matchers.all(|matcher| matcher.matches(value(matcher)))
                };
                self.classes.iter().position(takes)
            }
        };
        match (place, unit) {
            (Some(place), _) => place as u8 + 1, // at most MAX_CLASSES
            (None, TimeUnit::Milliseconds) => DEFAULT_CLASS,
            (None, TimeUnit::Nanoseconds) => NANOSECONDS_CLASS,
        }
    }

    /// Tells the matchers of the classes from others; 0 without classes.
    pub(crate) fn checksum(&self) -> u32 {
        if self.classes.is_empty() {
            return 0;
        }
        let mut bytes = Vec::new();
        let selectors = self.classes.iter().map(|class| &*class.matchers);
        push_selectors(&mut bytes, selectors);
        crc32(&[], &bytes).max(1)
    }

    /// What is older has expired, in milliseconds; `None` when nothing has. `class` was told by matchers with this checksum.
    /// Ages count back from `reference_ms`.
    ///
    /// Of a class that was told by other matchers nobody knows which it would be now: its age is the longest.
    pub(crate) fn cutoff_ms(&self, class: u8, checksum: u32, reference_ms: i64) -> Option<i64> {
        let age = match class {
            DEFAULT_CLASS => self.age,
            NANOSECONDS_CLASS if self.keep_nanoseconds => None,
            NANOSECONDS_CLASS => self.age,
            _ if checksum != self.checksum() => self.longest_age(),
            _ => self
                .classes
                .get(usize::from(class) - 1)
                .and_then(|class| class.age),
        };
        age.map(|age| reference_ms.saturating_sub(millis(age)))
    }

    /// What is older has expired whatever its class.
    pub(crate) fn last_cutoff_ms(&self, reference_ms: i64) -> Option<i64> {
        if self.keep_nanoseconds {
            return None;
        }
        let age = self.longest_age()?;
        Some(reference_ms.saturating_sub(millis(age)))
    }

    /// What is not older is kept whatever its class.
    pub(crate) fn first_cutoff_ms(&self, reference_ms: i64) -> Option<i64> {
        let shortest = self.ages().flatten().min()?;
        Some(reference_ms.saturating_sub(millis(shortest)))
    }

    /// `None` for ever.
    fn longest_age(&self) -> Option<Duration> {
        let ages: Option<Vec<Duration>> = self.ages().collect();
        ages?.into_iter().max()
    }

    fn ages(&self) -> impl Iterator<Item = Option<Duration>> {
        let classes = self.classes.iter().map(|class| class.age);
        classes.chain([self.age])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MatchOp;

    fn days(n: u64) -> Option<Duration> {
        Some(Duration::from_secs(n * 86_400))
    }

    fn class(job: &str, age: Option<Duration>) -> RetentionClass {
        RetentionClass {
            matchers: vec![Matcher::new(MatchOp::Regex, "job", job).unwrap()],
            age,
        }
    }

    #[test]
    fn a_series_is_of_the_first_class_that_takes_it() {
        const DAY: i64 = 86_400_000;
        let retention = Retention {
            age: days(3),
            classes: vec![class("a.*", days(1)), class("a|b", None)],
            ..Retention::default()
        };
        let of_unit = |job, unit| {
            let labels = Labels::from_pairs([("job", job)]).unwrap();
            retention.class_of(unit, || labels)
        };
        let class_of = |job| of_unit(job, TimeUnit::Milliseconds);
        assert_eq!(["a", "b", "c"].map(class_of), [1, 2, 0]);
        let checksum = retention.checksum();
        let cutoff = |class, checksum| retention.cutoff_ms(class, checksum, 10 * DAY);
        assert_eq!(cutoff(0, checksum), Some(7 * DAY));
        assert_eq!(cutoff(1, checksum), Some(9 * DAY));
        assert_eq!(cutoff(2, checksum), None);
        assert_eq!(cutoff(1, checksum + 1), None, "the longest: for ever");
        assert_eq!(cutoff(0, 0), Some(7 * DAY));
        let fine = ["a", "c"].map(|job| of_unit(job, TimeUnit::Nanoseconds));
        assert_eq!(fine, [1, NANOSECONDS_CLASS]);
        assert_eq!(cutoff(NANOSECONDS_CLASS, checksum), Some(7 * DAY));
        assert_eq!(retention.last_cutoff_ms(10 * DAY), None);
        assert_eq!(retention.first_cutoff_ms(10 * DAY), Some(9 * DAY));
        let mut other = retention.clone();
        other.classes[1].age = days(9);
        assert_eq!(other.checksum(), checksum, "ages may change");
        assert_eq!(other.last_cutoff_ms(10 * DAY), Some(DAY));
        other.keep_nanoseconds = true;
        assert_eq!(other.cutoff_ms(NANOSECONDS_CLASS, 0, 10 * DAY), None);
        assert_eq!(other.cutoff_ms(1, checksum + 1, 10 * DAY), Some(DAY));
        assert_eq!(other.last_cutoff_ms(10 * DAY), None);
        other.classes.swap(0, 1);
        assert_ne!(other.checksum(), checksum);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let with = |classes| Retention {
            classes,
            ..Retention::default()
        };
        assert!(with(vec![class("a", None); 8]).check().is_ok());
        assert!(with(vec![class("a", None); 9]).check().is_err());
        assert!(with(vec![class("a", days(0))]).check().is_err());
        let mut empty = class("a", None);
        empty.matchers.clear();
        assert!(with(vec![empty]).check().is_err());
        let size_bytes = Some(0);
        let retention = Retention {
            size_bytes,
            ..Retention::default()
        };
        assert!(retention.check().is_err());
    }
}
