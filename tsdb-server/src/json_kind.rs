//! What the values of a JSON line are, where it says so. Lines that do not hold floats, and are VictoriaMetrics's then.

use tsdb_core::{TimeUnit, Value};

/// The kind of the values of a line; a line has values of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum JsonKind {
    #[default]
    Float,
    Histogram,
    FloatHistogram,
    Integer,
    Boolean,
    String,
}

impl JsonKind {
    const ALL: [Self; 6] = [
        Self::Float,
        Self::Histogram,
        Self::FloatHistogram,
        Self::Integer,
        Self::Boolean,
        Self::String,
    ];

    /// What `kind` says on the line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Histogram => "histogram",
            Self::FloatHistogram => "float_histogram",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::String => "string",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// `None` for a kind that has no form in JSON lines.
    pub(crate) fn of(value: Value<'_>) -> Option<Self> {
        Some(match value {
            Value::Float(_) => Self::Float,
            Value::Histogram(_) => Self::Histogram,
            Value::FloatHistogram(_) => Self::FloatHistogram,
            Value::Integer(_) => Self::Integer,
            Value::Boolean(_) => Self::Boolean,
            Value::String(_) => Self::String,
            _ => return None,
        })
    }
}

/// What `unit` says on a line whose times are not in milliseconds.
pub(crate) const NANOSECONDS: &str = "ns";

/// The unit that a line names.
pub(crate) fn unit_from_name(name: &str) -> Option<TimeUnit> {
    match name {
        "ms" => Some(TimeUnit::Milliseconds),
        NANOSECONDS => Some(TimeUnit::Nanoseconds),
        _ => None,
    }
}
