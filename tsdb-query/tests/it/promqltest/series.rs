//! Lines that describe a series: `name{label="value", …} value value+deltaxN _ stale {{histogram}} …`

use std::sync::Arc;

use super::script::duration;
use tsdb_core::histogram::Side;
use tsdb_core::{CounterResetHint, FloatHistogram, Labels, LabelsBuilder, STALE_NAN_BITS, Span};

/// One place of a sequence.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Omitted,
    Float(f64),
    /// With whether the hint on counter resets was written.
    Histogram(Arc<FloatHistogram>, bool),
}

/// A label set and its values.
#[derive(Clone, Debug)]
pub(crate) struct SeriesLine {
    pub(crate) labels: Labels,
    pub(crate) values: Vec<Value>,
}

/// Reads a whole line.
pub(crate) fn parse_series(line: &str) -> Result<SeriesLine, String> {
    let mut cursor = Cursor { rest: line.trim() };
    let labels = cursor.metric()?;
    let mut values = Vec::new();
    loop {
        cursor.rest = cursor.rest.trim_start();
        if cursor.rest.is_empty() {
            break;
        }
        cursor.item(&mut values)?;
    }
    Ok(SeriesLine { labels, values })
}

/// Reads a line `name{…}@st duration duration+durationxN _ …`: how far the start times are from the times of the samples.
pub(crate) fn parse_start_times(line: &str) -> Result<(Labels, Vec<Option<i64>>), String> {
    let mut cursor = Cursor { rest: line.trim() };
    let labels = cursor.metric()?;
    cursor.expect("@st")?;
    let mut values = Vec::new();
    loop {
        cursor.rest = cursor.rest.trim_start();
        if cursor.rest.is_empty() {
            return Ok((labels, values));
        }
        if cursor.take("_") {
            let n = if cursor.take("x") { cursor.count()? } else { 1 };
            values.extend((0..n).map(|_| None));
            continue;
        }
        let mut offset = cursor.signed_duration()?;
        let mut step = 0;
        if cursor.rest.starts_with(['+', '-']) {
            step = cursor.signed_duration()?;
        }
        let n = if cursor.take("x") { cursor.count()? } else { 0 };
        values.push(Some(offset));
        for _ in 0..n {
            offset += step;
            values.push(Some(offset));
        }
    }
}

/// Whether a line gives start times: `name{…}@st …`.
pub(crate) fn is_start_timestamp_line(line: &str) -> bool {
    line.split_whitespace()
        .next()
        .is_some_and(|word| word.ends_with("@st"))
}

