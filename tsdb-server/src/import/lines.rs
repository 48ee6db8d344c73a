//! Lines of a stream, none longer than a limit.

use std::io::{self, BufRead, BufReader, Read};

/// Reads lines; the memory of one is used for the next.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    limit: usize,
}

/// A line without its line feed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    Whole(&'a [u8]),
    /// It is longer than the limit and was passed over.
    TooLong,
}

impl<R: Read> Lines<R> {
    /// Lines of at most `limit` bytes.
    pub(crate) fn new(reader: R, limit: usize) -> Self {
        Self {
            reader: BufReader::with_capacity(64 << 10, reader),
            line: Vec::new(),
            limit,
        }
    }

    /// The most bytes of a line.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// Those of the reader.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let mut too_long = false;
        let mut any = false;
        loop {
            let buffer = match self.reader.fill_buf() {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            if buffer.is_empty() {
                break;
            }
            any = true;
            let feed = buffer.iter().position(|byte| *byte == b'\n');
            let part = buffer
                .get(..feed.unwrap_or(buffer.len()))
                .unwrap_or_default();
            too_long |= self.line.len() + part.len() > self.limit;
            if !too_long {
                self.line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(feed.is_some());
            self.reader.consume(used);
            if feed.is_some() {
                break;
            }
        }
        Ok(match (any, too_long) {
            (false, _) => None,
            (true, true) => Some(Line::TooLong),
            (true, false) => Some(Line::Whole(&self.line)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_and_long_ones_are_passed_over() {
        let text = format!("a\n\n{}\n{}\nlast", "x".repeat(100_000), "y".repeat(70_000));
        let mut lines = Lines::new(text.as_bytes(), 70_000);
        let mut read = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            read.push(match line {
                Line::Whole(line) => line.len(),
                Line::TooLong => usize::MAX,
            });
        }
        assert_eq!(read, [1, 0, usize::MAX, 70_000, 4]);
    }
}
