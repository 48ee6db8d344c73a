//! The tokens of a line.

use std::borrow::Cow;

use super::Format;

/// Why a line is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Bytes before the place in the line.
    pub(super) at: usize,
    pub(super) what: &'static str,
}

/// Bits of the NaN that Prometheus stores for every NaN that it reads (`model/value/value.go`, `NormalNaN`).
const NORMAL_NAN_BITS: u64 = 0x7ff8_0000_0000_0001;

/// A place in a line.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Self { line, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.line.get(self.at..).unwrap_or("")
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    pub(super) fn fault(&self, what: &'static str) -> Fault {
        Fault { at: self.at, what }
    }

    /// Goes over `text` if it comes next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let comes = self.rest().starts_with(text);
        if comes {
            self.at += text.len();
        }
        comes
    }

    /// Takes characters while `belongs` is true of them; they are ASCII or taken whole.
    pub(super) fn take_while(&mut self, mut belongs: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or("")
    }

    /// Takes everything.
    pub(super) fn take_rest(&mut self) -> &'a str {
        self.take_while(|_| true)
    }

    /// Goes over blanks, which stand between any tokens of Prometheus's format and between none of OpenMetrics.
    pub(super) fn skip_blanks(&mut self, format: Format) {
        if format == Format::Prometheus {
            self.take_while(is_blank);
        }
    }

    /// A name without quotes; `None` when none comes. Names of metrics may have colons.
    pub(super) fn name(&mut self, colons: bool) -> Option<&'a str> {
        let begins = |c: char| c.is_ascii_alphabetic() || c == '_' || colons && c == ':';
        if !self.rest().starts_with(begins) {
            return None;
        }
        Some(self.take_while(|c| begins(c) || c.is_ascii_digit()))
    }

    /// A text in quotes; `None` when none comes or it does not end.
    pub(super) fn quoted(&mut self) -> Option<Quoted<'a>> {
        let inside = self.rest().strip_prefix('"')?;
        let mut escaped = false;
        let mut escapes = false;
        let end = inside.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            escapes |= escaped;
            ends
        })?;
        self.at += end + 2;
        let raw = inside.get(..end)?;
        Some(Quoted { raw, escapes })
    }

    /// A name in quotes or without.
    pub(super) fn any_name(&mut self, colons: bool) -> Option<Cow<'a, str>> {
        match self.quoted() {
            Some(quoted) => Some(quoted.text()),
            None => self.name(colons).map(Cow::Borrowed),
        }
    }
}

pub(super) fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// What stands between quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quoted<'a> {
    raw: &'a str,
    escapes: bool,
}

impl<'a> Quoted<'a> {
    pub(super) fn text(self) -> Cow<'a, str> {
        if self.escapes {
            unescape(self.raw, true)
        } else {
            Cow::Borrowed(self.raw)
        }
    }
}

/// Undoes `\\`, `\n` and, if `quotes`, `\"`; any other backslash stays, as in Prometheus.
pub(super) fn unescape(raw: &str, quotes: bool) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        let meant = match (c, chars.as_str().chars().next()) {
            ('\\', Some('\\')) => '\\',
            ('\\', Some('n')) => '\n',
            ('\\', Some('"')) if quotes => '"',
            _ => {
                out.push(c);
                continue;
            }
        };
        out.push(meant);
        chars.next();
    }
    Cow::Owned(out)
}

/// A number as Prometheus reads it: Go's `ParseFloat` without hexadecimal digits and underscores.
pub(super) fn float(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    if value.is_nan() {
        // Go knows no sign of a NaN.
        return text
            .starts_with(['n', 'N'])
            .then_some(f64::from_bits(NORMAL_NAN_BITS));
    }
    let overflows = value.is_infinite() && text.contains(|c: char| c.is_ascii_digit());
    (!overflows).then_some(value)
}
