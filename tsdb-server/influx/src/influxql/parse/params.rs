//! Values of bound parameters.

use std::collections::HashMap;

/// The values of `$name` in a query.
#[derive(Clone, Debug, Default)]
pub struct Params {
    values: HashMap<String, Param>,
}

/// The value of a bound parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Param {
    /// Text.
    String(String),
    /// A number with a point.
    Number(f64),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// A duration in nanoseconds, `{"duration": "1m"}`.
    Duration(i64),
    /// A pattern, `{"regex": "…"}`.
    Regex(String),
    /// A name, `{"identifier": "…"}`.
    Identifier(String),
}

impl Params {
    /// Sets the value of `$name`.
    pub fn set(&mut self, name: &str, value: Param) {
        self.values.insert(name.to_owned(), value);
    }

    pub(super) fn get(&self, name: &str) -> Option<&Param> {
        self.values.get(name)
    }
}

impl Param {
    /// The duration that a text means.
    #[must_use]
    pub fn duration(text: &str) -> Option<Self> {
        super::super::duration::parse_duration(text).map(Self::Duration)
    }
}
