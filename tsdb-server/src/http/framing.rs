//! Where requests of HTTP/1.1 begin and end, by the strict rules alone.
//!
//! Whoever stands between a client and this server must see the same requests in the same bytes, or one request is smuggled
//! inside another (RFC 9112, section 11.2). The parser that makes requests of the bytes forgives some of what senders get
//! wrong; what it forgives and others may read otherwise is refused here, before it: lone line feeds and carriage returns,
//! folded header lines, a length beside an encoding, two lengths, two hosts, encodings other than `chunked`.
//!
//! Only heads and the sizes of chunks are looked at; bodies are counted.

/// Bytes of a line that are kept. Lines that decide about the framing are shorter.
const KEPT: usize = 96;

/// Bytes of a chunk's line, its extensions included.
const MAX_CHUNK_LINE: usize = 4 << 10;

/// The first line of a client that speaks HTTP/2 without being asked.
const HTTP_2: &[u8] = b"PRI * HTTP/2.0";

/// The bytes at this offset are not HTTP, or could be read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) at: usize,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// A line of a head; the first of it, or another one.
    Request,
    Header,
    /// So much of a body.
    Body(u64),
    /// The line before a chunk, so much of the chunk, the line end after it, the lines after the last.
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailer,
    /// Another protocol.
    Http2,
}

/// Follows the bytes of one connection.
#[derive(Debug)]
pub(super) struct Framing {
    part: Part,
    /// The line so far, its first bytes.
    line: Vec<u8>,
    line_len: usize,
    after_cr: bool,
    /// No request was there before.
    is_first: bool,
    /// What the head said so far.
    length: Option<u64>,
    chunked: bool,
    host: bool,
}

impl Framing {
    pub(super) fn new() -> Self {
        Self {
            part: Part::Request,
            line: Vec::with_capacity(KEPT),
            line_len: 0,
            after_cr: false,
            is_first: true,
            length: None,
            chunked: false,
            host: false,
        }
    }

    /// Looks at the bytes that came next.
    ///
    /// # Errors
    /// The first byte that must not be there. Nothing is to be fed after it.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match &mut self.part {
                Part::Http2 => return Ok(()),
                Part::Body(left) | Part::Chunk(left) => {
                    let n = (rest.len() as u64).min(*left);
                    *left -= n;
                    at += n as usize; // at most what is there
                    match self.part {
                        Part::Body(0) => self.part = Part::Request,
                        Part::Chunk(0) => self.part = Part::ChunkEnd,
                        _ => {}
                    }
                }
                _ => {
                    let byte = rest.first().copied().unwrap_or_default();
                    self.byte(byte).ok_or(Violation { at })?;
                    at += 1;
                }
            }
        }
        Ok(())
    }

    /// One byte of a line; `None` if it must not be there.
    fn byte(&mut self, byte: u8) -> Option<()> {
        match (byte, self.after_cr) {
            (b'\n', true) => {
                self.after_cr = false;
                self.end_of_line()?;
                self.line.clear();
                self.line_len = 0;
                Some(())
            }
            (b'\n', false) | (_, true) => None,
            (b'\r', false) => {
                self.after_cr = true;
                Some(())
            }
            _ => {
                let is_chunk = matches!(self.part, Part::ChunkSize | Part::ChunkEnd);
                if is_chunk && self.line_len >= MAX_CHUNK_LINE {
                    return None;
                }
                if self.line_len == 0 && matches!(byte, b' ' | b'\t') {
                    return None; // a folded line, or a request that begins with a space
                }
                if self.line.len() < KEPT {
                    self.line.push(byte);
                }
                self.line_len = self.line_len.saturating_add(1);
                Some(())
            }
        }
    }

    fn end_of_line(&mut self) -> Option<()> {
        match self.part {
            // Empty lines before a request are to be ignored.
            Part::Request if self.line_len > 0 => self.part = Part::Header,
            Part::Header if self.line_len > 0 => self.header()?,
            Part::Header => self.part = self.end_of_head(),
            Part::ChunkSize => match chunk_size(&self.line)? {
                0 => self.part = Part::Trailer,
                size => self.part = Part::Chunk(size),
            },
            Part::ChunkEnd if self.line_len > 0 => return None,
            Part::ChunkEnd => self.part = Part::ChunkSize,
            Part::Trailer if self.line_len == 0 => self.part = Part::Request,
            _ => {}
        }
        if self.is_first && self.part == Part::Header && self.line == HTTP_2 {
            self.part = Part::Http2;
        }
        Some(())
    }

    /// A line of the head, which may say where the body ends.
    fn header(&mut self) -> Option<()> {
        let colon = self.line.iter().position(|b| *b == b':');
        let (name, value) = match colon {
            Some(colon) => (self.line.get(..colon)?, self.line.get(colon + 1..)?),
            None => (&*self.line, &[][..]),
        };
        let is = |known: &str| name.trim_ascii().eq_ignore_ascii_case(known.as_bytes());
        if is("host") {
            // Two are two servers to whoever forwards by them.
            return (!std::mem::replace(&mut self.host, true)).then_some(());
        }
        let (is_length, is_encoding) = (is("content-length"), is("transfer-encoding"));
        if !is_length && !is_encoding {
            return Some(());
        }
        let alone = self.length.is_none() && !self.chunked;
        if !alone || name != name.trim_ascii() || self.line_len > KEPT {
            return None;
        }
        let value = value.trim_ascii();
        if is_length {
            self.length = Some(number(value, 10)?);
        } else if value.eq_ignore_ascii_case(b"chunked") {
            self.chunked = true;
        } else {
            return None;
        }
        Some(())
    }

    fn end_of_head(&mut self) -> Part {
        self.is_first = false;
        self.host = false;
        let chunked = std::mem::take(&mut self.chunked);
        match self.length.take() {
            _ if chunked => Part::ChunkSize,
            None | Some(0) => Part::Request,
            Some(length) => Part::Body(length),
        }
    }
}

