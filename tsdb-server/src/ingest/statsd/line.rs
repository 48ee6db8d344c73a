//! A line: `name:value[:value…]|type[|@rate][|#tag,key:value,…]`.
//!
//! | type | is |
//! |---|---|
//! | `c` | an addition to a counter |
//! | `g` | the value of a gauge, or a change of it where the value has a sign |
//! | `ms` | a duration in milliseconds |
//! | `h`, `d` | a value of a histogram |
//! | `s` | a member of a set |
//!
//! Other parts, such as DogStatsD's container and time, are passed over. Its events and service checks are no metrics.

/// The longest name with all tags, in bytes.
const MAX_NAME_BYTES: usize = 4_096;

/// What a line says of a metric.
#[derive(Debug, PartialEq)]
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    /// Keys and values as they were sent.
    pub(super) tags: Vec<(&'a str, &'a str)>,
    pub(super) kind: Kind,
    /// At least one.
    pub(super) values: Vec<Value<'a>>,
    /// What share of what happened was sent, at most 1.
    pub(super) rate: f64,
}

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Timer,
    Histogram,
    Set,
}

/// A value of a line.
#[derive(Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// Finite.
    Number(f64),
    /// Of a gauge, with a sign: a change.
    Change(f64),
    /// Of a set.
    Member(&'a str),
}

/// The least share of what happened that may have been sent.
const MIN_RATE: f64 = 1e-9;

/// The value of a tag that has none.
const NO_VALUE: &str = "true";

/// Reads a line.
///
/// # Errors
/// Why it is none.
pub(super) fn parse(line: &[u8]) -> Result<Line<'_>, String> {
    let text = std::str::from_utf8(line).map_err(|_| "not UTF-8".to_owned())?;
    if text.starts_with("_e{") || text.starts_with("_sc|") {
        return Err("an event or a service check, which is no metric".to_owned());
    }
    let mut parts = text.split('|');
    let head = parts.next().unwrap_or("");
    let (name, values) = head.split_once(':').ok_or("there is no value")?;
    let kind = parts.next().ok_or("there is no type")?;
    let kind = match kind {
        "c" => Kind::Counter,
        "g" => Kind::Gauge,
        "ms" => Kind::Timer,
        "h" | "d" => Kind::Histogram,
        "s" => Kind::Set,
        _ => return Err(format!("type {kind:?} is not known")),
    };
    if name.is_empty() {
        return Err("there is no name".to_owned());
    }
    let mut line = Line {
        name,
        tags: Vec::new(),
        kind,
        values: Vec::new(),
        rate: 1.0,
    };
    let mut named = name.len();
    for part in parts {
        if let Some(rate) = part.strip_prefix('@') {
            let parsed = rate.parse().ok();
            line.rate = parsed
                .filter(|rate| (MIN_RATE..=1.0).contains(rate))
                .ok_or_else(|| format!("sample rate {rate:?} is not from {MIN_RATE} to 1"))?;
        } else if let Some(tags) = part.strip_prefix('#') {
            named += tags.len();
            let tags = tags.split(',').filter(|tag| !tag.is_empty());
            line.tags
                .extend(tags.map(|tag| tag.split_once(':').unwrap_or((tag, NO_VALUE))));
        }
    }
    if named > MAX_NAME_BYTES {
        return Err(format!(
            "name and tags are longer than {MAX_NAME_BYTES} bytes"
        ));
    }
    let values: Result<_, _> = values.split(':').map(|text| value(kind, text)).collect();
    line.values = values?;
    Ok(line)
}

fn value(kind: Kind, text: &str) -> Result<Value<'_>, String> {
    if kind == Kind::Set {
        return Ok(Value::Member(text));
    }
    let number: Option<f64> = text.parse().ok();
    let number = number.filter(|number| number.is_finite());
    let number = number.ok_or_else(|| format!("value {text:?} is not a number"))?;
    if kind == Kind::Gauge && text.starts_with(['+', '-']) {
        return Ok(Value::Change(number));
    }
    Ok(Value::Number(number))
}

/// A line is an error, or has a name and a value.
#[cfg(fuzzing)]
pub(crate) fn fuzz(datagram: &[u8]) {
    for line in datagram.split(|byte| *byte == b'\n') {
        if let Ok(line) = parse(line) {
            assert!(!line.name.is_empty() && !line.values.is_empty());
            assert!((MIN_RATE..=1.0).contains(&line.rate));
        }
    }
    super::Aggregate::default().take(datagram, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line<'_> {
        parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn lines_are_read() {
        let plain = line("api.requests:1|c");
        assert_eq!((plain.name, plain.kind), ("api.requests", Kind::Counter));
        assert_eq!((plain.values, plain.rate), (vec![Value::Number(1.0)], 1.0));
        let tagged = line("t:320.5:7|ms|@0.1|#env:eu:1,fast,,k:|c:in-83|T1700000000");
        assert_eq!(tagged.tags, [("env", "eu:1"), ("fast", "true"), ("k", "")]);
        assert_eq!(tagged.values, [Value::Number(320.5), Value::Number(7.0)]);
        assert_eq!(tagged.rate, 0.1);
        let gauges = [
            ("g:3|g", Value::Number(3.0)),
            ("g:-3|g", Value::Change(-3.0)),
        ];
        for (text, value) in gauges {
            assert_eq!(line(text).values, [value]);
        }
        assert_eq!(line("s:+x y|s").values, [Value::Member("+x y")]);
        assert_eq!(line("n:-1|c").values, [Value::Number(-1.0)]);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, reason) in [
            ("", "no value"),
            ("a", "no value"),
            ("a:1", "no type"),
            (":1|c", "no name"),
            ("a:1|x", "type \"x\""),
            ("a:|c", "value \"\""),
            ("a:one|c", "value \"one\""),
            ("a:1:|c", "value \"\""),
            ("a:NaN|g", "value \"NaN\""),
            ("a:1e999|g", "value \"1e999\""),
            ("a:1|c|@0", "sample rate"),
            ("a:1|c|@1.5", "sample rate"),
            ("a:1|c|@x", "sample rate"),
            ("_e{1,1}:a|b", "event"),
            ("_sc|a|0", "service check"),
        ] {
            let fault = parse(text.as_bytes()).unwrap_err();
            assert!(fault.contains(reason), "{text}: {fault}");
        }
        assert!(parse(b"a\xff:1|c").unwrap_err().contains("UTF-8"));
        let long = format!("a:1|c|#{}", "x".repeat(5_000));
        assert!(parse(long.as_bytes()).unwrap_err().contains("4096"));
    }
}
