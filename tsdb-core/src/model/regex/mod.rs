//! Regular expressions of label matchers: Go's syntax and meaning, fully anchored, `.` matches a newline.
//!
//! * [`dialect`] reads Go's syntax into an HIR; a construct that Go refuses or that cannot be expressed is an error,
//!   never another meaning. What is not translated yet is listed there.
//! * [`literals`] takes from the same HIR what the index can look up instead of trying every value.

mod dialect;
mod literals;

use std::fmt;

use regex_automata::meta::Regex;
use regex_syntax::hir::{Hir, Look};

/// Upper bound of a compiled pattern, in bytes.
const MAX_COMPILED_BYTES: usize = 10 << 20;

/// A pattern that does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegexError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it, and where: in the words of Go's `regexp/syntax` where it has some.
    pub reason: String,
}

impl fmt::Display for RegexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error parsing regexp: {}", self.reason)
    }
}

impl std::error::Error for RegexError {}

/// A compiled, fully anchored pattern, with what the index can use of it.
#[derive(Clone, Debug)]
pub struct LabelRegex {
    regex: Regex,
    /// Sorted.
    literals: Option<Box<[String]>>,
    prefix: Box<str>,
}

impl LabelRegex {
    /// Compiles `^(?s:pattern)$`.
    ///
    /// # Errors
    /// [`RegexError`] when the pattern is malformed, longer than 256 KiB, nests deeper than 250 levels, or compiles to
    /// more than 10 MiB.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        let fail = |reason: String| RegexError {
            pattern: pattern.to_owned(),
            reason,
        };
        let hir = dialect::parse(pattern).map_err(fail)?;
        let literals = literals::all(&hir);
        let prefix = literals::prefix(&hir, literals.as_deref());
        let anchored = Hir::concat(vec![Hir::look(Look::Start), hir, Hir::look(Look::End)]);
        let regex = Regex::builder()
            .configure(Regex::config().nfa_size_limit(Some(MAX_COMPILED_BYTES)))
            .build_from_hir(&anchored)
            .map_err(|_| fail(format!("expression too large: `{pattern}`")))?;
        Ok(Self {
            regex,
            literals: literals.map(Vec::into_boxed_slice),
            prefix: prefix.into_boxed_str(),
        })
    }

    /// Whether the whole of `value` matches.
    #[must_use]
    pub fn is_match(&self, value: &str) -> bool {
        match &self.literals {
            Some(literals) => literals
                .binary_search_by(|literal| literal.as_str().cmp(value))
                .is_ok(),
            None => value.starts_with(&*self.prefix) && self.regex.is_match(value),
        }
    }

    /// The groups of the match of the whole of `value`, the match itself first; `None` for a group that took no part.
    #[must_use]
    pub fn captures<'v>(&self, value: &'v str) -> Option<Vec<Option<&'v str>>> {
        let mut captures = self.regex.create_captures();
        self.regex.captures(value, &mut captures);
        captures.is_match().then(|| {
            captures
                .iter()
                .map(|span| span.and_then(|span| value.get(span.range())))
                .collect()
        })
    }

    /// Memory that the compiled pattern takes, in bytes, without what matching keeps for the next time.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.regex.memory_usage()
    }

    /// Number of the group of that name.
    #[must_use]
    pub fn group_number(&self, name: &str) -> Option<usize> {
        self.regex
            .group_info()
            .to_index(regex_automata::PatternID::ZERO, name)
    }

    /// The values the pattern matches, if it is a finite set of literals (at most 256), sorted.
    #[must_use]
    pub fn literals(&self) -> Option<&[String]> {
        self.literals.as_deref()
    }

    /// A literal that every matching value starts with; `""` when there is none.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

#[cfg(test)]
mod tests;
