//! Lines against anything, and what the verdicts of InfluxDB do not show.

use proptest::prelude::*;

use super::*;

fn parse(line: &str) -> Result<Point<'_>, LineError> {
    Point::parse(line.as_bytes(), Precision::Nanoseconds)
}

/// Text with what has a meaning in it.
fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec![
            "a", "b", "=", ",", " ", "\\", "\"", "\n", "1", "i", "é", "#",
        ]),
        1..8,
    )
    .prop_map(|parts| parts.concat())
}

/// Text that can stand in a key: nothing ends in a backslash, which would take the meaning off what follows.
fn key() -> impl Strategy<Value = String> {
    text().prop_filter("no newline and no backslash", |text| {
        !text.contains(['\n', '\\', '#']) && !text.starts_with(' ')
    })
}

fn value() -> impl Strategy<Value = FieldValue<'static>> {
    prop_oneof![
        any::<i64>().prop_map(FieldValue::Integer),
        any::<bool>().prop_map(FieldValue::Boolean),
        (-1e300..1e300).prop_map(FieldValue::Float),
        text().prop_map(|text| FieldValue::String(text.into())),
    ]
}

fn written(value: &FieldValue<'_>) -> String {
    match value {
        FieldValue::Float(number) => format!("{number}"),
        FieldValue::Integer(number) => format!("{number}i"),
        FieldValue::Boolean(value) => value.to_string(),
        FieldValue::String(text) => {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for line in lines(&bytes) {
            let _ = Point::parse(line, Precision::Hours);
        }
    }

    #[test]
    fn anything_that_looks_like_a_line_is_an_answer(parts in prop::collection::vec(text(), 0..6)) {
        let body = parts.join(" ");
        for line in lines(body.as_bytes()) {
            let _ = Point::parse(line, Precision::Milliseconds);
        }
    }

    #[test]
    fn what_is_written_with_escapes_comes_back(
        measurement in key(),
        tags in prop::collection::btree_map(key(), key(), 0..3),
        fields in prop::collection::vec((key(), value()), 1..4),
        t_ns in crate::MIN_TIME_NS..=crate::MAX_TIME_NS,
    ) {
        let pairs = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let mut line = escape_key(&measurement, pairs);
        for (i, (key, value)) in fields.iter().enumerate() {
            line.push(if i == 0 { ' ' } else { ',' });
            let key = escape_key("", [(key.as_str(), "")]);
            let key = key.strip_prefix(',').and_then(|key| key.strip_suffix('='));
            line.push_str(key.unwrap());
            line.push('=');
            line.push_str(&written(value));
        }
        line.push_str(&format!(" {t_ns}"));
        let found: Vec<&[u8]> = lines(line.as_bytes()).collect();
        prop_assert_eq!(&found, &[line.as_bytes()]);
        let point = parse(&line).map_err(|e| TestCaseError::fail(format!("{e}: {line}")))?;
        prop_assert_eq!(&*point.measurement, &measurement);
        let found: Vec<(&str, &str)> = point.tags.iter().map(|(k, v)| (&**k, &**v)).collect();
        let expected: Vec<(&str, &str)> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        prop_assert_eq!(found, expected);
        let found: Vec<(&str, &FieldValue<'_>)> = point.fields.iter().map(|(k, v)| (&**k, v)).collect();
        let expected: Vec<(&str, &FieldValue<'_>)> = fields.iter().map(|(k, v)| (k.as_str(), v)).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(point.t_ns, Some(t_ns));
    }
}

#[test]
fn times_have_bounds() {
    let time = |line, unit| Point::parse(line, unit).map(|point| point.t_ns);
    assert_eq!(
        time(b"m v=1 1", Precision::Hours),
        Ok(Some(3_600_000_000_000))
    );
    assert_eq!(
        time(b"m v=1 3000000", Precision::Hours),
        Err(LineError::TimeOutOfRange)
    );
    let least = format!("m v=1 {}", i64::MIN);
    assert_eq!(
        time(least.as_bytes(), Precision::Nanoseconds),
        Err(LineError::TimeOutOfRange)
    );
    let too_long = "m v=1 9223372036854775808";
    let overflow = LineError::TimestampOverflow("9223372036854775808".to_owned());
    assert_eq!(
        time(too_long.as_bytes(), Precision::Nanoseconds),
        Err(overflow)
    );
    assert_eq!(parse("m v=1 -"), Err(LineError::BadTimestamp));
    assert_eq!(parse("m v=1 1 2"), Err(LineError::InvalidPoint));
}

#[test]
fn what_is_not_utf_8_is_refused() {
    let parsed = Point::parse(b"m v=\"\xff\"", Precision::Nanoseconds);
    assert_eq!(parsed, Err(LineError::NotUtf8));
}

#[test]
fn keys_have_a_longest() {
    let line = format!("m,t={} v=1", "x".repeat(66_000));
    assert!(matches!(parse(&line), Err(LineError::KeyTooLong(_))));
}
