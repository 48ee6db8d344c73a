//! One line of either format.

use std::borrow::Cow;

use tsdb_core::MetricType;

use super::Format;
use super::event::{Event, Exemplar, SampleLine};
use super::labels::LabelText;
use super::lex::{Cursor, Fault, float, is_blank, unescape};

/// Reads a line, without its line feed.
pub(super) fn parse(line: &[u8], format: Format) -> Result<Event<'_>, Fault> {
    let line = std::str::from_utf8(line).map_err(|e| Fault {
        at: e.valid_up_to(),
        what: "the line is not UTF-8",
    })?;
    let mut cursor = Cursor::new(line);
    cursor.skip_blanks(format);
    match (cursor.peek(), format) {
        (None, Format::Prometheus) => Ok(Event::Blank),
        (Some(b'#'), Format::Prometheus) => comment(cursor),
        (Some(b'#'), Format::OpenMetrics) => open_metrics_comment(cursor),
        _ => sample(cursor, format).map(Event::Sample),
    }
}

/// `# HELP`, `# TYPE`, or a comment.
fn comment(mut cursor: Cursor<'_>) -> Result<Event<'_>, Fault> {
    let all = cursor.rest();
    cursor.eat("#");
    let blanks = cursor.take_while(is_blank);
    let word = cursor.take_while(char::is_alphabetic);
    let more = cursor.take_while(is_blank);
    if blanks.is_empty() || more.is_empty() || !matches!(word, "HELP" | "TYPE") {
        return Ok(Event::Comment(all));
    }
    let family = family(&mut cursor)?;
    // One character stands between the name and the text.
    let separator = cursor.rest().chars().next().map_or(0, char::len_utf8);
    let text = cursor.rest().get(separator..).unwrap_or("");
    if word == "HELP" {
        let help = unescape(text, false);
        return Ok(Event::Help { family, help });
    }
    let kind = match text {
        "untyped" => Some(MetricType::Unknown),
        "counter" | "gauge" | "histogram" | "summary" => kind(text),
        _ => None,
    };
    match kind {
        Some(kind) => Ok(Event::Type { family, kind }),
        None => Err(cursor.fault("not a metric type of this format")),
    }
}

/// `# HELP`, `# TYPE`, `# UNIT` or `# EOF`; there are no other comments.
fn open_metrics_comment(mut cursor: Cursor<'_>) -> Result<Event<'_>, Fault> {
    if cursor.eat("# EOF") {
        return match cursor.is_at_end() {
            true => Ok(Event::End),
            false => Err(cursor.fault("unexpected data after # EOF")),
        };
    }
    let is_type = cursor.eat("# TYPE ");
    let is_help = !is_type && cursor.eat("# HELP ");
    if !is_type && !is_help && !cursor.eat("# UNIT ") {
        return Err(cursor.fault("expected # HELP, # TYPE, # UNIT or # EOF"));
    }
    let family = family(&mut cursor)?;
    if !cursor.eat(" ") {
        return Err(cursor.fault("expected a space and a text"));
    }
    let start = cursor.clone();
    let text = cursor.take_rest();
    if is_help {
        let help = unescape(text, true);
        return Ok(Event::Help { family, help });
    }
    if is_type {
        return match kind(text) {
            Some(kind) => Ok(Event::Type { family, kind }),
            None => Err(start.fault("not a metric type of this format")),
        };
    }
    let is_suffix = |unit| {
        let before: Option<&str> = family.strip_suffix(unit);
        before.is_some_and(|before| before.ends_with('_'))
    };
    if !text.is_empty() && !is_suffix(text) {
        return Err(start.fault("the unit is not a suffix of the name"));
    }
    Ok(Event::Unit { family, unit: text })
}

fn kind(text: &str) -> Option<MetricType> {
    (0..=7)
        .map(MetricType::from_u32)
        .find(|kind| kind.as_str() == text)
}

fn family<'a>(cursor: &mut Cursor<'a>) -> Result<Cow<'a, str>, Fault> {
    cursor
        .any_name(true)
        .ok_or_else(|| cursor.fault("expected a metric name"))
}

fn sample(mut cursor: Cursor<'_>, format: Format) -> Result<SampleLine<'_>, Fault> {
    let mut name = cursor.name(true).map(Cow::Borrowed);
    cursor.skip_blanks(format);
    let mut labels = LabelText::none(format);
    if cursor.eat("{") {
        let start = cursor.clone();
        let (read, quoted) = LabelText::read(&mut cursor, format)?;
        if name.is_some() && quoted.is_some() {
            return Err(start.fault("the metric name stands twice"));
        }
        labels = read;
        name = name.or(quoted);
    } else if name.is_none() {
        return Err(cursor.fault("expected a metric name or an opening brace"));
    }
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Err(cursor.fault("the metric name is not set"));
    };
    let mut sample = SampleLine {
        name,
        labels,
        value: 0.0,
        t_ms: None,
        exemplar: None,
    };
    match format {
        Format::Prometheus => {
            cursor.skip_blanks(format);
            sample.value = value(&mut cursor, |c| !is_blank(c) && c != '{')?;
            cursor.skip_blanks(format);
            if !cursor.is_at_end() {
                sample.t_ms = Some(milliseconds(&mut cursor)?);
            }
            cursor.skip_blanks(format);
        }
        Format::OpenMetrics => {
            (sample.value, sample.t_ms) = value_and_time(&mut cursor)?;
            if cursor.eat(" # {") {
                sample.exemplar = Some(exemplar(&mut cursor)?);
            }
        }
    }
    if cursor.is_at_end() {
        Ok(sample)
    } else {
        Err(cursor.fault("expected the end of the line"))
    }
}

fn value(cursor: &mut Cursor<'_>, belongs: impl FnMut(char) -> bool) -> Result<f64, Fault> {
    let start = cursor.clone();
    match cursor.take_while(belongs) {
        "" => Err(start.fault("expected a value")),
        text => float(text).ok_or_else(|| start.fault("the value is not a number")),
    }
}

fn milliseconds(cursor: &mut Cursor<'_>) -> Result<i64, Fault> {
    let start = cursor.clone();
    let text = cursor.take_while(|c| c.is_ascii_digit() || c == '-');
    text.parse()
        .map_err(|_| start.fault("the timestamp is not a whole number of milliseconds"))
}

/// ` value`, and ` timestamp` if one comes.
fn value_and_time(cursor: &mut Cursor<'_>) -> Result<(f64, Option<i64>), Fault> {
    if !cursor.eat(" ") {
        return Err(cursor.fault("expected a space and a value"));
    }
    let value = value(cursor, |c| c != ' ')?;
    let mut ahead = cursor.clone();
    if !ahead.eat(" ") || ahead.peek() == Some(b'#') {
        return Ok((value, None));
    }
    let start = ahead.clone();
    let seconds = float(ahead.take_while(|c| c != ' ')).filter(|seconds| seconds.is_finite());
    let Some(seconds) = seconds else {
        return Err(start.fault("the timestamp is not a number of seconds"));
    };
    *cursor = ahead;
    // As Prometheus: what is finer than a millisecond is cut off. The cast saturates.
    Ok((value, Some((seconds * 1000.0) as i64)))
}

fn exemplar<'a>(cursor: &mut Cursor<'a>) -> Result<Exemplar<'a>, Fault> {
    let start = cursor.clone();
    let (labels, name) = LabelText::read(cursor, Format::OpenMetrics)?;
    if name.is_some() {
        return Err(start.fault("expected an equals sign"));
    }
    let (value, t_ms) = value_and_time(cursor)?;
    Ok(Exemplar {
        labels,
        value,
        t_ms,
    })
}
