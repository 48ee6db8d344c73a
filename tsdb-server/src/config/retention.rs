//! What is kept and for how long, as the configuration file says it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tsdb_core::{Matcher, Retention, RetentionClass};
use tsdb_query::parse::{ParseOptions, parse_selector};

use crate::{bytes, duration};

/// How long samples are kept where neither flag nor file says.
pub(super) const DEFAULT_TIME: Duration = Duration::from_secs(15 * 24 * 3600);

/// The key `retention`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetentionKeys {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<Size>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<Class>,
}

/// Series that are kept for another time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Class {
    #[serde(rename = "match")]
    selector: Selector,
    time: Time,
}

/// 0 is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Time(Duration);

/// In bytes; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Size(u64);

/// As in PromQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Selector {
    text: String,
    matchers: Vec<Matcher>,
}

impl RetentionKeys {
    /// Takes in what the flags say, then the defaults.
    ///
    /// # Errors
    /// When a setting stands in both, or the store does not take it.
    pub(super) fn complete(
        &mut self,
        time_flag: Option<Duration>,
        size_flag: Option<u64>,
    ) -> Result<(), String> {
        let twice = |name| {
            format!("retention.{name} and --storage.tsdb.retention.{name} are the same setting")
        };
        if self.time.is_some() && time_flag.is_some() {
            return Err(twice("time"));
        }
        if self.size.is_some() && size_flag.is_some() {
            return Err(twice("size"));
        }
        self.time = Some(self.time.unwrap_or(Time(time_flag.unwrap_or(DEFAULT_TIME))));
        self.size = self.size.or(size_flag.map(Size));
        self.of_store().check().map_err(|e| e.to_string())
    }

    /// For the store.
    pub(crate) fn of_store(&self) -> Retention {
        let classes = self.classes.iter().map(|class| RetentionClass {
            matchers: class.selector.matchers.clone(),
            age: class.time.age(),
        });
        Retention {
            age: self.time.and_then(Time::age),
            size_bytes: self.size.map(|size| size.0).filter(|bytes| *bytes > 0),
            keep_nanoseconds: true, // of InfluxDB, whose retention policies say how long
            classes: classes.collect(),
        }
    }
}

impl Time {
    fn age(self) -> Option<Duration> {
        (!self.0.is_zero()).then_some(self.0)
    }
}

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        duration::parse(&text).map(Self)
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        duration::format(time.0)
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        bytes::parse(&text).map(Self)
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        bytes::format(size.0)
    }
}

impl TryFrom<String> for Selector {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let matchers =
            parse_selector(&text, &ParseOptions::default()).map_err(|e| e.to_string())?;
        if matchers.iter().all(Matcher::matches_empty) {
            return Err(format!(
                "{text:?} needs a matcher that the empty value does not satisfy"
            ));
        }
        Ok(Self { text, matchers })
    }
}

impl From<Selector> for String {
    fn from(selector: Selector) -> Self {
        selector.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn keys(yaml: &str) -> Result<RetentionKeys, String> {
        serde_saphyr::from_str(yaml).map_err(|e| e.to_string())
    }

    #[test]
    fn the_file_the_flags_or_the_defaults_say_it() {
        let of = |yaml: &str, time, size| {
            let mut keys = keys(yaml)?;
            keys.complete(time, size)?;
            Ok::<_, String>(keys.of_store())
        };
        let retention = |days: u32, size_bytes| Retention {
            age: (days > 0).then_some(days * DAY),
            size_bytes,
            keep_nanoseconds: true,
            classes: Vec::new(),
        };
        assert_eq!(of("{}", None, None).unwrap(), retention(15, None));
        assert_eq!(
            of("time: 0\nsize: 0", None, None).unwrap(),
            retention(0, None)
        );
        assert_eq!(
            of("size: 1KB", Some(2 * DAY), None).unwrap(),
            retention(2, Some(1024))
        );
        assert_eq!(
            of("time: 3d", None, Some(7)).unwrap(),
            retention(3, Some(7))
        );
        let refused = of("time: 3d", Some(3 * DAY), None).unwrap_err();
        assert!(
            refused.contains("--storage.tsdb.retention.time"),
            "{refused}"
        );
        let refused = of("size: 0", None, Some(0)).unwrap_err();
        assert!(
            refused.contains("--storage.tsdb.retention.size"),
            "{refused}"
        );
        let class = "\n  - {match: 'up', time: 1d}";
        assert!(of(&format!("classes:{}", class.repeat(8)), None, None).is_ok());
        let refused = of(&format!("classes:{}", class.repeat(9)), None, None).unwrap_err();
        assert!(refused.contains("more than 8"), "{refused}");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let yaml = "time: 30d\nsize: 500GB\nclasses:\n  - match: '{job=\"a\",x!~\"b.*\"}'\n    time: 0\n  - {match: up, time: 1h}\n";
        let mut read = keys(yaml).unwrap();
        assert_eq!(
            keys(&serde_saphyr::to_string(&read).unwrap()).unwrap(),
            read
        );
        read.complete(None, None).unwrap();
        let classes = read.of_store().classes;
        let ages: Vec<_> = classes.iter().map(|class| class.age).collect();
        assert_eq!(ages, [None, Some(Duration::from_secs(3600))]);
        assert_eq!(classes[0].matchers.len(), 2);
        assert_eq!(classes[1].matchers, [Matcher::equal("__name__", "up")]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in [
            "time: soon",
            "size: big",
            "classes: [{match: '{', time: 1d}]",
            "classes: [{match: '{}', time: 1d}]",
            "classes: [{match: '{a=\"\"}', time: 1d}]",
            "classes: [{match: up}]",
            "classes: [{time: 1d}]",
            "classes: [{match: up, time: 1d, size: 1}]",
            "tim: 1d",
        ] {
            assert!(keys(bad).is_err(), "{bad}");
        }
    }
}
