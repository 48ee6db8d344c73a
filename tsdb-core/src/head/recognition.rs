//! Series known by the bytes in which senders encode their labels, so that the labels need not be read again.
//!
//! A sender repeats itself: after one series comes the one that came after it the last time. Each *form* (the encoded
//! labels of a series, known by their length and a keyed 128-bit hash) remembers its successor; when the guess is wrong a
//! table finds the form. Nothing here keeps the bytes: who does not know the key cannot make two encodings with one hash.

use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::HashTable;
use parking_lot::RwLock;

use super::SeriesRef;
use crate::model::{Encoding, FormKey};
use crate::slab::Slab;

/// Names a form inside one generation.
pub(crate) type FormRef = u32;

/// Encoded labels that were recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) form: FormRef,
    pub(crate) series: SeriesRef,
}

const NONE: u32 = u32::MAX;

/// The forms of the series of a generation.
#[derive(Debug)]
pub(crate) struct Recognition {
    forms: Slab<Form>,
    // Read by every request for the forms that were not guessed; written by the lane for new ones.
    table: RwLock<HashTable<FormRef>>,
}

#[derive(Debug)]
struct Form {
    key: FormKey,
    /// Bytes of the encoded labels.
    len: u32,
    series: SeriesRef,
    /// The form that came after this one the last time: a guess that is always checked.
    successor: AtomicU32,
}

impl Recognition {
    /// Memory of a form, table included, in bytes.
    pub(crate) const BYTES_PER_FORM: usize = size_of::<Form>() + size_of::<usize>() + 8;

    pub(crate) fn new() -> Self {
        Self {
            forms: Slab::new(),
            table: RwLock::default(),
        }
    }

    /// The form that came after `previous` the last time, if the bytes begin with it; and how many of them it takes.
    /// `hash` makes the key of bytes.
    #[inline]
    pub(crate) fn guess(
        &self,
        previous: FormRef,
        bytes: &[u8],
        hash: impl FnOnce(&[u8]) -> FormKey,
    ) -> Option<(Known, usize)> {
        // Relaxed: a guess; what it names is checked, and found through the slab's own ordering.
        let guess = self.forms.get(previous)?.successor.load(Ordering::Relaxed);
        let form = self.forms.get(guess)?;
        let encoded = bytes.get(..form.len as usize)?;
        let known = Known {
            form: guess,
            series: form.series,
        };
        (hash(encoded) == form.key).then_some((known, encoded.len()))
    }

    /// The form with this key. `previous` is the form that came before it in the same request, after which it is guessed
    /// from now on.
    #[inline]
    pub(crate) fn find(&self, previous: Option<FormRef>, key: FormKey) -> Option<Known> {
        let successor = previous
            .and_then(|form| self.forms.get(form))
            .map(|previous| &previous.successor);
        if let Some(successor) = successor {
            let guess = successor.load(Ordering::Relaxed);
            if let Some(form) = self.forms.get(guess)
                && form.key == key
            {
                let series = form.series;
                return Some(Known {
                    form: guess,
                    series,
                });
            }
        }
        let found = {
            let table = self.table.read();
            *table.find(key[0], |&form| self.key(form) == Some(key))?
        };
        if let Some(successor) = successor {
            successor.store(found, Ordering::Relaxed);
        }
        Some(Known {
            form: found,
            series: self.forms.get(found)?.series,
        })
    }

    /// Adds to `found` the forms with these keys; `previous` is the form that came before the first. Returns how many of them were
    /// guessed, which each of them is from now on.
    ///
    /// The table is asked for all of them before anything else, so that many wait for memory at a time.
    pub(crate) fn find_all(
        &self,
        mut previous: Option<FormRef>,
        encodings: &[Encoding],
        found: &mut Vec<Option<Known>>,
    ) -> usize {
        let first = found.len();
        {
            let table = self.table.read();
            found.extend(encodings.iter().map(|&Encoding { key, .. }| {
                let &form = table.find(key[0], |&form| self.key(form) == Some(key))?;
                let series = self.forms.get(form)?.series;
                Some(Known { form, series })
            }));
        }
        let mut guessed = 0;
        for known in found.iter().skip(first) {
            let form = known.map(|known| known.form);
            if let Some(form) = form
                && let Some(previous) = previous.and_then(|form| self.forms.get(form))
            {
                match previous.successor.load(Ordering::Relaxed) == form {
                    true => guessed += 1,
                    false => previous.successor.store(form, Ordering::Relaxed),
                }
            }
            previous = form;
        }
        guessed
    }

