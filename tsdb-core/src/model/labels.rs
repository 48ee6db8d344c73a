//! Label sets in canonical bytes.
//!
//! ```text
//! │ len(name) <uvarint> │ name │ len(value) <uvarint> │ value │ … sorted by name, no empty value, no name twice
//! ```
//!
//! Two label sets are equal when their canonical bytes are. Their *order* is not that of the bytes but that of
//! Prometheus's `labels.Compare`: label by label, name before value, a prefix first.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// Name of the label that holds the metric name.
pub const METRIC_NAME: &str = "__name__";

/// Upper bound of the canonical bytes of one label set.
pub const MAX_LABEL_SET_BYTES: usize = 64 * 1024;

/// Why a label set was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LabelError {
    /// A label has no name.
    EmptyName,
    /// The same name stands twice.
    DuplicateName(String),
    /// The set has no label with a value.
    EmptySet,
    /// The canonical form is larger than [`MAX_LABEL_SET_BYTES`].
    TooLarge {
        /// Size of the canonical form, in bytes.
        bytes: usize,
    },
    /// Bytes that should be a canonical label set are not one.
    NotCanonical(&'static str),
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyName => write!(f, "label name is empty"),
            Self::DuplicateName(name) => write!(f, "label name {name:?} is not unique"),
            Self::EmptySet => write!(f, "label set is empty"),
            Self::TooLarge { bytes } => {
                write!(
                    f,
                    "label set has {bytes} bytes, the limit is {MAX_LABEL_SET_BYTES}"
                )
            }
            Self::NotCanonical(what) => write!(f, "label set is not canonical: {what}"),
        }
    }
}

impl std::error::Error for LabelError {}

/// An immutable label set. Cloning shares the bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels {
    bytes: Arc<[u8]>,
}

impl Default for Labels {
    fn default() -> Self {
        Self::empty()
    }
}

impl Labels {
    /// The label set without labels: a result of PromQL, never a stored series.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            bytes: Arc::from([].as_slice()),
        }
    }

    /// Builds a label set from pairs in any order. Pairs with an empty value are left out.
    ///
    /// # Errors
    /// [`LabelError`] for an empty or repeated name, or when the set is too large.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, LabelError> {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder
                .pairs
                .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        }
        builder.build()
    }

    /// Takes canonical bytes, checking that they are canonical.
    ///
    /// # Errors
    /// [`LabelError::NotCanonical`] or [`LabelError::TooLarge`].
    pub fn from_canonical(bytes: &[u8]) -> Result<Self, LabelError> {
        check_canonical(bytes)?;
        Ok(Self {
            bytes: bytes.into(),
        })
    }

    /// Takes canonical bytes that were checked before.
    pub(crate) fn from_checked(bytes: Vec<u8>) -> Self {
        debug_assert!(check_canonical(&bytes).is_ok());
        Self {
            bytes: bytes.into(),
        }
    }

    /// The canonical bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The labels in order of their names.
    #[must_use]
    pub fn iter(&self) -> LabelIter<'_> {
        LabelIter::over(&self.bytes)
    }

    /// The value of `name`; `None` when the label is absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        for (n, v) in self.iter() {
            match n.cmp(name) {
                Ordering::Less => {}
                Ordering::Equal => return Some(v),
                Ordering::Greater => return None,
            }
        }
        None
    }

    /// The metric name, `""` when there is none.
    #[must_use]
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or("")
    }

    /// Number of labels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is no label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether another label set is a clone of this one, with which it shares its memory.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.bytes) > 1
    }

    /// The labels for whose names `keep` says true.
    #[must_use]
    pub fn filtered(&self, mut keep: impl FnMut(&[u8]) -> bool) -> Self {
        let mut out = Vec::with_capacity(self.bytes.len());
        let mut labels = self.iter();
        while let Some(pair) = labels.next_pair() {
            let name = LabelIter::over(pair).take_bytes();
            if name.is_some_and(&mut keep) {
                out.extend_from_slice(pair);
            }
        }
        Self { bytes: out.into() }
    }

    /// A builder that starts with these labels.
    #[must_use]
    pub fn to_builder(&self) -> LabelsBuilder {
        LabelsBuilder {
            pairs: self
                .iter()
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .collect(),
        }
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    /// The order of Prometheus's `labels.Compare`.
    fn cmp(&self, other: &Self) -> Ordering {
        // Text is in the order of its bytes, and that both are text is known.
        let (mut a, mut b) = (self.iter(), other.iter());
        std::iter::from_fn(|| a.take_bytes()).cmp(std::iter::from_fn(|| b.take_bytes()))
    }
}

