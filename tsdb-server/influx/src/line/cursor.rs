//! A place in a line.

/// Blanks that may stand around the parts of a line; NUL is one, as in InfluxDB.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0)
}

/// Reads a line byte by byte.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    pub(super) line: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self { line, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    /// The byte `back` bytes before this place.
    pub(super) fn before(&self, back: usize) -> Option<u8> {
        self.line.get(self.at.checked_sub(back)?).copied()
    }

    /// Whether the byte before this place is a backslash.
    pub(super) fn is_escaped(&self) -> bool {
        self.before(1) == Some(b'\\')
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
    }

    /// What was read since `start`.
    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        let end = self.at.min(self.line.len());
        self.line.get(start..end).unwrap_or_default()
    }
}
