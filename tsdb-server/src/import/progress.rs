//! How far an import is, on stderr: a bar on a terminal, lines now and then elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use super::sink::Summary;

/// How often it is shown.
const ON_TERMINAL: Duration = Duration::from_millis(200);
const IN_LINES: Duration = Duration::from_secs(10);

/// Cells of the bar.
const CELLS: u64 = 30;

/// Counts and shows what was read.
#[derive(Debug)]
pub(crate) struct Progress {
    bytes: u64,
    /// `None` while it is not known.
    total: Option<u64>,
    begun: Instant,
    shown: Instant,
    is_terminal: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            bytes: 0,
            total: None,
            begun: now,
            shown: now,
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Bytes there are to read.
    pub(crate) fn set_total(&mut self, bytes: u64) {
        self.total = Some(bytes);
    }

    pub(crate) fn add_bytes(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Sets what was read so far, in bytes.
    pub(crate) fn set_bytes(&mut self, bytes: u64) {
        self.bytes = bytes;
    }

    /// Shows it if it was not shown for a while.
    pub(crate) fn show(&mut self, summary: &Summary) {
        let every = if self.is_terminal {
            ON_TERMINAL
        } else {
            IN_LINES
        };
        if self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let text = line(
            self.bytes,
            self.total,
            self.begun.elapsed(),
            summary.accepted,
        );
        let mut stderr = std::io::stderr().lock();
        // Nobody to tell it is no reason to stop.
        let _ = if self.is_terminal {
            write!(stderr, "\r\x1b[K{text}")
        } else {
            writeln!(stderr, "{text}")
        };
    }

    /// Says what became of the import.
    pub(crate) fn finish(&self, summary: &Summary) {
        let seconds = self.begun.elapsed().as_secs_f64();
        let mut stderr = std::io::stderr().lock();
        let start = if self.is_terminal { "\r\x1b[K" } else { "" };
        let _ = writeln!(stderr, "{start}{summary}; {seconds:.1} s");
    }
}

/// Bar, share, bytes, rate and time left.
fn line(bytes: u64, total: Option<u64>, took: Duration, samples: u64) -> String {
    let seconds = took.as_secs_f64().max(1e-3);
    let rates = format!(
        "{:.1} MB/s, {:.0} samples/s",
        bytes as f64 / 1e6 / seconds,
        samples as f64 / seconds
    );
    let Some(total) = total.filter(|total| *total > 0) else {
        return format!("{:.1} MB, {rates}", bytes as f64 / 1e6);
    };
    let done = bytes.min(total);
    let cells = (done as f64 / total as f64 * CELLS as f64) as usize;
    let left_s = if done == 0 {
        0.0
    } else {
        seconds * (total - done) as f64 / done as f64
    };
    format!(
        "[{:<width$}] {:3.0}% {:.1} of {:.1} MB, {rates}, {:.0}:{:02.0} left",
        "#".repeat(cells),
        done as f64 / total as f64 * 100.0,
        done as f64 / 1e6,
        total as f64 / 1e6,
        (left_s / 60.0).floor(),
        (left_s % 60.0).floor(),
        width = CELLS as usize,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_share_rate_and_time_left() {
        assert_eq!(
            line(
                50_000_000,
                Some(200_000_000),
                Duration::from_secs(30),
                900_000
            ),
            "[#######                       ]  25% 50.0 of 200.0 MB, 1.7 MB/s, 30000 samples/s, 1:30 left"
        );
        assert_eq!(
            line(1_000_000, None, Duration::from_secs(1), 5),
            "1.0 MB, 1.0 MB/s, 5 samples/s"
        );
        assert!(line(0, Some(1), Duration::ZERO, 0).contains("  0%"));
    }
}