/// The size of a chunk, whose extensions are ignored.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|b| *b == b';').next()?;
    number(digits, 16)
}

/// Digits and nothing else.
fn number(digits: &[u8], radix: u32) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(|b| char::from(*b).is_digit(radix));
    let text = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    u64::from_str_radix(text, radix).ok()
}

/// Pieces are read as the whole.
#[cfg(fuzzing)]
pub(super) fn fuzz(bytes: &[u8]) {
    let whole = Framing::new().feed(bytes);
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let mut framing = Framing::new();
    let pieces = framing.feed(first).and_then(|()| {
        let fed = framing.feed(second);
        fed.map_err(|violation| Violation {
            at: violation.at + first.len(),
        })
    });
    assert_eq!(pieces, whole);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn feed(bytes: &[u8]) -> (Result<(), Violation>, Part) {
        let mut framing = Framing::new();
        let fed = framing.feed(bytes);
        (fed, framing.part)
    }

    #[test]
    fn requests_one_after_the_other_are_followed_to_their_ends() {
        for request in [
            "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\na\nb\r\n",
            "POST / HTTP/1.1\r\ncontent-length:0\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding:\tChunked \r\n\r\n5\r\na\nb\rc\r\nA;x=y\r\n0123456789\r\n0\r\nt: v\r\n\r\n",
        ] {
            let twice = request.repeat(2);
            assert_eq!(
                feed(twice.as_bytes()),
                (Ok(()), Part::Request),
                "{request:?}"
            );
        }
        let http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\n\n\n";
        assert_eq!(feed(http2), (Ok(()), Part::Http2));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for request in [
            "GET / HTTP/1.1\nhost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\rb\r\n\r\n",
            "GET / HTTP/1.1\r\nx: a\r\n b\r\n\r\n",
            " GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\r\nHost: b\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: xchunked\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding : chunked\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 0x1\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 1, 1\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length:\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0x1\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1 \r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        ] {
            assert!(feed(request.as_bytes()).0.is_err(), "{request:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_are_read_as_the_whole(bytes in "(GET|\r\n|\n|:| |content-length|transfer-encoding|chunked|[0-9a]){0,40}", cut in 0usize..200) {
            let bytes = bytes.as_bytes();
            let cut = cut.min(bytes.len());
            let whole = feed(bytes).0;
            let mut framing = Framing::new();
            let pieces = framing.feed(&bytes[..cut]).and_then(|()| {
                framing.feed(&bytes[cut..]).map_err(|v| Violation { at: v.at + cut })
            });
            prop_assert_eq!(pieces, whole);
        }
    }
}
