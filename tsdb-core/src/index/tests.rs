//! [`resolve`] over a [`MemoryIndex`] against matching every label set in turn.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::memory::MemoryIndex;
use super::{LabelIndex, resolve};
use crate::error::Result;
use crate::model::{Labels, MatchOp, Matcher};

const NAMES: [&str; 4] = ["__name__", "a", "job", "le"];
const VALUES: [&str; 10] = [
    "", "a", "ab", "abc", "b", "ba", "node", "node\n1", "nodes", "é",
];
const PATTERNS: [&str; 24] = [
    "",
    ".*",
    ".+",
    "a",
    "a|b",
    "a|",
    "|a|zz",
    "a.*",
    "ab?",
    "(a|b)a?",
    "[ab]c?",
    "node.*",
    "node.+",
    "node(s|\n1)",
    "nod",
    ".*b",
    "(.*)",
    "(.+)|",
    "x.*",
    "é|e",
    "é.*",
    "a{2,3}",
    "(?i)NODE",
    "[^a]*",
];

pub(super) fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::vec(prop::sample::select(&VALUES), NAMES.len())
        .prop_map(|values| Labels::from_pairs(NAMES.iter().zip(values)).expect("names differ"))
}

pub(super) fn matcher() -> impl Strategy<Value = Matcher> {
    let name = prop_oneof![9 => prop::sample::select(&NAMES), 1 => Just("absent")];
    let equal =
        (name.clone(), prop::sample::select(&VALUES), any::<bool>()).prop_map(|(n, v, not)| {
            if not {
                Matcher::not_equal(n, v)
            } else {
                Matcher::equal(n, v)
            }
        });
    let regex = (name, prop::sample::select(&PATTERNS), any::<bool>()).prop_map(|(n, p, not)| {
        let op = if not {
            MatchOp::NotRegex
        } else {
            MatchOp::Regex
        };
        Matcher::new(op, n, p).expect("pattern compiles")
    });
    prop_oneof![equal, regex]
}

fn index_of(series: &[Labels]) -> MemoryIndex {
    let index = MemoryIndex::default();
    for (id, labels) in (0u32..).zip(series) {
        index.add(id, &index.intern(labels.as_bytes()));
    }
    index
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn agrees_with_matching_every_series(
        series in prop::collection::vec(labels(), 0..60),
        matchers in prop::collection::vec(matcher(), 0..4),
    ) {
        let expected: Vec<u32> = (0u32..)
            .zip(&series)
            .filter(|(_, labels)| {
                matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or("")))
            })
            .map(|(id, _)| id)
            .collect();
        let found = resolve(&index_of(&series), &matchers).expect("memory does not fail");
        prop_assert_eq!(found, expected, "{:?}", matchers);
    }

    #[test]
    fn names_and_values_are_those_of_the_series_in_order(
        series in prop::collection::vec(labels(), 0..20),
    ) {
        let mut expected: BTreeMap<String, std::collections::BTreeSet<String>> = BTreeMap::new();
        for (name, value) in series.iter().flat_map(Labels::iter) {
            expected.entry(name.to_owned()).or_default().insert(value.to_owned());
        }
        let index = index_of(&series);
        prop_assert_eq!(index.label_names(), expected.keys().cloned().collect::<Vec<_>>());
        for name in NAMES {
            let values: Vec<String> = expected.get(name).into_iter().flatten().cloned().collect();
            prop_assert_eq!(index.label_values(name), values);
        }
    }
}

/// Counts what is asked of an index.
struct Counting {
    index: MemoryIndex,
    asked: RefCell<Vec<String>>,
}

impl LabelIndex for Counting {
    fn all(&self) -> Result<Vec<u32>> {
        self.asked.borrow_mut().push("all".into());
        self.index.all()
    }

    fn postings(&self, name: &str, value: &str) -> Result<Vec<u32>> {
        self.asked.borrow_mut().push(format!("{name}={value}"));
        self.index.postings(name, value)
    }

    fn postings_where(
        &self,
        name: &str,
        prefix: &str,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Vec<Vec<u32>>> {
        self.asked.borrow_mut().push(format!("{name}^{prefix}"));
        self.index.postings_where(name, prefix, keep)
    }
}

fn asked(matchers: &[Matcher]) -> Vec<String> {
    let series = [
        Labels::from_pairs([("__name__", "up"), ("job", "node"), ("a", "b")]).expect("valid"),
        Labels::from_pairs([("__name__", "down"), ("job", "nodes")]).expect("valid"),
    ];
    let counting = Counting {
        index: index_of(&series),
        asked: RefCell::default(),
    };
    resolve(&counting, matchers).expect("memory does not fail");
    counting.asked.into_inner()
}

fn regex(op: MatchOp, name: &str, pattern: &str) -> Matcher {
    Matcher::new(op, name, pattern).expect("pattern compiles")
}

#[test]
fn equality_is_looked_up_first_and_an_empty_list_ends_the_work() {
    let scan = regex(MatchOp::Regex, "job", ".+e.*");
    let gone = Matcher::equal("__name__", "gone");
    assert_eq!(asked(&[scan.clone(), gone]), ["__name__=gone"]);
    let up = Matcher::equal("__name__", "up");
    assert_eq!(asked(&[scan, up]), ["__name__=up", "job^"]);
}

#[test]
fn removing_comes_last_and_only_from_something() {
    let not = Matcher::not_equal("job", "node");
    assert_eq!(
        asked(&[not.clone(), Matcher::equal("a", "b")]),
        ["a=b", "job=node"]
    );
    assert_eq!(asked(&[not.clone(), Matcher::equal("a", "x")]), ["a=x"]);
    assert_eq!(asked(&[not]), ["all", "job=node"]);
}

#[test]
fn all_of_a_dashboard_variable_asks_nothing() {
    let any = regex(MatchOp::Regex, "job", ".*");
    assert_eq!(asked(&[Matcher::equal("a", "b"), any]), ["a=b"]);
}
