//! Remote write 1.0 requests, made in a fraction of the time that reading them takes.

use crate::{STEP_MS, labels, shape};

/// A series as it is sent: its labels do not change.
#[derive(Debug)]
struct Encoded {
    number: usize,
    labels: Vec<u8>,
}

/// Makes the requests of one group of series, scrape by scrape.
#[derive(Debug)]
pub struct Requests {
    series: Vec<Encoded>,
    message: Vec<u8>,
    /// When the first scrape was, in milliseconds.
    start_ms: i64,
    /// State of the shuffling.
    random: u64,
}

impl Requests {
    /// For the series with these numbers, of scrapes since `start_ms`.
    #[must_use]
    pub fn of(numbers: std::ops::Range<usize>, start_ms: i64) -> Self {
        let random = numbers.start as u64 + 1;
        let encoded = |number| Encoded {
            number,
            labels: encoded_labels(number),
        };
        Self {
            series: numbers.map(encoded).collect(),
            message: Vec::new(),
            start_ms,
            random,
        }
    }

    /// Puts the series into another order.
    pub fn shuffle(&mut self) {
        for i in (1..self.series.len()).rev() {
            self.random = crate::mixed(self.random);
            self.series.swap(i, self.random as usize % (i + 1));
        }
    }

    /// How many samples a scrape has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether a scrape has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The message of scrape number `i`, before compression.
    pub fn scrape(&mut self, i: usize) -> &[u8] {
        self.message(i, self.start_ms + i as i64 * STEP_MS)
    }

    /// The message of a scrape between number `i` and the next, with the values of number `i`.
    pub fn between(&mut self, i: usize) -> &[u8] {
        self.message(i, self.start_ms + i as i64 * STEP_MS + STEP_MS / 2)
    }

    fn message(&mut self, i: usize, t_ms: i64) -> &[u8] {
        self.message.clear();
        for series in &self.series {
            let mut sample = [0; 20];
            let (head, time) = sample.split_at_mut(10);
            let value = shape(series.number).value(series.number, i);
            head[0] = 1 << 3 | 1;
            head[1..9].copy_from_slice(&value.to_le_bytes());
            head[9] = 2 << 3;
            let sample_len = 10 + write_varint(time, t_ms.cast_unsigned());
            self.message.push(1 << 3 | 2);
            push_varint(
                &mut self.message,
                (series.labels.len() + 2 + sample_len) as u64,
            );
            self.message.extend_from_slice(&series.labels);
            self.message
                .extend_from_slice(&[2 << 3 | 2, sample_len as u8]);
            self.message.extend_from_slice(&sample[..sample_len]);
        }
        &self.message
    }
}

fn encoded_labels(number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in labels(number) {
        let mut label = Vec::new();
        for (field, text) in [(1, name), (2, value)] {
            label.push(field << 3 | 2);
            push_varint(&mut label, text.len() as u64);
            label.extend_from_slice(text.as_bytes());
        }
        bytes.push(1 << 3 | 2);
        push_varint(&mut bytes, label.len() as u64);
        bytes.extend_from_slice(&label);
    }
    bytes
}

fn push_varint(bytes: &mut Vec<u8>, n: u64) {
    let mut varint = [0; 10];
    let len = write_varint(&mut varint, n);
    bytes.extend_from_slice(&varint[..len]);
}

/// How many bytes it has, at most ten.
fn write_varint(bytes: &mut [u8], mut n: u64) -> usize {
    let mut len = 0;
    while n >= 0x80 {
        bytes[len] = n as u8 | 0x80;
        n >>= 7;
        len += 1;
    }
    bytes[len] = n as u8;
    len + 1
}
