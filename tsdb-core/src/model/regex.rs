//! Regular expressions of label matchers: fully anchored, `.` matches a newline, ASCII classes.

use std::fmt;

use regex_automata::meta::Regex;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;

/// Upper bound of a compiled pattern, in bytes.
const MAX_COMPILED_BYTES: usize = 10 << 20;

/// A pattern that does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegexError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
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
}

impl LabelRegex {
    /// Compiles `^(?s:pattern)$`.
    ///
    /// # Errors
    /// [`RegexError`] when the pattern is malformed or compiles to more than 10 MiB.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        let fail = |reason: String| RegexError {
            pattern: pattern.to_owned(),
            reason,
        };
        let hir: Hir = ParserBuilder::new()
            .dot_matches_new_line(true)
            .build()
            .parse(pattern)
            .map_err(|e| fail(e.to_string()))?;
        let anchored = Hir::concat(vec![
            Hir::look(regex_syntax::hir::Look::Start),
            hir,
            Hir::look(regex_syntax::hir::Look::End),
        ]);
        let regex = Regex::builder()
            .configure(Regex::config().nfa_size_limit(Some(MAX_COMPILED_BYTES)))
            .build_from_hir(&anchored)
            .map_err(|e| fail(e.to_string()))?;
        Ok(Self { regex })
    }

    /// Whether the whole of `value` matches.
    #[must_use]
    pub fn is_match(&self, value: &str) -> bool {
        self.regex.is_match(value)
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
        None
    }

    /// A literal that every matching value starts with; `""` when there is none.
    #[must_use]
    pub fn prefix(&self) -> &str {
        ""
    }
}
