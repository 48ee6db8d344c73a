//! A file, compressed by gzip or not.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use super::lines::Lines;
use super::progress::Progress;
use super::sink::Sink;
use super::text_lines::{self, MAX_LINE_BYTES, TextOptions};
use crate::ingest::WriteError;

/// What a file that gzip wrote begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The text of a file, and how many bytes of the file were read for it.
pub(super) struct Source {
    text: Box<dyn Read>,
    count: Rc<Cell<u64>>,
}

impl Source {
    /// Bytes of the file that were read so far.
    pub(super) fn count(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.count)
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.text.read(buffer)
    }
}

struct Counted<R> {
    inner: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.set(self.count.get() + n as u64);
        Ok(n)
    }
}

/// Opens a file, or standard input for `-`, and tells how long it is.
///
/// # Errors
/// When it cannot be read.
pub(super) fn open(path: &Path, progress: &mut Progress) -> io::Result<Source> {
    let inner: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let file = File::open(path)?;
        progress.set_total(file.metadata()?.len());
        Box::new(file)
    };
    let count = Rc::default();
    let counted = Counted {
        inner,
        count: Rc::clone(&count),
    };
    let mut reader = BufReader::with_capacity(64 << 10, counted);
    let text: Box<dyn Read> = match reader.fill_buf()?.starts_with(&GZIP) {
        true => Box::new(MultiGzDecoder::new(reader)),
        false => Box::new(reader),
    };
    Ok(Source { text, count })
}

/// Reads a file of Prometheus's or OpenMetrics text.
///
/// # Errors
/// When it cannot be read, a batch not be written, or a line is wrong and the options are strict.
pub(super) fn import(
    path: &Path,
    options: &TextOptions,
    sink: &mut Sink,
    progress: &mut Progress,
) -> Result<(), WriteError> {
    let source = open(path, progress)?;
    let read = source.count();
    let mut lines = Lines::new(source, MAX_LINE_BYTES);
    text_lines::import(&mut lines, options, sink, |summary| {
        progress.set_bytes(read.get());
        progress.show(summary);
    })?;
    sink.write()
}
