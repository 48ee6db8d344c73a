//! Values that InfluxDB has beside floats: its *fields*.

use std::sync::Arc;

use super::sample::{Kind, Value};

/// Bytes of a string value at most, as in InfluxDB.
pub const MAX_STRING_BYTES: usize = 64 << 10;

/// An integer, a boolean or a string, kept. Two of them are the same value only if they are of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FieldValue {
    Integer(i64),
    Boolean(bool),
    /// Two pointers on the way, so that a series keeps its newest value in two words. Strings are shared, not copied.
    String(Arc<Box<str>>),
}

const _: () = assert!(size_of::<FieldValue>() == 16);

impl FieldValue {
    pub(crate) fn string(text: &str) -> Self {
        Self::String(Arc::new(text.into()))
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Integer(_) => Kind::Integer,
            Self::Boolean(_) => Kind::Boolean,
            Self::String(_) => Kind::String,
        }
    }

    /// The value, borrowed.
    pub(crate) fn as_value(&self) -> Value<'_> {
        match self {
            Self::Integer(integer) => Value::Integer(*integer),
            Self::Boolean(boolean) => Value::Boolean(*boolean),
            Self::String(text) => Value::String(text),
        }
    }

    /// The text of a string.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Integer(_) | Self::Boolean(_) => None,
        }
    }

    /// An integer, or 0 or 1 for a boolean.
    pub(crate) fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            Self::Boolean(boolean) => Some(i64::from(*boolean)),
            Self::String(_) => None,
        }
    }

    /// Whether the store takes it: a string may be too long.
    pub(crate) fn is_storable(&self) -> bool {
        match self {
            Self::Integer(_) | Self::Boolean(_) => true,
            Self::String(text) => text.len() <= MAX_STRING_BYTES,
        }
    }

    /// Memory it holds beside itself, in bytes.
    pub(crate) fn extra_bytes(&self) -> usize {
        match self {
            Self::Integer(_) | Self::Boolean(_) => 0,
            // With the counts of the reference and the length.
            Self::String(text) => text.len() + 4 * size_of::<usize>(),
        }
    }

    /// What PromQL shows of it: the double nearest to an integer, 0 or 1 for a boolean, nothing for a string.
    pub(super) fn as_float(&self) -> Option<f64> {
        self.as_integer().map(|integer| integer as f64)
    }
}
