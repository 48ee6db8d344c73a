//! From matchers to series.
//!
//! Semantics of Prometheus's `tsdb.PostingsForMatchers`: an absent label has the value `""`. A matcher that `""` does
//! not satisfy *selects*: the union of the postings of the values that match. A matcher that `""` satisfies cannot be
//! selected by, since series without the label stand in no postings list of it; it *removes* the union of the
//! postings of the values that do not match.

use super::{LabelIndex, postings};
use crate::error::Result;
use crate::model::{MatchOp, Matcher};

/// The series that satisfy all matchers, strictly rising. Without matchers: every series.
///
/// Cheap lookups come first and the work ends as soon as nothing can match; values of a label are visited only for
/// a pattern that is not a finite set, and then only those with the pattern's literal prefix.
///
/// # Errors
/// Those of the index.
pub(crate) fn resolve(index: &dyn LabelIndex, matchers: &[Matcher]) -> Result<Vec<u32>> {
    let (removing, mut selecting): (Vec<&Matcher>, Vec<&Matcher>) = matchers
        .iter()
        .filter(|matcher| !matches_everything(matcher))
        .partition(|matcher| matcher.matches_empty());
    selecting.sort_by_key(|matcher| lookup_cost(matcher));

    let mut found = if selecting.is_empty() {
        index.all()?
    } else {
        let mut lists = Vec::with_capacity(selecting.len());
        for matcher in selecting {
            let list = selected(index, matcher)?;
            if list.is_empty() {
                return Ok(list);
            }
            lists.push(list);
        }
        postings::intersect(lists)
    };
    for matcher in removing {
        if found.is_empty() {
            break;
        }
        found = postings::difference(found, &removed(index, matcher)?);
    }
    Ok(found)
}

/// Those of the `values` of a label that one of the series has; both lists rise.
///
/// # Errors
/// Those of the index.
pub(crate) fn values_of(
    index: &dyn LabelIndex,
    name: &str,
    values: Vec<String>,
    series: &[u32],
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for value in values {
        if postings::intersects(&index.postings(name, &value)?, series) {
            found.push(value);
        }
    }
    Ok(found)
}

/// `=~".*"`, which dashboards send for "all": no reason to look at every value.
fn matches_everything(matcher: &Matcher) -> bool {
    matcher.op() == MatchOp::Regex && matcher.value() == ".*"
}

/// Order of the selecting matchers: one lookup, a known number of lookups, a scan of the values.
fn lookup_cost(matcher: &Matcher) -> usize {
    match (matcher.op(), literals(matcher)) {
        (MatchOp::Equal, _) => 0,
        (MatchOp::Regex, Some(literals)) => literals.len(),
        _ => usize::MAX,
    }
}

fn literals(matcher: &Matcher) -> Option<&[String]> {
    matcher.regex().and_then(|regex| regex.literals())
}

/// The series whose value satisfies a matcher that `""` does not satisfy.
fn selected(index: &dyn LabelIndex, matcher: &Matcher) -> Result<Vec<u32>> {
    let name = matcher.name();
    match (matcher.op(), matcher.regex()) {
        (MatchOp::Equal, _) => index.postings(name, matcher.value()),
        (MatchOp::Regex, Some(regex)) => match regex.literals() {
            Some(values) => of_values(index, name, values),
            None if matcher.value() == ".+" => scan(index, name, "", &mut |_| true),
            None => scan(index, name, regex.prefix(), &mut |v| regex.is_match(v)),
        },
        // `!=""`, and a negated pattern that matches the empty value.
        _ => scan(index, name, "", &mut |value| matcher.matches(value)),
    }
}

/// The series whose value fails a matcher that `""` satisfies.
fn removed(index: &dyn LabelIndex, matcher: &Matcher) -> Result<Vec<u32>> {
    let name = matcher.name();
    match (matcher.op(), matcher.regex()) {
        (MatchOp::NotEqual, _) => index.postings(name, matcher.value()),
        (MatchOp::NotRegex, Some(regex)) => match regex.literals() {
            Some(values) => of_values(index, name, values),
            None => scan(index, name, regex.prefix(), &mut |v| regex.is_match(v)),
        },
        // `=""`, and a pattern that matches the empty value.
        _ => scan(index, name, "", &mut |value| !matcher.matches(value)),
    }
}

fn of_values(index: &dyn LabelIndex, name: &str, values: &[String]) -> Result<Vec<u32>> {
    let lists = values
        .iter()
        .map(|value| index.postings(name, value))
        .collect::<Result<Vec<_>>>()?;
    Ok(postings::union(lists))
}

fn scan(
    index: &dyn LabelIndex,
    name: &str,
    prefix: &str,
    keep: &mut dyn FnMut(&str) -> bool,
) -> Result<Vec<u32>> {
    Ok(postings::union(index.postings_where(name, prefix, keep)?))
}