impl fmt::Debug for Labels {
    /// As Prometheus prints a label set: `{a="1", b="2"}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={value:?}")?;
        }
        write!(f, "}}")
    }
}

/// Iterator over `(name, value)` of canonical bytes. Stops at the first byte that is not canonical.
#[derive(Clone, Debug)]
pub struct LabelIter<'a> {
    rest: &'a [u8],
}

impl<'a> LabelIter<'a> {
    /// Iterates over canonical bytes that were checked before.
    #[must_use]
    pub fn over(canonical: &'a [u8]) -> Self {
        Self { rest: canonical }
    }

    fn take_str(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.take_bytes()?).ok()
    }

    /// The next name and value as bytes, of which UTF-8 is not checked: for who compares them only.
    #[inline]
    pub fn next_bytes(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        Some((self.take_bytes()?, self.take_bytes()?))
    }

    /// The next label as its part of the canonical bytes: name and value, each behind its length.
    #[inline]
    pub(crate) fn next_pair(&mut self) -> Option<&'a [u8]> {
        let before = self.rest;
        self.next_bytes()?;
        before.get(..before.len() - self.rest.len())
    }

    /// The next name or value.
    #[inline]
    fn take_bytes(&mut self) -> Option<&'a [u8]> {
        let (len, used) = read_uvarint(self.rest)?;
        let end = used.checked_add(len)?;
        let bytes = self.rest.get(used..end)?;
        self.rest = self.rest.get(end..)?;
        Some(bytes)
    }
}

impl<'a> Iterator for LabelIter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        Some((self.take_str()?, self.take_str()?))
    }
}

/// Collects labels in any order and makes a [`Labels`] of them.
#[derive(Clone, Debug, Default)]
pub struct LabelsBuilder {
    pairs: Vec<(String, String)>,
}

impl LabelsBuilder {
    /// Sets a label, replacing an earlier value. An empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.remove(name);
        if !value.is_empty() {
            self.pairs.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Adds a label without looking for an earlier one; [`build`](Self::build) reports a name that stands twice.
    pub(crate) fn set_unchecked(&mut self, name: &str, value: &str) {
        self.pairs.push((name.to_owned(), value.to_owned()));
    }

    /// Removes a label if it is there.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.pairs.retain(|(n, _)| n != name);
        self
    }

    /// Sorts, checks and encodes. Pairs with an empty value are left out.
    ///
    /// # Errors
    /// [`LabelError`] for an empty or repeated name, or when the set is too large.
    pub fn build(mut self) -> Result<Labels, LabelError> {
        self.pairs.sort_unstable();
        let mut out = Vec::new();
        let mut last: Option<&str> = None;
        for (name, value) in &self.pairs {
            if name.is_empty() {
                return Err(LabelError::EmptyName);
            }
            if last == Some(name) {
                return Err(LabelError::DuplicateName(name.clone()));
            }
            last = Some(name);
            if !value.is_empty() {
                push_label(&mut out, name, value);
            }
        }
        if out.len() > MAX_LABEL_SET_BYTES {
            return Err(LabelError::TooLarge { bytes: out.len() });
        }
        Ok(Labels { bytes: out.into() })
    }
}