    /// Remembers a form of a series. For the lane alone. `series_len` bounds what is remembered: a sender that encodes the
    /// same labels in ever new ways gets no more memory for it.
    ///
    /// `previous` is the form that was learned right before it from the same request: what comes together first comes together
    /// the next time. Returns the form, if it is new.
    pub(crate) fn learn(
        &self,
        encoding: Encoding,
        series: SeriesRef,
        previous: Option<FormRef>,
        series_len: u32,
    ) -> Option<FormRef> {
        let Encoding { key, len } = encoding;
        let most = series_len.saturating_mul(2).saturating_add(1024);
        if self.forms.len() >= most {
            return None;
        }
        let mut table = self.table.write();
        if table
            .find(key[0], |&form| self.key(form) == Some(key))
            .is_some()
        {
            return None;
        }
        let form = self.forms.push(Form {
            key,
            len,
            series,
            successor: AtomicU32::new(NONE),
        });
        table.insert_unique(key[0], form, |&form| self.key(form).map_or(0, |key| key[0]));
        if let Some(previous) = previous.and_then(|previous| self.forms.get(previous)) {
            previous.successor.store(form, Ordering::Relaxed);
        }
        Some(form)
    }

    /// Number of forms.
    pub(crate) fn len(&self) -> usize {
        self.forms.len() as usize
    }

    fn key(&self, form: FormRef) -> Option<FormKey> {
        self.forms.get(form).map(|form| form.key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Keys that share their first word, as hashes that collide in the table do.
    fn key(label: u64) -> FormKey {
        [label / 2, label]
    }

    proptest! {
        /// Whatever was guessed before, the answer is that of a plain table; the bytes of an encoding are its label.
        #[test]
        fn agrees_with_a_plain_table(requests in prop::collection::vec(prop::collection::vec(0u64..40, 0..30), 1..20)) {
            let recognition = Recognition::new();
            let mut plain = std::collections::HashMap::new();
            for request in requests {
                let mut previous = None;
                for &label in &request {
                    let key = key(label);
                    let bytes = vec![label as u8; label as usize + 1];
                    let hash = |encoded: &[u8]| if encoded == bytes { key } else { [0, u64::MAX] };
                    let guess = previous.and_then(|previous| recognition.guess(previous, &bytes, hash));
                    if let Some((_, len)) = guess {
                        prop_assert_eq!(len, bytes.len());
                    }
                    let found = guess.map(|(known, _)| known).or_else(|| recognition.find(previous, key));
                    prop_assert_eq!(found.map(|known| known.series), plain.get(&key).copied());
                    previous = found.map(|known| known.form);
                }
                let encodings: Vec<Encoding> = request.iter().map(|&label| Encoding { key: key(label), len: 0 }).collect();
                let mut found = Vec::new();
                recognition.find_all(None, &encodings, &mut found);
                for (label, found) in request.iter().zip(&found) {
                    prop_assert_eq!(found.map(|known| known.series), plain.get(&key(*label)).copied());
                }
                // All of those that were found are what is guessed now.
                let known = found.windows(2).filter(|pair| pair.iter().all(Option::is_some));
                let repeated = request.len() - request.iter().collect::<std::collections::HashSet<_>>().len();
                if repeated == 0 {
                    prop_assert_eq!(recognition.find_all(None, &encodings, &mut Vec::new()), known.count());
                }
                let mut learned = None;
                for &label in &request {
                    plain.entry(key(label)).or_insert(label as u32);
                    let encoding = Encoding { key: key(label), len: label as u32 + 1 };
                    learned = recognition.learn(encoding, label as u32, learned, 40);
                }
            }
            prop_assert_eq!(recognition.len(), plain.len());
        }
    }

    #[test]
    fn what_was_learned_in_one_request_is_guessed_in_the_next() {
        let recognition = Recognition::new();
        let mut learned = None;
        for n in 0..3 {
            let encoding = Encoding {
                key: [n, n],
                len: 1,
            };
            learned = recognition.learn(encoding, n as u32, learned, 3);
        }
        let mut known = recognition.find(None, [0, 0]).unwrap();
        for n in 1..3 {
            (known, _) = recognition.guess(known.form, b"?", |_| [n, n]).unwrap();
            assert_eq!(known.series, n as u32);
        }
    }

    #[test]
    fn memory_is_bounded_by_the_number_of_series() {
        let recognition = Recognition::new();
        for n in 0..10_000 {
            recognition.learn(
                Encoding {
                    key: [n, n],
                    len: 1,
                },
                0,
                None,
                1,
            );
        }
        assert_eq!(recognition.len(), 1026);
    }
}
