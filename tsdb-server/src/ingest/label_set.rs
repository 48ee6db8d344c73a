//! The labels of a series on their way into a batch.

use tsdb_core::{MAX_LABEL_SET_BYTES, METRIC_NAME};

/// More labels than this are too large for any series: each takes four bytes at least.
pub(crate) const MAX_LABELS: usize = MAX_LABEL_SET_BYTES / 4;

/// The labels of one series, and their canonical bytes; the memory is used again for every series.
#[derive(Debug, Default)]
pub(crate) struct LabelSet<'a> {
    pairs: Vec<(&'a [u8], &'a [u8])>,
    canonical: Vec<u8>,
    /// Bytes of all names and values that came.
    bytes: usize,
    /// The first reason why the labels are not valid.
    invalid: Option<&'static str>,
}

impl<'a> LabelSet<'a> {
    pub(super) fn clear(&mut self) {
        self.pairs.clear();
        self.canonical.clear();
        self.bytes = 0;
        self.invalid = None;
    }

    /// Adds a label.
    pub(crate) fn push(&mut self, name: &'a [u8], value: &'a [u8]) {
        // First, and for all together: labels may refer to the same long text, each series to it anew.
        self.bytes = self.bytes.saturating_add(name.len() + value.len());
        if self.bytes > MAX_LABEL_SET_BYTES {
            return self.invalid("labels have more than 65536 bytes");
        }
        if name.is_empty() {
            self.invalid("a label name is empty");
        } else if self.pairs.len() >= MAX_LABELS {
            self.invalid("there are more than 16384 labels");
        } else {
            self.pairs.push((name, value));
        }
    }

    /// Notes that the labels are not valid.
    pub(super) fn invalid(&mut self, reason: &'static str) {
        self.invalid.get_or_insert(reason);
    }

    /// The value of a label, empty if there is none.
    pub(super) fn value_of(&self, name: &str) -> &'a str {
        let found = self.pairs.iter().find(|(n, _)| *n == name.as_bytes());
        found.map_or("", |(_, value)| {
            std::str::from_utf8(value).unwrap_or_default()
        })
    }

    /// Takes a label out.
    pub(super) fn remove(&mut self, name: &str) {
        self.pairs.retain(|(n, _)| *n != name.as_bytes());
    }

    /// Sorts the labels if the sender did not, checks them as Prometheus's receiver does, and encodes them.
    ///
    /// # Errors
    /// The reason why they are not valid.
    pub(crate) fn canonical(&mut self) -> Result<&[u8], &'static str> {
        if self.encode()? {
            Ok(&self.canonical)
        } else {
            Err("there is no metric name")
        }
    }

    /// The same for labels that are not those of a series; there may be none.
    ///
    /// # Errors
    /// The reason why they are not valid.
    pub(crate) fn canonical_of_any(&mut self) -> Result<&[u8], &'static str> {
        self.encode()?;
        Ok(&self.canonical)
    }

    /// Whether there is a metric name.
    fn encode(&mut self) -> Result<bool, &'static str> {
        if let Some(reason) = self.invalid {
            return Err(reason);
        }
        self.canonical.clear();
        if !self.pairs.is_sorted() {
            self.pairs.sort_unstable();
        }
        let mut last: &[u8] = b"";
        let mut named = false;
        let mut is_ascii = true;
        for &(name, value) in &self.pairs {
            if name == last {
                return Err("a label name stands twice");
            }
            last = name;
            if value.is_empty() {
                is_ascii &= name.is_ascii();
                continue; // the same as no label
            }
            named |= name == METRIC_NAME.as_bytes();
            for text in [name, value] {
                uvarint(&mut self.canonical, text.len());
                self.canonical.extend_from_slice(text);
            }
        }
        // Most sets are: then no text of them needs to be looked at alone.
        is_ascii &= self.canonical.is_ascii();
        let is_text = |text| std::str::from_utf8(text).is_ok();
        let are_text = |&(name, value): &(_, _)| is_text(name) && is_text(value);
        if is_ascii || self.pairs.iter().all(are_text) {
            Ok(named)
        } else {
            Err("a label is not UTF-8")
        }
    }

    /// The labels for an error text, cut where they get long.
    pub(crate) fn shown(&self) -> String {
        let pairs: Vec<String> = self
            .pairs
            .iter()
            .take(30)
            .map(|(n, v)| {
                let [n, v] = [n, v].map(|text| String::from_utf8_lossy(text));
                format!("{n}={v:?}")
            })
            .collect();
        let text: String = format!("{{{}}}", pairs.join(", "));
        match text.char_indices().nth(500) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
            None => text,
        }
    }
}

fn uvarint(out: &mut Vec<u8>, mut n: usize) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}