fn set_span(side: &mut Side<f64>, offset: i32) {
    if !side.buckets.is_empty() {
        side.spans = vec![Span {
            offset,
            length: side.buckets.len() as u32,
        }];
    }
}

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let end = self
            .rest
            .find(|c: char| !accept(c))
            .unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn take(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, prefix: &str) -> Result<(), String> {
        if self.take(prefix) {
            Ok(())
        } else {
            Err(format!("expected {prefix:?} at {:?}", self.rest))
        }
    }

    fn metric(&mut self) -> Result<Labels, String> {
        let mut builder = Labels::empty().to_builder();
        let name = self.take_while(|c| c.is_alphanumeric() || c == '_' || c == ':');
        builder.set("__name__", name);
        if self.take("{") {
            while !self.take("}") {
                self.label(&mut builder)?;
            }
        }
        builder.build().map_err(|e| e.to_string())
    }

    fn label(&mut self, builder: &mut LabelsBuilder) -> Result<(), String> {
        self.rest = self.rest.trim_start();
        let quoted = self.rest.starts_with(['"', '\'']);
        let name = if quoted {
            self.quoted()?
        } else {
            self.take_while(|c| c.is_alphanumeric() || c == '_' || c == ':')
                .to_owned()
        };
        self.rest = self.rest.trim_start();
        if self.take("=") {
            self.rest = self.rest.trim_start();
            let value = self.quoted()?;
            builder.set(&name, &value);
        } else if quoted {
            builder.set("__name__", &name);
        } else {
            return Err(format!("expected a label at {:?}", self.rest));
        }
        self.rest = self.rest.trim_start();
        if !self.take(",") && !self.rest.starts_with('}') {
            return Err(format!("expected , or }} at {:?}", self.rest));
        }
        self.rest = self.rest.trim_start();
        Ok(())
    }

    fn quoted(&mut self) -> Result<String, String> {
        let mut chars = self.rest.char_indices();
        let Some((_, quote @ ('"' | '\'' | '`'))) = chars.next() else {
            return Err(format!("expected a string at {:?}", self.rest));
        };
        let mut text = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                _ if c == quote => {
                    self.rest = &self.rest[at + c.len_utf8()..];
                    return Ok(text);
                }
                '\\' if quote != '`' => match chars.next().map(|(_, c)| c) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(c) => text.push(c),
                    None => break,
                },
                c => text.push(c),
            }
        }
        Err("unterminated string".to_owned())
    }

    fn item(&mut self, values: &mut Vec<Value>) -> Result<(), String> {
        if self.take("_") {
            let n = if self.take("x") { self.count()? } else { 1 };
            values.extend((0..n).map(|_| Value::Omitted));
            return Ok(());
        }
        if self.rest.starts_with("{{") {
            return self.histograms(values);
        }
        let first = if self.take("stale") {
            f64::from_bits(STALE_NAN_BITS)
        } else {
            self.number()?
        };
        let delta = if self.rest.starts_with(['+', '-']) {
            self.number()?
        } else {
            0.0
        };
        let mut value = first;
        values.push(Value::Float(value));
        if self.take("x") {
            for _ in 0..self.count()? {
                // Not added when zero: the stale marker is to stay what it is.
                if delta != 0.0 {
                    value += delta;
                }
                values.push(Value::Float(value));
            }
        }
        if !self.rest.is_empty() && !self.rest.starts_with([' ', '\t']) {
            return Err(format!("unexpected {:?}", self.rest));
        }
        Ok(())
    }

    fn histograms(&mut self, values: &mut Vec<Value>) -> Result<(), String> {
        let (first, hint_set) = self.histogram()?;
        let mut step = None;
        for (sign, subtracts) in [("+", false), ("-", true)] {
            if self.rest.starts_with(&format!("{sign}{{{{")) {
                self.take(sign);
                step = Some((self.histogram()?.0, subtracts));
                break;
            }
        }
        let n = if self.take("x") { self.count()? } else { 0 };
        let mut h = first;
        values.push(Value::Histogram(Arc::new(h.clone()), hint_set));
        for _ in 0..n {
            match &step {
                Some((step, false)) => h.add(step).map(drop),
                Some((step, true)) => h.sub(step).map(drop),
                None => Ok(()),
            }
            .map_err(|e| e.to_string())?;
            values.push(Value::Histogram(Arc::new(h.clone()), hint_set));
        }
        Ok(())
    }

    /// `{{key:value …}}`
    fn histogram(&mut self) -> Result<(FloatHistogram, bool), String> {
        self.expect("{{")?;
        let end = self.rest.find("}}").ok_or("unterminated histogram")?;
        let mut inner = Cursor {
            rest: &self.rest[..end],
        };
        self.rest = &self.rest[end + 2..];
        let mut h = FloatHistogram::default();
        let (mut offset, mut negative_offset) = (0, 0);
        let mut hint_set = false;
        loop {
            inner.rest = inner.rest.trim_start();
            if inner.rest.is_empty() {
                break;
            }
            let key = inner.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            inner.expect(":")?;
            match key {
                "schema" => h.schema = inner.number()? as i32,
                "count" => h.count = inner.number()?,
                "sum" => h.sum = inner.number()?,
                "z_bucket" => h.zero_count = inner.number()?,
                "z_bucket_w" => h.zero_threshold = inner.number()?,
                "offset" => offset = inner.number()? as i32,
                "n_offset" => negative_offset = inner.number()? as i32,
                "buckets" => h.positive.buckets = inner.numbers()?,
                "n_buckets" => h.negative.buckets = inner.numbers()?,
                "custom_values" => h.custom_values = inner.numbers()?.into(),
                "counter_reset_hint" => {
                    hint_set = true;
                    h.counter_reset_hint = match inner.take_while(|c| c != ' ') {
                        "unknown" => CounterResetHint::Unknown,
                        "reset" => CounterResetHint::Reset,
                        "not_reset" => CounterResetHint::NotReset,
                        "gauge" => CounterResetHint::Gauge,
                        other => return Err(format!("bad hint {other:?}")),
                    };
                }
                other => return Err(format!("bad key {other:?}")),
            }
        }
        set_span(&mut h.positive, offset);
        set_span(&mut h.negative, negative_offset);
        Ok((h, hint_set))
    }

    /// `[number number …]`
    fn numbers(&mut self) -> Result<Vec<f64>, String> {
        self.expect("[")?;
        let mut numbers = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            if self.take("]") {
                return Ok(numbers);
            }
            numbers.push(self.number()?);
        }
    }

    fn signed_duration(&mut self) -> Result<i64, String> {
        let negative = self.take("-");
        if !negative {
            self.take("+");
        }
        let text = self.take_while(|c| c.is_ascii_digit() || "mshdwy".contains(c));
        let ms = duration(text)?;
        Ok(if negative { -ms } else { ms })
    }

    fn count(&mut self) -> Result<usize, String> {
        let digits = self.take_while(|c| c.is_ascii_digit());
        digits.parse().map_err(|_| format!("bad count {digits:?}"))
    }

    /// A number; never hexadecimal, since `0x5` is five more zeros.
    fn number(&mut self) -> Result<f64, String> {
        let mut end = usize::from(self.rest.starts_with(['+', '-']));
        let bytes = self.rest.as_bytes();
        let word = self.rest[end..].find(|c: char| !c.is_ascii_alphabetic());
        let word = &self.rest[end..][..word.unwrap_or(self.rest.len() - end)];
        let is_word = |name: &str| word.eq_ignore_ascii_case(name);
        if is_word("inf") || is_word("nan") {
            end += word.len();
        } else {
            let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_digit);
            while digit(bytes.get(end)) || bytes.get(end) == Some(&b'.') {
                end += 1;
            }
            if matches!(bytes.get(end), Some(b'e' | b'E')) {
                end += 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
                while digit(bytes.get(end)) {
                    end += 1;
                }
            }
        }
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text.parse().map_err(|_| format!("bad number {text:?}"))
    }
}
