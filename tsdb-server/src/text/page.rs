//! A page: lines with numbers, and its end.

use std::fmt;

use super::Format;
use super::event::Event;
use super::line;

/// Why a page, or a line of it, is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// Number of the line, from 1.
    pub line: u64,
    /// Byte of the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            reason,
        } = self;
        write!(f, "line {line}, column {column}: {reason}")
    }
}

impl std::error::Error for TextError {}

/// Reads a page line by line.
#[derive(Clone, Debug)]
pub struct Page {
    format: Format,
    lines: u64,
    ended: bool,
}

impl Page {
    /// A page of which no line has been read.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            lines: 0,
            ended: false,
        }
    }

    /// Reads the next line, given without its line feed. After an error the line after it can be read.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub fn line<'a>(&mut self, line: &'a [u8]) -> Result<Event<'a>, TextError> {
        self.lines += 1;
        if self.ended {
            return Err(self.error(0, "unexpected data after # EOF"));
        }
        let event = line::parse(line, self.format).map_err(|e| self.error(e.at, e.what))?;
        self.ended = matches!(event, Event::End);
        Ok(event)
    }

    /// Passes over a line that is longer than `limit` bytes.
    pub(crate) fn too_long(&mut self, limit: usize) -> TextError {
        self.lines += 1;
        self.error(limit, format!("the line is longer than {limit} bytes"))
    }

    /// Where the line stands that was read last.
    pub(crate) fn place(&self) -> String {
        format!("line {}", self.lines)
    }

    /// Checks that the page may end here.
    ///
    /// # Errors
    /// When the `# EOF` of OpenMetrics did not come.
    pub fn end(&self) -> Result<(), TextError> {
        if self.format == Format::OpenMetrics && !self.ended {
            return Err(self.error(0, "the page does not end with # EOF"));
        }
        Ok(())
    }

    /// An error of the line that was read last.
    #[must_use]
    pub fn error(&self, at: usize, reason: impl Into<String>) -> TextError {
        TextError {
            line: self.lines,
            column: at + 1,
            reason: reason.into(),
        }
    }
}

/// Reads a page that lies in memory.
#[must_use]
pub fn events(page: &[u8], format: Format) -> Events<'_> {
    Events {
        page: Some(Page::new(format)),
        rest: page,
    }
}

/// The lines of a page, and in the end an error if it must not end there. It goes on after an error.
#[derive(Clone, Debug)]
pub struct Events<'a> {
    /// `None` when the end was told.
    page: Option<Page>,
    rest: &'a [u8],
}

impl<'a> Iterator for Events<'a> {
    type Item = Result<Event<'a>, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        let page = self.page.as_mut()?;
        if self.rest.is_empty() {
            let end = page.end();
            self.page = None;
            return end.err().map(Err);
        }
        let mut halves = self.rest.splitn(2, |byte| *byte == b'\n');
        let line = halves.next().unwrap_or_default();
        self.rest = halves.next().unwrap_or_default();
        Some(page.line(line))
    }
}
