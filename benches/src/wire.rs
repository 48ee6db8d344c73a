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
    labels: EncodedLabels,
}

#[derive(Debug)]
enum EncodedLabels {
    Bytes(Vec<u8>),
    /// Names and values in turn, by their place among all symbols.
    Symbols(Vec<usize>),
}

/// Makes the requests of one group of series.
#[derive(Debug)]
pub struct Requests {
    series: Vec<Encoded>,
    symbols: Symbols,
    /// The series of the request that is made.
    body: Vec<u8>,
    message: Vec<u8>,
    /// When the first scrape was, in milliseconds.
    start_ms: i64,
    /// State of the shuffling.
    random: u64,
}

impl Requests {
    /// For the series with these numbers, of a scraped machine, by remote write 1.0; of scrapes since `start_ms`.
    #[must_use]
    pub fn of(numbers: impl IntoIterator<Item = usize>, start_ms: i64) -> Self {
        Self::new(numbers, labels, Version::V1, start_ms)
    }

    /// For the series with these numbers and the labels that `labels` gives them.
    #[must_use]
    pub fn new(
        numbers: impl IntoIterator<Item = usize>,
        labels: impl Fn(usize) -> LabelPairs,
        version: Version,
        start_ms: i64,
    ) -> Self {
        let mut symbols = Symbols::default();
        let encode = |number| {
            let labels = labels(number);
            let labels = match version {
                Version::V1 => EncodedLabels::Bytes(encoded_labels(&labels)),
                Version::V2 => EncodedLabels::Symbols(symbols.places_of(&labels)),
            };
            Encoded { number, labels }
        };
        let series: Vec<Encoded> = numbers.into_iter().map(encode).collect();
        Self {
            random: series.first().map_or(0, |series| series.number as u64) + 1,
            series,
            symbols,
            body: Vec::new(),
            message: Vec::new(),
            start_ms,
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
        self.scrapes(i..i + 1)
    }

    /// The message of several scrapes, one after the other, before compression.
    pub fn scrapes(&mut self, scrapes: Range<usize>) -> &[u8] {
        let start_ms = self.start_ms;
        self.message(scrapes.map(|i| (i, start_ms + i as i64 * STEP_MS)))
    }

    /// The message of a scrape between number `i` and the next, with the values of number `i`.
    pub fn between(&mut self, i: usize) -> &[u8] {
        let t_ms = self.start_ms + i as i64 * STEP_MS + STEP_MS / 2;
        self.message(std::iter::once((i, t_ms)))
    }

    /// The message of scrapes with these numbers and times.
    fn message(&mut self, scrapes: impl Iterator<Item = (usize, i64)>) -> &[u8] {
        self.body.clear();
        self.symbols.begin();
        for (i, t_ms) in scrapes {
            for series in &self.series {
                push_series(&mut self.body, &mut self.symbols, series, i, t_ms);
            }
        }
        self.message.clone_from(&self.symbols.message);
        self.message.extend_from_slice(&self.body);
        &self.message
    }
}

/// A series with one sample, of scrape number `i`.
fn push_series(body: &mut Vec<u8>, symbols: &mut Symbols, series: &Encoded, i: usize, t_ms: i64) {
    let (number, labels) = match &series.labels {
        EncodedLabels::Bytes(bytes) => (1, bytes.as_slice()),
        EncodedLabels::Symbols(places) => (5, symbols.refs(places)),
    };
    let mut sample = [0; 20];
    let (head, time) = sample.split_at_mut(10);
    let value = shape(series.number).value(series.number, i);
    head[0] = 1 << 3 | 1;
    head[1..9].copy_from_slice(&value.to_le_bytes());
    head[9] = 2 << 3;
    let sample_len = 10 + write_varint(time, t_ms.cast_unsigned());
    body.push(number << 3 | 2);
    push_varint(body, (labels.len() + 2 + sample_len) as u64);
    body.extend_from_slice(labels);
    push_field(body, 2, &sample[..sample_len]);
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

/// The symbols of requests of version 2. As Prometheus does, each request numbers those that it needs, in the order in which its
/// series name them.
#[derive(Debug, Default)]
struct Symbols {
    places: HashMap<String, usize>,
    all: Vec<Symbol>,
    /// How many the request has.
    count: u64,
    /// The symbols of the request.
    message: Vec<u8>,
    refs: Vec<u8>,
    field: Vec<u8>,
}

#[derive(Debug)]
struct Symbol {
    text: String,
    /// In the request.
    number: Option<u64>,
}

impl Symbols {
    fn places_of(&mut self, labels: &[(String, String)]) -> Vec<usize> {
        let texts = labels.iter().flat_map(|(name, value)| [name, value]);
        texts.map(|text| self.place(text)).collect()
    }

    fn place(&mut self, text: &str) -> usize {
        if let Some(&place) = self.places.get(text) {
            return place;
        }
        let place = self.all.len();
        self.places.insert(text.to_owned(), place);
        self.all.push(Symbol {
            text: text.to_owned(),
            number: None,
        });
        place
    }

    /// Begins a request.
    fn begin(&mut self) {
        self.message.clear();
        self.count = 0;
        if !self.all.is_empty() {
            self.all.iter_mut().for_each(|symbol| symbol.number = None);
            push_field(&mut self.message, 4, b""); // is the first in every request
            self.count = 1;
        }
    }

    /// The labels as numbers of symbols.
    fn refs(&mut self, places: &[usize]) -> &[u8] {
        self.refs.clear();
        for &place in places {
            let symbol = &mut self.all[place];
            let number = *symbol.number.get_or_insert_with(|| {
                push_field(&mut self.message, 4, symbol.text.as_bytes());
                self.count += 1;
                self.count - 1
            });
            push_varint(&mut self.refs, number);
        }
        self.field.clear();
        push_field(&mut self.field, 1, &self.refs);
        &self.field
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
