//! A file of text.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::lines::Lines;
use super::progress::Progress;
use super::sink::Sink;
use super::text_lines::{self, MAX_LINE_BYTES, TextOptions};
use crate::ingest::WriteError;

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// When it cannot be read, a batch not be written, or a line is wrong and the options are strict.
pub(super) fn import(
    path: &Path,
    options: &TextOptions,
    sink: &mut Sink,
    progress: &mut Progress,
) -> Result<(), WriteError> {
    let reader: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let file = File::open(path)?;
        progress.set_total(file.metadata()?.len());
        Box::new(file)
    };
    let mut lines = Lines::new(reader, MAX_LINE_BYTES);
    text_lines::import(&mut lines, options, sink, |bytes, summary| {
        progress.set_bytes(bytes);
        progress.show(summary);
    })?;
    sink.write()
}
