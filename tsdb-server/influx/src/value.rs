//! Values of fields and of answers.

use std::fmt;
use std::sync::Arc;

/// The type of a field: fixed for a measurement's field by the first value that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FieldType {
    /// A double.
    Float,
    /// A signed integer of 64 bits.
    Integer,
    /// True or false.
    Boolean,
    /// Text.
    String,
}

impl FieldType {
    /// InfluxDB's name of the type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::String => "string",
        }
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value in an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// A double.
    Float(f64),
    /// An integer.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// Text.
    String(Arc<str>),
}

impl Value {
    /// Bytes of its text, if it is one.
    pub(crate) fn text_bytes(&self) -> usize {
        match self {
            Self::String(text) => text.len(),
            _ => 0,
        }
    }

    /// Text.
    pub(crate) fn text(text: &str) -> Self {
        Self::String(text.into())
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// A number as a double.
    pub(crate) fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Integer(value) => Some(*value as f64),
            _ => None,
        }
    }
}