/// Appends one label in canonical form.
pub(crate) fn push_label(out: &mut Vec<u8>, name: &str, value: &str) {
    push_uvarint(out, name.len() as u64);
    out.extend_from_slice(name.as_bytes());
    push_uvarint(out, value.len() as u64);
    out.extend_from_slice(value.as_bytes());
}

/// Checks that `bytes` are a canonical label set: well formed, UTF-8, names strictly rising, no empty name or value.
///
/// # Errors
/// [`LabelError::NotCanonical`] or [`LabelError::TooLarge`].
pub(crate) fn check_canonical(bytes: &[u8]) -> Result<(), LabelError> {
    if bytes.len() > MAX_LABEL_SET_BYTES {
        return Err(LabelError::TooLarge { bytes: bytes.len() });
    }
    // Most sets are: then no text of them needs to be looked at alone.
    let is_ascii = bytes.is_ascii();
    let mut iter = LabelIter::over(bytes);
    let mut last: &[u8] = b"";
    while !iter.rest.is_empty() {
        let is_text = |bytes| is_ascii || std::str::from_utf8(bytes).is_ok();
        let label = iter.next_bytes();
        let Some((name, value)) = label.filter(|(name, value)| is_text(name) && is_text(value))
        else {
            return Err(LabelError::NotCanonical("cut short or not UTF-8"));
        };
        if name.is_empty() || value.is_empty() {
            return Err(LabelError::NotCanonical("empty name or value"));
        }
        if name <= last {
            return Err(LabelError::NotCanonical("names are not strictly rising"));
        }
        last = name;
    }
    Ok(())
}

fn push_uvarint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Reads a length; lengths beyond [`MAX_LABEL_SET_BYTES`] do not occur in canonical bytes, so three bytes suffice.
#[inline]
fn read_uvarint(bytes: &[u8]) -> Option<(usize, usize)> {
    match bytes.first() {
        Some(&len @ 0..0x80) => Some((usize::from(len), 1)),
        _ => read_long_uvarint(bytes),
    }
}

fn read_long_uvarint(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut n = 0usize;
    for (i, &b) in bytes.iter().take(3).enumerate() {
        n |= usize::from(b & 0x7f) << (7 * i);
        if b < 0x80 {
            // A second form of the same number would give one label set two byte forms.
            return (i == 0 || b != 0).then_some((n, i + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn order_is_label_by_label() {
        let l = |p: &[(&str, &str)]| Labels::from_pairs(p.iter().copied()).unwrap();
        assert!(l(&[("a", "1")]) < l(&[("a", "1"), ("b", "1")]));
        assert!(l(&[("a", "1"), ("b", "1")]) < l(&[("a", "2")]));
        // By bytes the shorter value would sort first.
        assert!(l(&[("a", "aaa")]) < l(&[("a", "b")]));
        assert!(l(&[("aaa", "1")]) < l(&[("b", "1")]));
    }

    #[test]
    fn bad_sets_are_refused() {
        assert_eq!(Labels::from_pairs([("", "x")]), Err(LabelError::EmptyName));
        assert_eq!(
            Labels::from_pairs([("a", "x"), ("a", "y")]),
            Err(LabelError::DuplicateName("a".into()))
        );
        let long = "x".repeat(MAX_LABEL_SET_BYTES);
        assert!(matches!(
            Labels::from_pairs([("a", &long)]),
            Err(LabelError::TooLarge { .. })
        ));
        assert_eq!(Labels::from_pairs([("a", "")]), Ok(Labels::empty()));
    }

    proptest! {
        #[test]
        fn canonical_bytes_round_trip(pairs in proptest::collection::btree_map("[a-z]{1,4}", "\\PC{1,200}", 0..6)) {
            let labels = Labels::from_pairs(pairs.iter()).unwrap();
            let back = Labels::from_canonical(labels.as_bytes()).unwrap();
            prop_assert_eq!(&labels, &back);
            prop_assert!(back.iter().eq(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(labels) = Labels::from_canonical(&bytes) {
                prop_assert_eq!(Labels::from_pairs(labels.iter()).unwrap(), labels);
            }
        }
    }
}
