//! Regular expressions of InfluxQL: Go's, found anywhere in the text.

use tsdb_core::model::{LabelRegex, MatchOp, Matcher, RegexError};

use crate::error::{Error, Result};

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    regex: LabelRegex,
}

impl Pattern {
    pub(crate) fn new(pattern: &str) -> std::result::Result<Self, RegexError> {
        // By itself first, so that no unbalanced parenthesis meets those around it, and so that an error shows it alone.
        LabelRegex::new(pattern)?;
        let regex = LabelRegex::new(&anywhere(pattern))?;
        Ok(Self { regex })
    }

    /// Memory that it takes, in bytes, without what matching keeps for the next time.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.regex.memory_bytes()
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The condition that a label matches the pattern, or that it does not.
    pub(crate) fn matcher(label: &str, pattern: &str, matches: bool) -> Result<Matcher> {
        let op = if matches {
            MatchOp::Regex
        } else {
            MatchOp::NotRegex
        };
        Matcher::new(op, label, &anywhere(pattern)).map_err(|e| Error::query(e.to_string()))
    }
}

/// The patterns of the store match the whole of a value, and a newline by `.`; those of InfluxQL do neither.
fn anywhere(pattern: &str) -> String {
    format!("(?s:.*)(?-s:{pattern})(?s:.*)")
}
