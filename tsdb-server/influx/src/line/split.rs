//! A body into lines.

use super::cursor::is_blank;

/// The lines of a body that hold a point: blank lines and comments (`#`) are left out, and so are blanks before a point.
pub fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(body);
    std::iter::from_fn(move || {
        let body = rest?;
        let end = end_of_line(body);
        rest = body.get(end + 1..);
        Some(body.get(..end).unwrap_or(body))
    })
    .map(|line| {
        let blanks = line.iter().take_while(|&&byte| is_blank(byte)).count();
        line.get(blanks..).unwrap_or_default()
    })
    .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
}

/// Where the first line ends: at a newline that no quotes enclose.
fn end_of_line(body: &[u8]) -> usize {
    let mut end = LineEnd::default();
    // The last byte but one keeps its meaning after a backslash, as in InfluxDB.
    let mut bytes = body.iter().enumerate();
    let found = bytes.find(|&(at, &byte)| end.step(byte, at + 2 < body.len()));
    found.map_or(body.len(), |(at, _)| at)
}

/// Finds the end of a line that comes in parts. Quotes count only in field values, that is after the first blank and
/// where an `=` has come since the last comma; a backslash takes the meaning off the next byte.
#[derive(Clone, Copy, Debug, Default)]
pub struct LineEnd {
    in_fields: bool,
    quoted: bool,
    escaped: bool,
    equals: usize,
    commas: usize,
}

impl LineEnd {
    /// Whether a newline behind the next part of the line ends it, and is not a part of a quoted value.
    pub fn is_after(&mut self, part: &[u8]) -> bool {
        for &byte in part {
            self.step(byte, true);
        }
        self.step(b'\n', true)
    }

    /// Whether the next byte ends the line.
    fn step(&mut self, byte: u8, may_escape: bool) -> bool {
        if std::mem::take(&mut self.escaped) {
            return false;
        }
        match byte {
            b'\\' => self.escaped = may_escape,
            b' ' => self.in_fields = true,
            b'=' if self.in_fields && !self.quoted => self.equals += 1,
            b',' if self.in_fields && !self.quoted => self.commas += 1,
            b'"' if self.in_fields && self.equals > self.commas => self.quoted = !self.quoted,
            b'\n' => return !self.quoted,
            _ => {}
        }
        false
    }
}
