//! What of a pattern can be looked up: the finite set of values it matches, and the prefix all of them have.
//!
//! Both come from the HIR, in which case folding and classes are already spelled out as sets of characters.

use std::collections::BTreeSet;

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Most values of a literal set.
const MAX_LITERALS: usize = 256;

/// Most bytes of all values of a literal set together, and of a prefix made by repetition.
const MAX_BYTES: usize = 64 * 1024;

type Set = BTreeSet<Vec<u8>>;

/// All values that the fully anchored `hir` matches, sorted, if they are few.
pub(super) fn all(hir: &Hir) -> Option<Vec<String>> {
    let set = exact(
        hir,
        Edges {
            start: true,
            end: true,
        },
    )?;
    set.into_iter()
        .map(|literal| String::from_utf8(literal).ok())
        .collect()
}

/// The longest literal that every value starts with, as far as it can be seen.
pub(super) fn prefix(hir: &Hir, literals: Option<&[String]>) -> String {
    let prefix = match literals {
        // The first and the last of a sorted list differ soonest.
        Some([first, .., last]) => common(first.as_bytes(), last.as_bytes()).to_vec(),
        Some([only]) => only.clone().into_bytes(),
        Some([]) => Vec::new(),
        None => leading(hir).bytes,
    };
    match String::from_utf8(prefix) {
        Ok(prefix) => prefix,
        // Cut within a character.
        Err(error) => {
            let whole = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            bytes.truncate(whole);
            String::from_utf8(bytes).unwrap_or_default()
        }
    }
}

/// Whether an expression stands at the very start and the very end, where `^` and `$` hold anyway.
#[derive(Clone, Copy)]
struct Edges {
    start: bool,
    end: bool,
}

impl Edges {
    const NONE: Self = Self {
        start: false,
        end: false,
    };

    fn satisfy(self, look: Look) -> bool {
        match look {
            Look::Start | Look::StartLF | Look::StartCRLF => self.start,
            Look::End | Look::EndLF | Look::EndCRLF => self.end,
            _ => false,
        }
    }
}

fn exact(hir: &Hir, edges: Edges) -> Option<Set> {
    match hir.kind() {
        HirKind::Empty => Some(Set::from([Vec::new()])),
        HirKind::Literal(literal) => Some(Set::from([literal.0.to_vec()])),
        HirKind::Class(class) => chars(class),
        HirKind::Look(look) => edges.satisfy(*look).then(|| Set::from([Vec::new()])),
        HirKind::Repetition(repetition) => {
            let max = repetition.max?;
            let once = exact(&repetition.sub, Edges::NONE)?;
            let mut set = Set::new();
            let mut power = Set::from([Vec::new()]);
            for n in 0..=max {
                if n >= repetition.min {
                    set.extend(power.iter().cloned());
                    bounded(&set)?;
                }
                if n < max {
                    power = product(&power, &once)?;
                }
            }
            Some(set)
        }
        HirKind::Capture(capture) => exact(&capture.sub, edges),
        HirKind::Concat(parts) => {
            let mut set = Set::from([Vec::new()]);
            let last = parts.len().saturating_sub(1);
            for (i, part) in parts.iter().enumerate() {
                let edges = Edges {
                    start: edges.start && i == 0,
                    end: edges.end && i == last,
                };
                set = product(&set, &exact(part, edges)?)?;
            }
            Some(set)
        }
        HirKind::Alternation(branches) => {
            let mut set = Set::new();
            for branch in branches {
                set.append(&mut exact(branch, edges)?);
                bounded(&set)?;
            }
            Some(set)
        }
    }
}

/// The characters of a class, if they are few.
fn chars(class: &Class) -> Option<Set> {
    let mut set = Set::new();
    let mut add = |mut chars: &mut dyn Iterator<Item = char>| {
        set.extend(
            (&mut chars)
                .take(MAX_LITERALS + 1)
                .map(|c| c.to_string().into_bytes()),
        );
        bounded(&set)
    };
    match class {
        Class::Unicode(class) => {
            for range in class.ranges() {
                add(&mut (range.start()..=range.end()))?;
            }
        }
        Class::Bytes(class) => {
            for range in class.ranges() {
                if !range.end().is_ascii() {
                    return None;
                }
                add(&mut (range.start()..=range.end()).map(char::from))?;
            }
        }
    }
    Some(set)
}

/// Every string of `a` followed by every string of `b`, if they are few.
fn product(a: &Set, b: &Set) -> Option<Set> {
    let size = |set: &Set| set.iter().map(Vec::len).sum::<usize>();
    // Checked before the strings are made: nested repetitions grow exponentially.
    if a.len() * b.len() > MAX_LITERALS * MAX_LITERALS
        || size(a) * b.len() + size(b) * a.len() > 2 * MAX_BYTES
    {
        return None;
    }
    let set = a
        .iter()
        .flat_map(|a| b.iter().map(move |b| [a.as_slice(), b].concat()))
        .collect();
    bounded(&set)?;
    Some(set)
}

fn bounded(set: &Set) -> Option<()> {
    (set.len() <= MAX_LITERALS && set.iter().map(Vec::len).sum::<usize>() <= MAX_BYTES)
        .then_some(())
}

/// What every match of an expression starts with.
struct Leading {
    bytes: Vec<u8>,
    /// Whether that is the whole match, so that what follows the expression goes on from it.
    whole: bool,
}

impl Leading {
    const NOTHING_KNOWN: Self = Self {
        bytes: Vec::new(),
        whole: false,
    };
    const EMPTY: Self = Self {
        bytes: Vec::new(),
        whole: true,
    };
}

fn leading(hir: &Hir) -> Leading {
    match hir.kind() {
        // An assertion takes no bytes, and what it rules out makes the prefix no less true.
        HirKind::Empty | HirKind::Look(_) => Leading::EMPTY,
        HirKind::Literal(literal) => Leading {
            bytes: literal.0.to_vec(),
            whole: true,
        },
        HirKind::Class(class) => match chars(class).map(Vec::from_iter).as_deref() {
            Some([only]) => Leading {
                bytes: only.clone(),
                whole: true,
            },
            _ => Leading::NOTHING_KNOWN,
        },
        HirKind::Repetition(repetition) => {
            let once = leading(&repetition.sub);
            let mut leading = Leading {
                bytes: Vec::new(),
                whole: repetition.max == Some(repetition.min),
            };
            for _ in 0..repetition.min {
                leading.bytes.extend_from_slice(&once.bytes);
                if !once.whole || leading.bytes.len() > MAX_BYTES {
                    leading.whole = false;
                    break;
                }
            }
            leading
        }
        HirKind::Capture(capture) => leading(&capture.sub),
        HirKind::Concat(parts) => {
            let mut all = Leading::EMPTY;
            for part in parts {
                let part = leading(part);
                all.bytes.extend_from_slice(&part.bytes);
                if !part.whole || all.bytes.len() > MAX_BYTES {
                    all.whole = false;
                    break;
                }
            }
            all
        }
        HirKind::Alternation(branches) => {
            let mut branches = branches.iter().map(leading);
            let Some(mut all) = branches.next() else {
                return Leading::NOTHING_KNOWN;
            };
            for branch in branches {
                all.whole &= branch.whole && branch.bytes == all.bytes;
                all.bytes.truncate(common(&all.bytes, &branch.bytes).len());
            }
            all
        }
    }
}

/// The longest common prefix, in bytes.
fn common<'a>(a: &'a [u8], b: &[u8]) -> &'a [u8] {
    let len = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    a.get(..len).unwrap_or(a)
}
