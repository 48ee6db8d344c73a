//! What a statement gives.

use jiff::tz::TimeZone;

use crate::value::Value;

/// What a statement gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The series of the answer.
    pub rows: Vec<Row>,
    /// Warnings.
    pub messages: Vec<Message>,
}

/// A warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it says.
    pub text: String,
}

/// A series of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Its measurement, if it has one.
    pub name: Option<String>,
    /// The tags it is grouped by, sorted by key; `None` without `GROUP BY`.
    pub tags: Vec<(String, String)>,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows of values.
    pub values: Vec<Vec<Value>>,
    /// The first column is a time in nanoseconds, to be shown in this zone.
    pub time: Option<TimeZone>,
}

impl Row {
    /// A list with one column.
    pub(crate) fn list(name: &str, column: &str, items: impl IntoIterator<Item = String>) -> Self {
        let values = items
            .into_iter()
            .map(|item| vec![Value::String(item.into())]);
        Self {
            name: Some(name.to_owned()).filter(|name| !name.is_empty()),
            columns: vec![column.to_owned()],
            values: values.collect(),
            ..Self::default()
        }
    }

    /// A table without a name.
    pub(crate) fn table(columns: &[&str], values: Vec<Vec<Value>>) -> Self {
        Self {
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            values,
            ..Self::default()
        }
    }
}
