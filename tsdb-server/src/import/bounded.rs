//! A stream that has to bring samples, and to end: who sends an import keeps one of few places.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What bounds a stream.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    timeout: Duration,
    deadline: Instant,
    /// Bytes that may come between two samples.
    fruitless_bytes: u64,
    /// Rises with the samples.
    samples: Arc<AtomicU64>,
}

impl Bounds {
    /// For a stream that begins now.
    pub(super) fn new(timeout: Duration, fruitless_bytes: u64, samples: Arc<AtomicU64>) -> Self {
        Self {
            timeout,
            deadline: Instant::now() + timeout,
            fruitless_bytes,
            samples,
        }
    }

    /// The same bytes, up to where they go beyond the bounds.
    pub(super) fn of<R: Read>(&self, reader: R) -> Bounded<R> {
        Bounded {
            reader,
            bounds: self.clone(),
            seen: 0,
            fruitless: 0,
        }
    }
}

/// A stream with bounds.
#[derive(Debug)]
pub(super) struct Bounded<R> {
    reader: R,
    bounds: Bounds,
    /// The samples when it was last looked, and bytes since they rose.
    seen: u64,
    fruitless: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bounds = &self.bounds;
        let read = self.reader.read(buffer)?;
        if Instant::now() > bounds.deadline {
            let reason = format!(
                "an import may take {:?} (--web.import-timeout); the rest may be sent in another",
                bounds.timeout
            );
            return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
        }
        let samples = bounds.samples.load(Ordering::Relaxed);
        if samples != self.seen {
            self.seen = samples;
            self.fruitless = 0;
        }
        self.fruitless += read as u64;
        if self.fruitless > bounds.fruitless_bytes {
            let reason = format!(
                "more than {} bytes without a sample (twice --web.max-decoded-bytes)",
                bounds.fruitless_bytes
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_let_a_stream_go_on() {
        let samples = Arc::new(AtomicU64::new(0));
        let bounds = Bounds::new(Duration::from_secs(600), 100, Arc::clone(&samples));
        let mut stream = bounds.of(io::repeat(b'\n'));
        let mut piece = [0; 60];
        for _ in 0..5 {
            stream.read_exact(&mut piece).unwrap();
            samples.fetch_add(1, Ordering::Relaxed);
        }
        stream.read_exact(&mut piece).unwrap();
        let refused = stream.read(&mut piece).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn time_runs_out() {
        let bounds = Bounds::new(Duration::ZERO, 100, Arc::default());
        std::thread::sleep(Duration::from_millis(1));
        let refused = bounds.of(&b"a 1\n"[..]).read(&mut [0; 4]).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::TimedOut);
    }
}
