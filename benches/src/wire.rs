//! Remote write requests, made in a fraction of the time that reading them takes.

use std::collections::HashMap;
use std::ops::Range;

use crate::{LabelPairs, STEP_MS, labels, shape};

/// The protocol of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Remote write 1.0: each series with its labels.
    V1,
    /// Remote write 2.0: names and values stand once in a request, and series refer to them.
    V2,
}

/// A series as it is sent: its labels do not change.
#[derive(Debug)]
struct Encoded {
    number: usize,
    labels: Vec<u8>,
}

/// Makes the requests of one group of series, scrape by scrape.
#[derive(Debug)]
pub struct Requests {
    version: Version,
    series: Vec<Encoded>,
    /// The symbols that labels refer to.
    symbols: Vec<u8>,
    message: Vec<u8>,
    /// When the first scrape was, in milliseconds.
    start_ms: i64,
    /// State of the shuffling.
    random: u64,
}

impl Requests {
    /// For the series with these numbers, of a scraped machine, by remote write 1.0; of scrapes since `start_ms`.
    #[must_use]
    pub fn of(numbers: Range<usize>, start_ms: i64) -> Self {
        Self::new(numbers, labels, Version::V1, start_ms)
    }

    /// For the series with these numbers and the labels that `labels` gives them.
    #[must_use]
    pub fn new(
        numbers: Range<usize>,
        labels: impl Fn(usize) -> LabelPairs,
        version: Version,
        start_ms: i64,
    ) -> Self {
        let random = numbers.start as u64 + 1;
        let mut symbols = Symbols::default();
        let encode = |number| {
            let labels = labels(number);
            let labels = match version {
                Version::V1 => encoded_labels(&labels),
                Version::V2 => symbols.refs(&labels),
            };
            Encoded { number, labels }
        };
        Self {
            version,
            series: numbers.map(encode).collect(),
            symbols: symbols.message,
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
        let tag = match self.version {
            Version::V1 => 1 << 3 | 2,
            Version::V2 => 5 << 3 | 2,
        };
        self.message.clone_from(&self.symbols);
        for series in &self.series {
            let mut sample = [0; 20];
            let (head, time) = sample.split_at_mut(10);
            let value = shape(series.number).value(series.number, i);
            head[0] = 1 << 3 | 1;
            head[1..9].copy_from_slice(&value.to_le_bytes());
            head[9] = 2 << 3;
            let sample_len = 10 + write_varint(time, t_ms.cast_unsigned());
            self.message.push(tag);
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

fn encoded_labels(labels: &[(String, String)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in labels {
        let mut label = Vec::new();
        push_field(&mut label, 1, name.as_bytes());
        push_field(&mut label, 2, value.as_bytes());
        push_field(&mut bytes, 1, &label);
    }
    bytes
}

/// The symbols of a request of version 2.
#[derive(Debug, Default)]
struct Symbols {
    numbers: HashMap<String, u64>,
    message: Vec<u8>,
}

impl Symbols {
    /// The labels as numbers of symbols.
    fn refs(&mut self, labels: &[(String, String)]) -> Vec<u8> {
        self.number(""); // is the first in every request
        let mut refs = Vec::new();
        for text in labels.iter().flat_map(|(name, value)| [name, value]) {
            push_varint(&mut refs, self.number(text));
        }
        let mut bytes = Vec::new();
        push_field(&mut bytes, 1, &refs);
        bytes
    }

    fn number(&mut self, text: &str) -> u64 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.numbers.len() as u64;
        self.numbers.insert(text.to_owned(), number);
        push_field(&mut self.message, 4, text.as_bytes());
        number
    }
}

fn push_field(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    message.push(number << 3 | 2);
    push_varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
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
